package middleware

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// named returns what a session is told of the cookies of a request.
func named(lines []string, name string, few int) []string {
	r := &http.Request{Header: http.Header{"Cookie": lines}}
	return (&question{settings: &settings{few: few}, r: r}).Cookies(name)
}

// byHTTP returns the values of CookiesNamed, and whether net/http has others of
// the name among all cookies, which would be a surprise.
func byHTTP(t *testing.T, lines []string, name string) []string {
	t.Helper()
	r := &http.Request{Header: http.Header{"Cookie": lines}}
	var values, among []string
	for _, c := range r.CookiesNamed(name) {
		values = append(values, c.Value)
	}
	for _, c := range r.Cookies() {
		if c.Name == name {
			among = append(among, c.Value)
		}
	}
	if !slices.Equal(values, among) {
		t.Fatalf("net/http finds %q by name and %q among all", values, among)
	}
	return values
}

var cookieHeaders = []struct {
	name  string
	lines []string
	want  []string // the values of s
}{
	{"no header", nil, nil},
	{"an empty line", []string{""}, nil},
	{"white space", []string{" \t\r\n"}, nil},
	{"one", []string{"s=v"}, []string{"v"}},
	{"no value", []string{"s="}, []string{""}},
	{"no equals sign", []string{"s"}, []string{""}},
	{"no equals sign, and space", []string{"a=b; s ; c=d"}, []string{""}},
	{"equals signs in the value", []string{"s==v=="}, []string{"=v=="}},
	{"among others", []string{"a=b; s=v; c=d"}, []string{"v"}},
	{"several", []string{"s=1;s=2; s=3"}, []string{"1", "2", "3"}},
	{"on several lines", []string{"a=b; s=1", "", "s=2", "c=d;s=3"}, []string{"1", "2", "3"}},
	{"longer names", []string{"ss=1; s2=2; s-=3; s/=4; s s=5; s\"=6"}, nil},
	{"names that end with it", []string{"as=1; -s=2; \"s=3; $s=4"}, nil},
	{"another case", []string{"S=v"}, nil},
	{"its name in a value", []string{"a=s=v; b=s; =s=v; =s"}, nil},
	{"space around the name", []string{" s =v", "\ts\t=v", "a=b;\r\ns\r\n=v"}, []string{"v", "v", "v"}},
	{"space before the value", []string{"s= v", "s =  v"}, []string{" v", "  v"}},
	{"space after the value", []string{"s=v ", "s=v\t; a=b", "s= \r\n"}, []string{"v", "v", ""}},
	{"space in the value", []string{"s=v w"}, []string{"v w"}},
	{"a tab in the value", []string{"s=v\tw", "s=\tv"}, nil},
	{"other white space", []string{"s\v=v", "\fs=v", "\u00a0s=v", "s\u2000=v", "\u0085s=v"}, nil},
	{"other white space in the value", []string{"s=v\v", "s=v\u00a0"}, nil},
	{"quotes", []string{`s="v"`, `s="v w"`, `s="v,w"`, `s=""`}, []string{"v", "v w", "v,w", ""}},
	{"quotes and space", []string{`s= "v"`, `s="v" `, `s=" v "`}, []string{"v", " v "}},
	{"unbalanced quotes", []string{`s="`, `s="v`, `s=v"`, `s=v"w`, `s="v"w"`, `s=""v""`, `s="""`}, nil},
	{"a semicolon in quotes", []string{`s="v; s=w"`}, nil},
	{"single quotes", []string{`s='v'`}, []string{"'v'"}},
	{"a backslash", []string{`s=v\w`, `s="\""`}, nil},
	{"a comma", []string{"s=v,s=w"}, []string{"v,s=w"}},
	{"control characters", []string{"s=\x00", "s=v\x1f", "s=\x7f", "s\x00=v"}, nil},
	{"the ends of ASCII", []string{"s=!~"}, []string{"!~"}},
	{"beyond ASCII", []string{"s=\x80", "s=v\xff", "s=\u00e9"}, nil},
	{"a bad value beside a good one", []string{"s=\x01; s=v; s=\""}, []string{"v"}},
	{"empty pairs", []string{";;; s=v;;", ";", "=;=", "; ;s=w"}, []string{"v", "w"}},
	{"as many as are few", []string{"s=v" + strings.Repeat("; a=b", fewCookies-1)}, []string{"v"}},
	{"one more", []string{"s=v" + strings.Repeat("; a=b", fewCookies)}, []string{"v"}},
	{"3,000", []string{"s=v" + strings.Repeat(";", 2999)}, []string{"v"}},
	{"3,001", []string{"s=v" + strings.Repeat(";", 3000)}, nil},
	{"3,000 on lines", append(slices.Repeat([]string{""}, 2999), "s=v"), []string{"v"}},
	{"3,001 on lines", append(slices.Repeat([]string{""}, 3000), "s=v"), nil},
}

