package codectest

import (
	"math"
	"reflect"
)

// same reports whether two kinds of Values are the same, which is more than that
// they are equal: -0 is not 0, nil is not empty, and a time is in UTC.
func same(a, b any) bool {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return ok && math.Float64bits(a) == math.Float64bits(b)
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) || (a == nil) != (b == nil) {
			return false
		}
		for i := range a {
			if !same(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) || (a == nil) != (b == nil) {
			return false
		}
		for name, x := range a {
			if y, ok := b[name]; !ok || !same(x, y) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}
