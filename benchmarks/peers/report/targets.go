package main

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/keyturn/keyturn/benchmarks/internal/work"
	"github.com/keyturn/keyturn/benchmarks/peers/internal/server"
	"github.com/keyturn/keyturn/internal/turns"
)

// A target is a ratio, or another number, that is to be on one side of a bound.
type target struct {
	// id begins with the number of its section in the list of targets, and says
	// what is wanted.
	id string
	// contest is where it is measured.
	contest string
	how     how
	// who are those of whom it is wanted: of each of them. versus are whom they
	// are measured against, and what becomes of these depends on how.
	who, versus []string
	is          op
	bound       float64
}

// A how is what is measured.
type how int

const (
	// over is the time of who, over the sum of the times of versus.
	over how = iota
	// ahead is the time of versus over that of who, of each of versus: how many
	// times faster who is.
	ahead
	// allocations is how many times more who allocates than the one versus.
	allocations
	// cookieBytes is the length of the cookie of who, over the shortest of versus.
	cookieBytes
	// gains is the throughput of two goroutines over that of one. versus says
	// whether the collector is collectorOff or collectorOn.
	gains
	// cpu is the microseconds of CPU time that who takes more than versus.
	cpu
)

const (
	collectorOff = "collector off"
	collectorOn  = "collector as it comes"
)

type op string

const (
	atMost  op = "<="
	atLeast op = ">="
	under   op = "<"
	more    op = ">"
)

func (o op) holds(value, bound float64) bool {
	switch o {
	case atMost:
		return value <= bound
	case atLeast:
		return value >= bound
	case under:
		return value < bound
	case more:
		return value > bound
	}
	return false
}

// worse says whether a is further than b from what is wanted.
func (o op) worse(a, b float64) bool {
	if o == atMost || o == under {
		return a > b
	}
	return a < b
}

// The others, by the names they have in the contests.
const (
	floorEnvelope = work.FloorEnvelope
	floorRequest  = work.FloorRequest
	noMiddleware  = "no middleware"
	gorillaRaw    = "gorilla/securecookie raw"
	gorillaJSON   = "gorilla/securecookie JSON"
	gorillaGob    = "gorilla/securecookie gob"
	golangJWT     = "golang-jwt HS256"
	cristalhqJWT  = "cristalhq/jwt HS256"
	goPaseto      = "go-paseto v4.local"
	chmike        = "chmike/securecookie"
	gorillaSess   = server.Gorilla
	scs           = server.SCS

	hmacAlone  = "keyturn hmac-sha256"
	hmacAtTime = hmacAlone + work.AtATime
	sealedOnly = "keyturn xchacha20-poly1305 envelope only"
	keyJSON    = server.KeyturnJSON
	keyMsgpack = "keyturn hmac-sha256 msgpack"
	keyCBOR    = work.KeyturnCBOR
)

// every returns keyturn with a codec and each of the algorithms.
func every(codec string) []string {
	return []string{"keyturn hmac-sha256 " + codec, "keyturn blake2b-256 " + codec, "keyturn xchacha20-poly1305 " + codec}
}

var (
	ofOne    = []string{noMiddleware}
	peersAll = []string{gorillaJSON, gorillaGob, golangJWT, cristalhqJWT, goPaseto}
	signed   = []string{gorillaJSON, gorillaGob, golangJWT, cristalhqJWT}
	requests = []string{gorillaSess, scs}
)

func one(who string) []string { return []string{who} }

// beside returns the codec and the envelope's floor over the same bytes, which are
// what a value costs at least.
func beside(codec string) []string { return []string{codec + " alone", floorEnvelope + " " + codec} }

