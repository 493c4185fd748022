package codec_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// shapeTargets are the types of a field that values of all shapes are decoded into.
var shapeTargets = map[string]reflect.Type{
	"bool":     reflect.TypeFor[bool](),
	"int8":     reflect.TypeFor[int8](),
	"int":      reflect.TypeFor[int64](),
	"uint":     reflect.TypeFor[uint64](),
	"duration": reflect.TypeFor[time.Duration](),
	"float32":  reflect.TypeFor[float32](),
	"float64":  reflect.TypeFor[float64](),
	"string":   reflect.TypeFor[string](),
	"*string":  reflect.TypeFor[*string](),
	"text":     reflect.TypeFor[mood](), // an int
	"*text":    reflect.TypeFor[*celsius](),
	"bytes":    reflect.TypeFor[[]byte](),
	"*bytes":   reflect.TypeFor[*[]byte](),
	"[3]byte":  reflect.TypeFor[[3]byte](),
	"time":     reflect.TypeFor[time.Time](),
	"*time":    reflect.TypeFor[*time.Time](),
	"ints":     reflect.TypeFor[[]int](),
	"[3]int":   reflect.TypeFor[[3]uint16](),
	"strings":  reflect.TypeFor[[]string](),
	"*[]bytes": reflect.TypeFor[*[][]byte](),
	"map":      reflect.TypeFor[map[string]int](),
	"intmap":   reflect.TypeFor[map[int]int](),
	"texts":    reflect.TypeFor[map[string]string](),
	"struct":   reflect.TypeFor[struct{ A string }](),
}

// TestShapesFitAlike: what a value of one shape may be decoded into is the same in
// every codec, but for what the package comment says of JSON.
func TestShapesFitAlike(t *testing.T) {
	const all = "*[]bytes *bytes *string *text *time [3]byte [3]int bool bytes duration float32 float64 int int8 intmap ints map string strings struct text texts time uint"
	for _, row := range []struct {
		name  string
		value any
		fits  string
		json  string // fits in JSON only
	}{
		{"null", (*int)(nil), all, ""},
		{"true", true, "bool", ""},
		{"7", 7, "duration float32 float64 int int8 uint", ""},
		{"-300", -300, "duration float32 float64 int", ""},
		{"2^63", uint64(1 << 63), "float32 float64 uint", ""},
		{"7.0", 7.0, "float32 float64", "duration int int8 uint"},
		{"1.5", 1.5, "float32 float64", ""},
		{"text", "x!", "*string *text string text", ""},
		{"no text", "", "*string *text string text", "*bytes bytes"},
		{"digits", "7", "*string *text string text", ""},
		{"text like bytes", "AQID", "*string *text string text", "*bytes [3]byte bytes"},
		{"text like a time", "2026-01-02T03:04:05Z", "*string *text string text", "*time time"},
		{"bytes", []byte("low"), "*bytes [3]byte bytes", "*string *text string text"},
		{"array of bytes", [3]byte{1, 2, 3}, "*bytes [3]byte bytes", "*string *text string text"},
		{"2 bytes", []byte{1, 2}, "*bytes bytes", "*string *text string text"},
		{"time", time.Unix(5, 0), "*time time", "*string *text string text"},
		{"ints", []int{1, 2, 3}, "[3]int ints", ""},
		{"2 ints", []int{1, 2}, "ints", ""},
		{"no ints", []int{}, "*[]bytes ints strings", ""},
		{"texts", []string{"x!"}, "strings", ""},
		{"nulls", []*int{nil, nil, nil}, "*[]bytes [3]int ints strings", ""},
		{"lists of ints", [][]int{{1, 2}}, "", ""},
		{"list of bytes", [][]byte{{1, 2}}, "*[]bytes", "strings"},
		{"list of times", []time.Time{{}}, "", "strings"},
		{"map", map[string]int{"A": 1}, "map", ""},
		{"map of texts", map[string]string{"A": "x!"}, "struct texts", ""},
		{"map of times", map[string]time.Time{"A": {}}, "", "struct texts"},
		{"map of ints like bytes", map[string][]int{"A": {1}}, "", ""},
		{"map by digits", map[string]int{"7": 1}, "map struct", "intmap"},
		{"map by ints", map[int]int{7: 1}, "intmap struct", "map"},
		{"no map", map[string]int{}, "intmap map struct texts", ""},
		{"no map by ints", map[int]int{}, "intmap map struct texts", ""},
		{"struct", struct{ B int }{1}, "map struct", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			holder := reflect.New(structOf(reflect.TypeOf(row.value)))
			holder.Elem().Field(0).Set(reflect.ValueOf(row.value))
			decoded := make(map[string][]any) // by target: one value of each codec before
			for _, c := range codecs {
				data, err := c.Append(nil, holder.Interface())
				if err != nil {
					t.Fatal(err)
				}
				var fits []string
				for _, name := range slices.Sorted(maps.Keys(shapeTargets)) {
					target := reflect.New(structOf(shapeTargets[name]))
					if c.Decode(data, target.Interface()) != nil {
						continue
					}
					fits = append(fits, name)
					v := target.Elem().Interface()
					for _, other := range decoded[name] {
						if !reflect.DeepEqual(v, other) {
							t.Errorf("%s: into %s, %+v, in another codec %+v", c.Name(), name, v, other)
						}
					}
					decoded[name] = append(decoded[name], v)
				}
				want := row.fits
				if c.Name() == "json" {
					want = merged(row.fits, row.json)
				}
				if got := strings.Join(fits, " "); got != want {
					t.Errorf("%s: fits %s, want %s", c.Name(), got, want)
				}
			}
		})
	}
}

// structOf is a struct with one field, V, of the type.
func structOf(t reflect.Type) reflect.Type {
	return reflect.StructOf([]reflect.StructField{{Name: "V", Type: t}})
}

// merged joins two lists of names of shapeTargets.
func merged(a, b string) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(shapeTargets)) {
		if strings.Contains(" "+a+" ", " "+name+" ") || strings.Contains(" "+b+" ", " "+name+" ") {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}
