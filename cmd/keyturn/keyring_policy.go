package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/keyturn/keyturn/keyring"
)

type policyCommand struct {
	editing
	policyFlags
}

// policyFlags set durations of a ring's policy.
type policyFlags struct {
	Propagation *duration `placeholder:"1h" help:"How long a published file takes at most until every instance has loaded it, and twice the skew more."`
	Skew        *duration `placeholder:"5m" help:"The largest error of a clock."`
	MaxSession  *duration `placeholder:"14d" help:"The longest life of a session: at least the application's Lifetime."`
}

func (policyCommand) Help() string {
	return `Without a flag, shows the policy; where the file is silent, what holds then. Every time that other commands schedule follows from it: a new policy is for the edits to come, and what is scheduled already stays as it is.

max_session_high is the longest that max_session ever was. It is raised with max_session, and never lowered here, as sessions that were promised more may be left. If max_session is raised, so is the verify_until of keys. To raise it, publish the ring, and a propagation later deploy the application that makes longer sessions; to lower it, begin with the application.

Try a policy out with keyturn keyring simulate.` + editHelp + `    keyturn keyring policy keyring.json
    keyturn keyring policy keyring.json --max-session 30d
    keyturn keyring policy keyring.json --propagation 2h --skew 1m --dry-run`
}

func (c policyCommand) Run(std streams) error {
	if !c.given() {
		return c.show(std)
	}
	p, err := c.policy()
	if err != nil {
		return err
	}
	return c.edit(std, func(d *draft) error { return setPolicy(d, p) })
}

// setPolicy sets the policy of the ring.
func setPolicy(d *draft, p keyring.Policy) error {
	if err := d.SetPolicy(d.now, p); err != nil {
		return err
	}
	switch was := d.ring.Policy(); {
	case d.Policy.MaxSession < was.MaxSession:
		d.note("there may be sessions of up to %s: max_session_high stays, so that their keys do", duration(d.Policy.MaxSessionHigh))
	case d.Policy.MaxSession > was.MaxSession:
		d.note("an application with a longer Lifetime can be deployed when every instance has the file")
	}
	return nil
}

// show writes the policy of the ring.
func (c policyCommand) show(std streams) error {
	if c.Reason != "" || len(c.Accept) > 0 || c.DryRun || c.ExpectGeneration != nil {
		return failf(statusUsage, "which policy? Say --propagation, --skew or --max-session: without one, nothing is edited, and the present policy shown")
	}
	ring, err := ringIn(c.File)
	if err != nil {
		return err
	}
	y := ring.Policy()
	if c.JSON {
		return writeJSON(std.out, describePolicy(y))
	}
	describePolicy(y).write(std.out)
	warn(std.err, c.File, warnings(c.File, ring, time.Now()))
	return nil
}

// write writes the policy for people, named as in the file.
func (p policyDescription) write(w io.Writer) {
	p = p.forPeople()
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "propagation\t%s\tuntil every instance has a published file, and all clocks agree on that\n", p.Propagation)
	fmt.Fprintf(t, "skew\t%s\tthe largest error of a clock\n", p.Skew)
	fmt.Fprintf(t, "max_session\t%s\tthe longest life of a session\n", p.MaxSession)
	fmt.Fprintf(t, "max_session_high\t%s\tthe longest that it ever was\n", p.MaxSessionHigh)
	t.Flush()
}

// given reports whether there is one of the flags.
func (f policyFlags) given() bool {
	return f.Propagation != nil || f.Skew != nil || f.MaxSession != nil
}

// policy returns what the flags say, and zero for those that are not there.
func (f policyFlags) policy() (p keyring.Policy, err error) {
	var errs []error
	for _, d := range []struct {
		name string
		flag *duration
		to   *time.Duration
	}{{"--propagation", f.Propagation, &p.Propagation}, {"--skew", f.Skew, &p.Skew}, {"--max-session", f.MaxSession, &p.MaxSession}} {
		switch {
		case d.flag == nil:
		case *d.flag == 0: // which a file would leave out
			errs = append(errs, fmt.Errorf("%s: must be more than zero", d.name))
		default:
			*d.to = time.Duration(*d.flag)
		}
	}
	if len(errs) > 0 {
		return p, fail(statusUsage, errors.Join(errs...))
	}
	return p, nil
}