// targets are what keyturn is to reach, by the sections of the list.
var targets = []target{
	{"1 open <= 1.15 x floor", "envelope/open/132", over, one(hmacAtTime), one(floorEnvelope), atMost, 1.15},
	{"1 sign <= 1.15 x floor", "envelope/sign/132", over, one(hmacAtTime), one(floorEnvelope), atMost, 1.15},
	{"1 open >= 2.5 x as fast as gorilla raw", "envelope/open/132", ahead, one(hmacAlone), one(gorillaRaw), atLeast, 2.5},
	{"1 sign >= 3.5 x as fast as gorilla raw", "envelope/sign/132", ahead, one(hmacAlone), one(gorillaRaw), atLeast, 3.5},
	{"1 sealed, header to bytes >= 1.5 x as fast as chmike", "http/get/132", ahead, one(sealedOnly), one(chmike), atLeast, 1.5},
	{"1 sealed, bytes to header >= 1.5 x as fast as chmike", "http/set/132", ahead, one(sealedOnly), one(chmike), atLeast, 1.5},

	{"2 open JSON <= 1.1 x codec and floor", "value/open", over, one(keyJSON + work.AtATime), beside("json"), atMost, 1.1},
	{"2 open MessagePack <= 1.1 x codec and floor", "value/open", over, one(keyMsgpack + work.AtATime), beside("msgpack"), atMost, 1.1},
	{"2 open CBOR <= 1.1 x codec and floor", "value/open", over, one(keyCBOR + work.AtATime), beside("cbor"), atMost, 1.1},
	{"2 make JSON <= 1.1 x codec and floor", "value/make", over, one(keyJSON + work.AtATime), beside("json"), atMost, 1.1},
	{"2 make MessagePack <= 1.1 x codec and floor", "value/make", over, one(keyMsgpack + work.AtATime), beside("msgpack"), atMost, 1.1},
	{"2 make CBOR <= 1.1 x codec and floor", "value/make", over, one(keyCBOR + work.AtATime), beside("cbor"), atMost, 1.1},
	{"2 open JSON faster than every peer", "value/open", ahead, every("json"), peersAll, more, 1},
	{"2 open MessagePack faster than every peer", "value/open", ahead, every("msgpack"), peersAll, more, 1},
	{"2 open CBOR faster than every peer", "value/open", ahead, every("cbor"), peersAll, more, 1},
	{"2 make JSON faster than every peer", "value/make", ahead, every("json"), peersAll, more, 1},
	{"2 make MessagePack faster than every peer", "value/make", ahead, every("msgpack"), peersAll, more, 1},
	{"2 make CBOR faster than every peer", "value/make", ahead, every("cbor"), peersAll, more, 1},
	{"2 open CBOR >= 3 x as fast as gorilla JSON", "value/open", ahead, one(keyCBOR), one(gorillaJSON), atLeast, 3},
	{"2 open CBOR >= 5 x as fast as golang-jwt", "value/open", ahead, one(keyCBOR), one(golangJWT), atLeast, 5},
	{"2 open CBOR >= 13 x as fast as gorilla gob", "value/open", ahead, one(keyCBOR), one(gorillaGob), atLeast, 13},
	{"2 open JSON >= 2 x as fast as gorilla JSON", "value/open", ahead, one(keyJSON), one(gorillaJSON), atLeast, 2},
	{"2 open JSON >= 3 x as fast as golang-jwt", "value/open", ahead, one(keyJSON), one(golangJWT), atLeast, 3},

	{"3 untouched <= 3 allocations", "request/untouched", allocations, one(keyCBOR), ofOne, atMost, 3},
	{"3 untouched <= 1.5 x the wrapper", "request/untouched", over, one(keyCBOR), one(floorRequest), atMost, 1.5},
	{"3 untouched, of 1 kB <= 3 allocations", "request/untouched-1kB", allocations, one(keyCBOR), ofOne, atMost, 3},
	{"3 untouched, of 1 kB <= 1.5 x the wrapper", "request/untouched-1kB", over, one(keyCBOR), one(floorRequest), atMost, 1.5},
	{"3 read CBOR >= 10 x as fast as gorilla and scs", "request/read", ahead, one(keyCBOR), requests, atLeast, 10},
	{"3 read JSON >= 8 x as fast as gorilla and scs", "request/read", ahead, one(keyJSON), requests, atLeast, 8},
	{"3 change CBOR >= 6 x as fast as gorilla and scs", "request/change", ahead, one(keyCBOR), requests, atLeast, 6},
	{"3 change JSON >= 5 x as fast as gorilla and scs", "request/change", ahead, one(keyJSON), requests, atLeast, 5},

	{"4 open with 64 keys <= 1.05 x 1 key", "ring/open", over, one("keyturn 64 keys"), one("keyturn 1 key"), atMost, 1.05},
	{"4 sign with 64 keys <= 1.05 x 1 key", "ring/sign", over, one("keyturn 64 keys"), one("keyturn 1 key"), atMost, 1.05},
	{"4 unknown key, malformed, too large < valid", "envelope/refused/132", over,
		[]string{"keyturn unknown_key", "keyturn malformed", "keyturn too_large"}, one("keyturn valid"), under, 1},

	{"5 cookies of every codec < every signed peer", "value/make", cookieBytes, []string{keyJSON, keyMsgpack, keyCBOR}, signed, under, 1},
	{"5 cookie CBOR <= 0.70 x gorilla JSON", "value/make", cookieBytes, one(keyCBOR), one(gorillaJSON), atMost, 0.70},

	{"6 open, two goroutines >= 1.9 x one, collector off", parallelOpen, gains, one(parallelWho), one(collectorOff), atLeast, 1.9},
	{"6 open, two goroutines >= 1.7 x one, as it comes", parallelOpen, gains, one(parallelWho), one(collectorOn), atLeast, 1.7},
	{"6 read, two goroutines >= 1.9 x one, collector off", parallelRead, gains, one(parallelWho), one(collectorOff), atLeast, 1.9},
	{"6 read, two goroutines >= 1.7 x one, as it comes", parallelRead, gains, one(parallelWho), one(collectorOn), atLeast, 1.7},

	{"7 server, CPU per request <= bare + 3 us", serverStep, cpu, one(server.KeyturnCBOR), one(server.Bare), atMost, 3},
}