func TestCookiesAreThoseOfNetHTTP(t *testing.T) {
	if !looksAtFew() {
		t.Fatal("net/http does not look at few cookies")
	}
	for _, tt := range cookieHeaders {
		if want := byHTTP(t, tt.lines, "s"); !slices.Equal(want, tt.want) {
			t.Errorf("%s: net/http finds %q, and this test says %q", tt.name, want, tt.want)
		}
		for _, few := range []int{0, fewCookies} {
			if got := named(tt.lines, "s", few); !slices.Equal(got, tt.want) {
				t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
			}
		}
	}
}

// What has been found of one name stays as it is, whatever is asked for next.
func TestValuesOfANameStay(t *testing.T) {
	r := &http.Request{Header: http.Header{"Cookie": {"a=1; b=2; c=3; c=4"}}}
	q := &question{settings: &settings{few: fewCookies}, r: r}
	a, none, b, c := q.Cookies("a"), q.Cookies("d"), q.Cookies("b"), q.Cookies("c")
	for _, tt := range []struct{ got, want []string }{{a, []string{"1"}}, {none, nil}, {b, []string{"2"}}, {c, []string{"3", "4"}}} {
		if !slices.Equal(tt.got, tt.want) {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}

// Every byte before, in and after the name and the value.
func TestEveryByteInACookieIsTakenAsNetHTTPDoes(t *testing.T) {
	for b := range 256 {
		for i := range len("a=b; s=v; c=d") + 1 {
			lines := []string{"a=b; s=v; c=d"[:i] + string([]byte{byte(b)}) + "a=b; s=v; c=d"[i:]}
			if got, want := named(lines, "s", fewCookies), byHTTP(t, lines, "s"); !slices.Equal(got, want) {
				t.Errorf("%q: %q, want %q", lines, got, want)
			}
		}
	}
}

// The limit on the number of cookies is net/http's, whatever GODEBUG sets it to.
func TestTheLimitOnCookiesIsThatOfNetHTTP(t *testing.T) {
	for _, setting := range []string{"", "httpcookiemaxnum=0", "httpcookiemaxnum=1", "httpcookiemaxnum=99", "httpcookiemaxnum=100", "httpcookiemaxnum=5000"} {
		t.Setenv("GODEBUG", setting)
		s := newSettings("s", nil, nil, Config{})
		for _, n := range []int{1, 2, 99, 100, 101, 3000, 3001, 5000, 5001} {
			lines := []string{"s=v" + strings.Repeat("; a=b", n-1)}
			if got, want := named(lines, "s", s.few), byHTTP(t, lines, "s"); !slices.Equal(got, want) {
				t.Errorf("%d cookies with GODEBUG=%q: %q, want %q", n, setting, got, want)
			}
		}
	}
}

// The values of one name stay what they are when another is asked for.
func TestCookiesOfTwoNames(t *testing.T) {
	for _, lines := range [][]string{{"s=1; t=2"}, {"s=1; s=1; t=2"}, {"s=1; t=2; t=2"}, {"t=2"}, {"s=; t=2"}} {
		r := &http.Request{Header: http.Header{"Cookie": lines}}
		q := &question{settings: &settings{few: fewCookies}, r: r}
		for _, order := range []string{"st", "ts", "ss"} {
			first, second := order[:1], order[1:]
			got := q.Cookies(first)
			q.Cookies(second)
			if want := byHTTP(t, lines, first); !slices.Equal(got, want) {
				t.Errorf("%q: of %s there is %q, want %q", lines, first, got, want)
			}
		}
	}
}

// FuzzCookies wants the cookies that net/http finds, of any header.
func FuzzCookies(f *testing.F) {
	for _, tt := range cookieHeaders {
		if header := strings.Join(tt.lines, "\n\n"); len(header) < 1000 {
			f.Add(header, "s")
		}
	}
	f.Add("__Host-session=v; __host-session=w", "__Host-session")
	f.Add("!=v; !#$%&'*+-.^_`|~=w", "!#$%&'*+-.^_`|~")
	f.Fuzz(func(t *testing.T, header, name string) {
		if (&http.Cookie{Name: name}).String() == "" {
			return // session.New refuses it
		}
		// A line may have any byte, and a single end of line, too.
		lines := strings.Split(header, "\n\n")
		want := byHTTP(t, lines, name)
		if got := named(lines, name, fewCookies); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", lines, got, want)
		}
		if countCookies(lines) <= 3000 { // the loop by itself, of many, too
			if got := appendCookies(nil, lines, name); !slices.Equal(got, want) {
				t.Errorf("%q: %q, want %q", lines, got, want)
			}
		}
	})
}

// BenchmarkCookies is what looking for the cookie costs, here and in net/http,
// which is not what a request with a session takes its time for.
func BenchmarkCookies(b *testing.B) {
	const name = "__Host-session"
	for size, header := range map[string]string{
		"1-of-1":      name + "=" + strings.Repeat("k", 200),
		"1-of-10":     strings.Repeat("name=value; ", 9) + name + "=" + strings.Repeat("k", 200),
		"3000-of-all": strings.Repeat(name+"=k; ", 2999) + name + "=k",
	} {
		r := &http.Request{Header: http.Header{"Cookie": {header}}}
		b.Run(size, func(b *testing.B) {
			b.ReportAllocs()
			q := &question{settings: &settings{few: fewCookies}, r: r}
			for b.Loop() {
				q.lent = false
				q.Cookies(name)
			}
		})
		b.Run(size+"/net-http", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.CookiesNamed(name)
			}
		})
	}
}

