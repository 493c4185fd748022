package vectors

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/session/takeover"
)

// systems make a reader of a system from settings by their names in a file of cases.
// A cookie that is "" has the name that the system gives it by default.
var systems = map[string]func(cookie string, s *Settings) (*takeover.Reader, error){
	"asgi-sessions":          asgi,
	"django":                 django,
	"express-cookie-session": express,
	"fernet":                 fernet,
	"flask":                  flask,
	"gorilla":                gorilla,
	"iron-session":           iron,
	"itsdangerous":           itsdangerous,
	"jwt":                    jwt,
	"koa-session":            koa,
	"plug":                   plug,
	"rack":                   rack,
	"rails":                  rails,
	"starlette":              starlette,
}

// Reader returns a reader of a system's cookies. An error is a *SettingsError, or says
// what the package takeover makes of the settings.
func Reader(system, cookie string, s *Settings) (*takeover.Reader, error) {
	make, ok := systems[system]
	if !ok {
		return nil, &SettingsError{[]string{fmt.Sprintf("there is no system %q, known are %s", system, strings.Join(Systems(), ", "))}}
	}
	r, err := make(cookie, s)
	problems := s.wrong()
	if err != nil && len(problems) == 0 { // of which it would otherwise be a consequence
		for line := range strings.Lines(err.Error()) {
			problems = append(problems, strings.TrimPrefix(strings.TrimRight(line, "\n"), "takeover: "))
		}
	}
	if names := s.unknown(); len(names) > 0 {
		unknown := Unknown(system, names)
		problems = append(problems, unknown...)
		if len(unknown) == 0 {
			problems = append(problems, fmt.Sprintf("with the other settings, there is no use for %q", names))
		}
	}
	if len(problems) > 0 {
		return nil, &SettingsError{problems}
	}
	return r, nil
}

// Systems returns the names of the systems.
func Systems() []string { return slices.Sorted(maps.Keys(systems)) }