// complete returns an error that lists what the targets need and the contests do
// not have.
func complete(all []target, contests []work.Contest) error {
	var errs []error
	seen := make(map[string]bool)
	missing := func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); !seen[text] {
			seen[text] = true
			errs = append(errs, errors.New(text))
		}
	}
	for _, t := range all {
		switch t.how {
		case cpu:
		case gains:
			name := strings.TrimPrefix(t.contest, "parallel/")
			for _, who := range t.who {
				if e, ok := work.Find(contests, name, who); !ok {
					missing("%s has no %q", name, who)
				} else if e.Fork == nil {
					missing("%s: %q has no Fork", name, who)
				}
			}
		default:
			for _, list := range [][]string{t.who, t.versus} {
				for _, who := range list {
					if _, ok := work.Find(contests, t.contest, who); !ok {
						missing("%s has no %q", t.contest, who)
					}
				}
			}
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("targets without what they are about:\n%w", errors.Join(errs...))
	}
	return nil
}

// A state is what became of a target.
type state string

const (
	passed  state = "pass"
	isShort state = "short"
	broken  state = "not measured"
	// unknown is where this system does not tell what is to be measured.
	unknown state = "not measured here"
)

// A verdict is what was measured of a target. Its median decides.
type verdict struct {
	target
	turns.Spread
	state state
	// detail says who was furthest from the bound, if there are several, or why
	// nothing was measured.
	detail string
}

func judge(all []target, r *results) []verdict {
	verdicts := make([]verdict, len(all))
	for i, t := range all {
		v := verdict{target: t}
		var err error
		v.Spread, v.detail, err = t.measured(r)
		switch {
		case errors.Is(err, errNoCPU):
			v.state, v.detail = unknown, err.Error()
		case err != nil:
			v.state, v.detail = broken, err.Error()
		case t.is.holds(v.Median, t.bound):
			v.state = passed
		default: // also of what is not a number
			v.state = isShort
		}
		verdicts[i] = v
	}
	return verdicts
}