func TestEveryByteOfAValueIsLookedAt(t *testing.T) {
	const size = 19 // twice eight, and some
	for at := range size {
		for b := range 256 {
			value := []byte(strings.Repeat("x", size))
			value[at] = byte(b)
			if got, ok := unquoted(string(value)); ok != inValue[b] || ok && got != string(value) {
				t.Errorf("byte %#x at %d: %q, %t", b, at, got, ok)
			}
		}
	}
	// One neighbour must not hide another.
	for a := range 256 {
		for b := range 256 {
			value := "xxx" + string([]byte{byte(a), byte(b)}) + "xxx"
			if _, ok := unquoted(value); ok != (inValue[a] && inValue[b]) {
				t.Errorf("%q: %t", value, ok)
			}
		}
	}
}

// What a handler has put under another spelling is kept, behind what is there.
func TestSpellKeepsEveryLine(t *testing.T) {
	shared := append(make([]string, 0, 2), "a=1")
	h := http.Header{
		"Set-Cookie": shared, "set-cookie": {"b=2", "c=3"}, "cache-CONTROL": {"private"}, "Cache-Control": nil,
		"x-other": {"kept"}, "X-Other": {"too"},
	}
	spell(h, "Set-Cookie", "Cache-Control")
	want := http.Header{
		"Set-Cookie": {"a=1", "b=2", "c=3"}, "Cache-Control": {"private"}, "x-other": {"kept"}, "X-Other": {"too"},
	}
	if !maps.EqualFunc(h, want, slices.Equal) {
		t.Errorf("%q, want %q", h, want)
	}
	h = http.Header{"Set-Cookie": shared, "set-cookie": {"b=2"}}
	spell(h, "Set-Cookie")
	if got := shared[:2][1]; got != "" {
		t.Errorf("%q is behind the slice of somebody's", got)
	}
}

func TestRoomsAreForOneLineEach(t *testing.T) {
	a, b, c := rooms()
	for i, room := range [][]string{a, b, c} {
		if len(room) != 0 || cap(room) != 1 {
			t.Errorf("room %d has %d lines, and room for %d", i, len(room), cap(room))
		}
	}
	a, b, c = append(a, "a"), append(b, "b"), append(c, "c")
	if a[0] != "a" || b[0] != "b" || c[0] != "c" {
		t.Errorf("%q, %q and %q", a, b, c)
	}
}

// As many as are few are looked at by this package wherever net/http would, too.
func TestFewCookiesAreLookedAtUnlessNetHTTPRefusesThem(t *testing.T) {
	for setting, want := range map[string]bool{"": true, "httpcookiemaxnum=99": false, "httpcookiemaxnum=100": true} {
		t.Setenv("GODEBUG", setting)
		if got := looksAtFew(); got != want {
			t.Errorf("with GODEBUG=%q: %t, want %t", setting, got, want)
		}
	}
}
