package vectors

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Kind says what the value of a setting is.
type Kind string

// The kinds of settings.
const (
	Text    Kind = "text"
	Boolean Kind = "true or false"
	Integer Kind = "an integer"
	Seconds Kind = "seconds; null or 0: no limit"
	Secret  Kind = "a secret"
	Secrets Kind = "a list of secrets"
	Objects Kind = "a list of objects"
	Object  Kind = "an object"
	Ignored Kind = "ignored" // it says how a case was made
)

// A Setting is what a system knows a setting as.
type Setting struct {
	Name    string
	Kind    Kind      // "" if it was only looked whether it is there
	Values  []string  // those that there are, if they are known
	Default string    // "" if there is none
	Of      *Settings // an element of the list
}

// String says what a value can be, and what it is by default.
func (k *Setting) String() string {
	what := string(k.Kind)
	switch {
	case len(k.Values) == 1:
		return "only " + k.Values[0]
	case len(k.Values) > 1:
		what = strings.Join(k.Values, ", ")
	case k.Kind == "":
		what = "text, a list or an object"
	}
	if k.Of != nil && len(k.Of.asked) > 1 {
		if k.Kind != Objects {
			what += ", or of objects"
		}
		what += " with " + strings.Join(k.Of.names(), ", ")
	}
	if k.Default != "" && k.Default != "0" { // which is the system's default
		what += " (" + k.Default + ")"
	}
	return what
}

// is says what kind the setting is of: that it is ignored is the least.
func (k *Setting) is(kind Kind) {
	if kind != "" && (k.Kind == "" || k.Kind == Ignored || k.Kind == Text && kind != Ignored) {
		k.Kind = kind
	}
}

func (k *Setting) byDefault(text string) {
	if k.Default == "" {
		k.Default = text
	}
}

func (k *Setting) of(element *Settings) { k.Of = element }

// Known returns the settings that a system has, secrets first, except for what it ignores.
// As nothing but the function that makes its reader knows them, that is called with
// settings that lead it to ask for more, until it does not.
func Known(system string) []*Setting {
	return slices.DeleteFunc(known(system), func(k *Setting) bool { return k.Kind == Ignored })
}

// Cookies returns the names that the cookies of a system have by default, if it gives
// them names, and if it can be told without settings of somebody's own.
func Cookies(system string) []string {
	for _, secret := range []string{
		strings.Repeat("0123456789abcdef", 4), // long enough for all
		"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
	} {
		values := map[string]any{}
		for _, k := range Known(system) {
			if k.Kind == Secret {
				values[k.Name] = secret
			}
		}
		if r, err := Reader(system, "", NewSettings(values)); err == nil {
			return r.Cookies()
		}
	}
	return nil
}

// Unknown returns a problem for each name that is not of a setting of the system.
func Unknown(system string, names []string) (problems []string) {
	all := known(system)
	for _, name := range names {
		if slices.ContainsFunc(all, func(k *Setting) bool { return k.Name == name }) {
			continue
		}
		var list []string
		for _, k := range all {
			if k.Kind != Ignored {
				list = append(list, k.Name)
			}
		}
		problems = append(problems, fmt.Sprintf("%q is not a setting of %s, which has %s", name, system, strings.Join(list, ", ")))
	}
	return problems
}

// known is Known with the settings that are ignored.
func known(system string) []*Setting {
	make, ok := systems[system]
	if !ok {
		return nil
	}
	var known Settings
	tried := map[string]bool{}
	var try func(values map[string]any)
	try = func(values map[string]any) {
		s := NewSettings(values)
		make("", s)
		for _, k := range s.asked {
			_, all, _ := known.ask(k.Name, k.Kind)
			all.byDefault(k.Default)
			if all.Of == nil || k.Of != nil && len(k.Of.asked) > len(all.Of.asked) {
				all.Of = k.Of
			}
			for _, v := range k.Values {
				if !slices.Contains(all.Values, v) {
					all.Values = append(all.Values, v)
				}
			}
		}
		for _, k := range s.asked {
			for _, v := range k.examples() {
				id := k.Name + "=" + v.id
				if tried[id] {
					continue
				}
				tried[id] = true
				more := maps.Clone(values)
				if more == nil {
					more = map[string]any{}
				}
				more[k.Name] = v.value
				try(more)
			}
		}
	}
	try(nil)
	slices.SortStableFunc(known.asked, func(a, b *Setting) int { return a.rank() - b.rank() })
	return known.asked
}

// rank is the place of a setting among the others: secrets come first, and last what
// has one value only.
func (k *Setting) rank() int {
	switch {
	case k.Kind == Secret, k.Kind == Secrets, strings.HasSuffix(k.Name, "_encoding") && slices.Contains(k.Values, "hex"):
		return 0
	case len(k.Values) == 1:
		return 2
	}
	return 1
}

type example struct {
	id    string
	value any
}

// examples returns values that a setting of this kind may have.
func (k *Setting) examples() (all []example) {
	switch {
	case len(k.Values) > 0:
		for _, v := range k.Values {
			all = append(all, example{v, v})
		}
	case k.Kind == Boolean:
		all = []example{{"true", true}, {"false", false}}
	case k.Kind == Secrets || k.Kind == Objects:
		all = []example{{"list", []any{map[string]any{}}}}
	case k.Kind == Object:
		all = []example{{"object", map[string]any{}}}
	case k.Kind == Ignored || k.Kind == Integer || k.Kind == Seconds:
	default:
		all = []example{{"text", "x"}}
	}
	return all
}
