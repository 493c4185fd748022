package work

import (
	"fmt"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/signer"
)

// The keys of the session as a dictionary.
const (
	keyUserID session.Key[int64]  = "user_id"
	keyUser   session.Key[string] = "user"
	keyRole   session.Key[string] = "role"
	keyCSRF   session.Key[string] = "csrf"
	keyTheme  session.Key[string] = "theme"
	keySeen   session.Key[int64]  = "seen"
)

// dictionary returns the session as a dictionary.
func dictionary(s Session) session.Values {
	var v session.Values
	keyUserID.Set(&v, s.UserID)
	keyUser.Set(&v, s.User)
	keyRole.Set(&v, s.Role)
	keyCSRF.Set(&v, s.CSRF)
	keyTheme.Set(&v, s.Theme)
	keySeen.Set(&v, s.Seen)
	return v
}

// undictionary returns the session of a dictionary.
func undictionary(v session.Values) Session {
	return Session{keyUserID.Get(v), keyUser.Get(v), keyRole.Get(v), keyCSRF.Get(v), keyTheme.Get(v), keySeen.Get(v)}
}

// values carry the session as the value of a cookie. As all others do, keyturn asks
// for the time with each.
func values() ([]Contest, error) {
	opens, makes := Contest{Name: "value/open"}, Contest{Name: "value/make"}
	enter := func(who, note string, cookie int, open, seal func()) {
		opens.Entries = append(opens.Entries, Entry{Who: who, Note: note, Cookie: cookie, Do: open, Fork: func() func() { return open }})
		makes.Entries = append(makes.Entries, Entry{Who: who, Note: note, Cookie: cookie, Do: seal})
	}
	for _, c := range codec.All() {
		for _, a := range signer.All() {
			who, note := fmt.Sprintf("keyturn %s %s", a.Name, c.Name()), ""
			if a.Seals() {
				note = "encrypts"
			}
			typed, err := newManager[Session](a, c)
			if err != nil {
				return nil, err
			}
			text, err := signIn(typed, Now, Standard)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", who, err)
			}
			if got := typed.Open(Now, text).Data(); got != Standard {
				return nil, fmt.Errorf("%s: %+v", who, got)
			}
			if err := is(typed, text, a, c); err != nil {
				return nil, err
			}
			enterAt := func(who, note string, now func() time.Time) {
				enter(who, note, len(text), func() {
					if typed.Open(now(), text).Data() != Standard {
						panic("another session")
					}
				}, func() { Sink = mustSignIn(typed, now(), Standard) })
			}
			enterAt(who, note, time.Now)
			isFloors := a.Name == signer.HMACSHA256().Name
			if isFloors {
				enterAt(who+AtATime, atATimeNote, func() time.Time { return Now })
			}

			who += " values"
			untyped, err := newManager[session.Values](a, c)
			if err != nil {
				return nil, err
			}
			data := dictionary(Standard)
			valuesText, err := signIn(untyped, Now, data)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", who, err)
			}
			if got := undictionary(untyped.Open(Now, valuesText).Data()); got != Standard {
				return nil, fmt.Errorf("%s: %+v", who, got)
			}
			if err := is(untyped, valuesText, a, c); err != nil {
				return nil, err
			}
			enter(who, note, len(valuesText), func() {
				if keyUser.Get(untyped.Open(time.Now(), valuesText).Data()) != Standard.User {
					panic("another session")
				}
			}, func() { Sink = mustSignIn(untyped, time.Now(), data) })

			if isFloors {
				open, sign, err := floor(text)
				if err != nil {
					return nil, err
				}
				enter(FloorEnvelope+" "+c.Name(), "no codec", len(text), open, sign)
				opens.Entries[len(opens.Entries)-1].Fork = nil // it has a buffer
			}
		}
		if err := alone(c, enter); err != nil {
			return nil, err
		}
	}
	return []Contest{opens, makes}, nil
}

func mustSignIn[T any](m *session.Manager[T], now time.Time, v T) string {
	text, err := signIn(m, now, v)
	if err != nil {
		panic(err)
	}
	return text
}

// alone enters a codec by itself, and the library that it is made of.
func alone(c codec.Codec, enter func(who, note string, cookie int, open, seal func())) error {
	for _, l := range []struct {
		who, note string
		library
	}{
		{c.Name() + " alone", "the codec without a cookie", library{c.Append, c.Decode}},
		{c.Name() + " library", "what the codec is made of, without a cookie and without the codec's checks", libraries[c.Name()]},
	} {
		data, err := l.append(nil, &Standard)
		if err != nil {
			return fmt.Errorf("%s: %w", l.who, err)
		}
		var got Session
		if err := l.decode(data, &got); err != nil || got != Standard {
			return fmt.Errorf("%s: %+v, %v", l.who, got, err)
		}
		buf := make([]byte, 0, 2*len(data))
		enter(l.who, l.note, 0, func() {
			v := new(Session)
			if err := l.decode(data, v); err != nil || *v != Standard {
				panic("another session")
			}
		}, func() {
			if _, err := l.append(buf, &Standard); err != nil {
				panic(err)
			}
		})
	}
	return nil
}
