package takeover

import (
	"strings"
	"time"

	"github.com/keyturn/keyturn/session"
)

// A KoaConfig says how an application of Koa signs the sessions of koa-session. As long
// as its app.keys are not a Keygrip, the Secrets are enough.
type KoaConfig struct {
	// Cookie is the option key; "koa.sess" if empty. It was "koa:sess" before
	// koa-session 6. The signature is in the cookie of this name and ".sig".
	Cookie string

	// Secrets are app.keys, the newest first.
	Secrets []string

	// Hash is the algorithm of the Keygrip, if app.keys is one; "sha1" if empty. There
	// are "sha224", "sha256", "sha384", "sha512" and "md5" as well.
	Hash string

	// Encoding is that of the Keygrip; "base64" if empty, or "hex".
	Encoding string
}

// Koa returns a [Reader] of the sessions that koa-session keeps in cookies, signed with
// keygrip (koa-session, src/context.ts and src/session.ts). They are two cookies, as
// those of [Express]. The system is "koa-session".
//
// The data are an object. Names that begin with "_" are koa-session's own, and are left
// out; [Express] says what else there is about JavaScript's data.
//
// A session ends at its _expire, in milliseconds, which is in the cookie; it starts,
// or rather was last sent, _maxAge before. One of the option maxAge "session" says
// _session instead, and has neither start nor end: it starts with the takeover, and
// Until ends it.
//
// The Reader is stricter than koa-session in what [Express] is stricter than
// cookie-session, and in this: there has to be an _expire or a _session, where
// koa-session takes a session without for ever; and a session must not start later than a
// minute from now.
//
// Where koa-session has a store, its cookies only have the ID of a session, and
// are refused. So are those of the option signed set to false.
func Koa(c KoaConfig) (*Reader, error) {
	p := problems{function: "Koa"}
	if c.Cookie == "" {
		c.Cookie = "koa.sess"
	}
	k := newKeygrip(&p, c.Cookie, c.Secrets, c.Hash, c.Encoding)
	if err := p.err(); err != nil {
		return nil, err
	}
	return &Reader{
		system: "koa-session",
		names:  k.cookies(),
		open: func(now time.Time, values []string) (session.Foreign, error) {
			value, err := k.verify(values)
			if err != nil {
				return session.Foreign{}, err
			}
			return openKoa(now, value)
		},
	}, nil
}

// openKoa opens a value that has been verified.
func openKoa(now time.Time, value string) (f session.Foreign, err error) {
	object, err := decodeExpress(value)
	if err != nil {
		return f, err
	}
	expire, expires := object["_expire"]
	maxAge, aged := object["_maxAge"]
	switch {
	case expires:
		end, ok := koaMillis(expire)
		if !ok {
			return f, refuse(session.ErrUndecodable, "its _expire is not a time in milliseconds")
		}
		f.Expires = time.UnixMilli(end)
		if now.After(f.Expires) {
			return f, refuse(session.ErrExpired, "it is past its _expire")
		}
		if !aged {
			break
		}
		age, ok := koaMillis(maxAge)
		if !ok || age > end {
			return f, refuse(session.ErrUndecodable, "its _maxAge is not a number of milliseconds before _expire")
		}
		f.Start = time.UnixMilli(end - age)
		if f.Start.Sub(now) > time.Minute {
			return f, refuse(session.ErrFuture, "it starts in the future")
		}
	case object["_session"] != true:
		return f, refuse(session.ErrUndecodable, "it has neither _expire nor _session")
	}
	for name := range object {
		if strings.HasPrefix(name, "_") {
			delete(object, name)
		}
	}
	f.Data = object
	return f, nil
}

// koaMillis returns a number of milliseconds, which a maxAge that is not an integer makes
// one that is not either.
func koaMillis(x any) (int64, bool) {
	const most = 1 << 53 // that a number of JavaScript counts to
	switch x := x.(type) {
	case int64:
		return x, 0 <= x && x <= most
	case float64:
		return int64(x), 0 <= x && x <= most
	}
	return 0, false
}
