// Package codec encodes session data as JSON, MessagePack or CBOR, and decodes them
// strictly and within bounds.
//
// The three codecs are interchangeable: what one carries all carry, what one
// refuses all refuse, and a value that moves from one to another arrives as it was.
//
// # Two ways of use
//
// A value is encoded by its Go type, or without one: as the kinds of values that a
// dictionary such as session.Values holds, called kinds of Values here.
//
// By type, where [Codec.Append] and [Codec.Decode] are given a pointer to a struct or to
// another type of the program's own: tags named json serve all three codecs, with a
// name, omitempty, omitzero and "-", and names match exactly. A field may be
//
//   - a bool, an integer, a float32 or float64 that is finite, a string of valid UTF-8,
//   - a []byte or [N]byte,
//   - a [time.Time], carried as the instant in UTC to the nanosecond, of the years 1 to
//     9999, or a [time.Duration],
//   - of a type with MarshalText and UnmarshalText, which is then text, whatever other
//     forms it has,
//   - a pointer, slice or array of these, a map of these by strings or integers, a struct
//     of these. Embedded structs lend their fields to the one around them.
//
// Whatever else there is in a type is an error of Append and of Decode that names each
// field by its path, whether its value is zero or not: interfaces, channels and
// functions, unexported fields without the tag json:"-", two fields of one name (also
// where Go would let the outer one win), embedded pointers, pointers to pointers, types
// that have a JSON or CBOR form of their own and no text. To find out, encode the zero
// value. A member that the struct does not have is ignored; a null leaves the zero
// value; a number beyond its field's type, an array of another length, or a value of
// another shape is an error. JSON has fewer shapes than the others: bytes and times are
// texts there, 7.0 is 7, and the names of a map by integers are texts, so that what fits
// one may be decoded as the other.
//
// As kinds of Values, where Append is given a map[string]any, and Decode a pointer to one
// or to an any, for data whose type the program does not know. All that is inside is nil, bool,
// string, int64, float64, []byte, [time.Time], []any or map[string]any, and of just that
// type it comes back: the int64 7 is not the float64 7, -0 is not 0, bytes are not text,
// the zero time is itself. Slices and maps that were nil come back empty. Any
// other type inside is an error, even int: it would come back as another.
//
// # Encoding
//
// Equal values have equal encodings, so that bytes can be compared instead of values.
// Struct fields are in the order of the struct. The members of maps, of every type, are in the order of
// their encoded names, and in JSON of the names. Encoding checks all that decoding
// does: what Append gives, Decode takes.
//
// Encodings do not change between releases. [JSON], [MessagePack] and [CBOR] describe their forms.
//
// # Decoding
//
// The data are one value, all of them, or there is an error. Arrays and maps nest to a
// depth of [MaxDepth], and have [MaxEntries] elements and members all together. No
// map has two members of one name, names are text or integers, text is valid UTF-8, numbers
// are finite. All of this holds for members too that a struct does not know.
//
// Nothing is allocated on the word of a length before the data are seen to be that long:
// to decode kinds of Values takes no more than 64 times the length of the data and 4 kB,
// and what Go takes for a small map, about 340 bytes, for each that is not
// empty. No error quotes the data. What a type's own UnmarshalText does is its own affair.
//
// # Codecs of one's own
//
// Implement [Codec] with an ID from 128 to 255, check it with the package codectest, and
// implement [Merger] as well if maps can be told apart without their types. A
// codec that wraps one of these has the promises above for nothing; the example does.
package codec