var errNoCPU = errors.New("this system does not tell a process's CPU time")

// measured returns what is furthest from the bound, and of whom that is.
func (t target) measured(r *results) (worst turns.Spread, detail string, err error) {
	worst.Median = math.NaN()
	if len(t.who) == 0 || len(t.versus) == 0 {
		return worst, "", errors.New("it says nobody")
	}
	take := func(s turns.Spread, of string) {
		if detail == "" || t.is.worse(s.Median, worst.Median) || math.IsNaN(s.Median) {
			worst, detail = s, of
		}
	}
	for _, name := range t.who {
		switch t.how {
		case cpu:
			for _, versus := range t.versus {
				s, err := r.site(name)
				if err != nil {
					return worst, "", err
				}
				bare, err := r.site(versus)
				if err != nil {
					return worst, "", err
				}
				if len(s.CPU) == 0 || len(s.CPU) != len(bare.CPU) {
					return worst, "", errNoCPU
				}
				take(s.Over(bare), name+", "+versus)
			}
		case gains:
			for _, versus := range t.versus {
				p, err := r.throughput(strings.TrimPrefix(t.contest, "parallel/"), name, versus == collectorOn)
				if err != nil {
					return worst, "", err
				}
				take(p.gain(), name+", "+versus)
			}
		default:
			who, err := r.entry(t.contest, name)
			if err != nil {
				return worst, "", err
			}
			versus := make([]entry, len(t.versus))
			for i, name := range t.versus {
				if versus[i], err = r.entry(t.contest, name); err != nil {
					return worst, "", err
				}
			}
			if err := t.compare(who, versus, take); err != nil {
				return worst, "", err
			}
		}
	}
	return worst, detail, nil
}

// compare takes what is measured of one who.
func (t target) compare(who entry, versus []entry, take func(turns.Spread, string)) error {
	exactly := func(x float64) turns.Spread { return turns.Spread{Median: x, Low: x, High: x} }
	switch t.how {
	case over:
		var others []turns.Times
		for _, v := range versus {
			others = append(others, v.Times)
		}
		take(who.Over(others...), who.who)
	case ahead:
		for _, v := range versus {
			take(v.Over(who.Times), who.who+", "+v.who)
		}
	case allocations:
		for _, v := range versus {
			// What the runtime itself allocates meanwhile is not counted.
			take(exactly(math.Round(10*(who.Allocs-v.Allocs))/10), who.who+", "+v.who)
		}
	case cookieBytes:
		for _, v := range versus {
			if who.cookie <= 0 || v.cookie <= 0 {
				return fmt.Errorf("%s, %s: no cookie", who.who, v.who)
			}
			take(exactly(float64(who.cookie)/float64(v.cookie)), who.who+", "+v.who)
		}
	default:
		return fmt.Errorf("it does not say how")
	}
	return nil
}

func (r *results) entry(contest, who string) (entry, error) {
	for _, c := range r.contests {
		if c.name != contest {
			continue
		}
		for _, e := range c.entries {
			if e.who == who && len(e.NS) > 0 {
				return e, nil
			}
		}
		return entry{}, fmt.Errorf("%s has no %q", contest, who)
	}
	return entry{}, fmt.Errorf("no contest %s", contest)
}

func (r *results) throughput(contest, who string, collector bool) (parallel, error) {
	for _, p := range r.parallel {
		if p.contest == contest && p.who == who && p.collector == collector && len(p.one) > 0 {
			return p, nil
		}
	}
	return parallel{}, fmt.Errorf("%s of %q was not measured in parallel", contest, who)
}

func (r *results) site(name string) (server.Site, error) {
	for _, s := range r.sites {
		if s.Name == name {
			return s, nil
		}
	}
	return server.Site{}, fmt.Errorf("the server has no %q", name)
}
