package codec

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

var (
	errExtension = errors.New("codec: a MessagePack extension that is not a timestamp")
	errName      = errors.New("codec: a member whose name is neither text nor an integer")
	errBigName   = errors.New("codec: a member of a struct whose name is an integer beyond int64")
)

// The first and last second of the years 1 to 9999, as Unix times.
const (
	firstSecond = -62135596800
	lastSecond  = 253402300799
)

// A scanner walks an encoding before anything is made of it.
type scanner struct {
	data    []byte
	off     int
	entries int
	text    string // a copy of data that strings share, once there is one
}

// enter counts a container of n entries, with depth containers around it.
func (s *scanner) enter(depth int, n uint64) error {
	if depth >= MaxDepth {
		return errDepth
	}
	if n > MaxEntries {
		return errEntries
	}
	if s.entries += int(n); s.entries > MaxEntries {
		return errEntries
	}
	return nil
}

// A scannedName is the name of a member.
type scannedName struct {
	kind  nameKind
	value uint64 // of a text, its two offsets
}

type nameKind uint8

const (
	nameText nameKind = iota
	nameInt
	nameBig // an integer beyond int64, not negative
)

// intName is an integer; big if it is beyond int64, and then it is not negative.
func intName(value uint64, big bool) scannedName {
	if big {
		return scannedName{nameBig, value}
	}
	return scannedName{nameInt, value}
}

func textName(from, to int) scannedName {
	return scannedName{nameText, uint64(from)<<32 | uint64(to)} // no token has 4 GB
}

func (n scannedName) of(data []byte) []byte {
	return data[n.value>>32 : n.value&math.MaxUint32]
}

// scannedNames are the names of one map. Most are told apart by a bit that few of
// them share, some are compared, and where there are many they are sorted.
type scannedNames struct {
	bits uint64
	sort bool
}

// textBit is the bit of a text that is a name.
func textBit(text []byte) uint64 {
	hash := uint32(len(text))
	if len(text) > 0 {
		hash += uint32(text[0])<<8 + uint32(text[len(text)-1])<<16
	}
	return 1 << (hash * 0x9e3779b1 >> 26)
}

func intBit(value uint64) uint64 { return 1 << (uint32(value) * 0x9e3779b1 >> 26) }

// meet compares name, whose bit others have, with those seen so far, or puts the
// comparison off.
func (s *scanner) meet(names *scannedNames, seen []scannedName, name scannedName) error {
	if len(seen) > 16 {
		names.sort = true
		return nil
	}
	for _, other := range seen {
		if s.compare(name, other) == 0 {
			return errDuplicate
		}
	}
	return nil
}

// distinct fails if two of the names of a map are the same.
func (s *scanner) distinct(names *scannedNames, seen []scannedName) error {
	if !names.sort {
		return nil
	}
	slices.SortFunc(seen, s.compare)
	for i := 1; i < len(seen); i++ {
		if s.compare(seen[i-1], seen[i]) == 0 {
			return errDuplicate
		}
	}
	return nil
}

// compare orders names in some way in which no two are equal but the same.
func (s *scanner) compare(a, b scannedName) int {
	if a.kind != b.kind {
		return cmp.Compare(a.kind, b.kind)
	}
	if a.kind == nameText {
		return bytes.Compare(a.of(s.data), b.of(s.data))
	}
	return cmp.Compare(a.value, b.value)
}

// validText is utf8.Valid, faster for the short ASCII that most texts are.
func validText(b []byte) bool {
	const high = 0x8080808080808080
	switch n := len(b); {
	case n >= 8 && n <= 16:
		if (binary.LittleEndian.Uint64(b)|binary.LittleEndian.Uint64(b[n-8:]))&high == 0 {
			return true
		}
	case n >= 4 && n < 8:
		if (binary.LittleEndian.Uint32(b)|binary.LittleEndian.Uint32(b[n-4:]))&(high>>32) == 0 {
			return true
		}
	}
	return utf8.Valid(b)
}

// A memberName is the name of a member of a map that is taken apart.
type memberName struct {
	text  string
	isInt bool
	big   bool // beyond int64
	value uint64
}

// String is the name as text: of an integer, its decimal digits.
func (n memberName) String() string {
	switch {
	case n.big:
		return strconv.FormatUint(n.value, 10)
	case n.isInt:
		return strconv.FormatInt(int64(n.value), 10)
	}
	return n.text
}

// binaryExtra is Extra for formats in which a map says first how many members it
// has: members walks one, begin writes that number.
func binaryExtra(dst, data []byte, known func(string) bool,
	members func([]byte, func(memberName, []byte)) error, begin func([]byte, int) []byte) ([]byte, error) {
	var extra [][]byte
	if err := members(data, func(name memberName, raw []byte) {
		if !known(name.String()) {
			extra = append(extra, raw)
		}
	}); err != nil {
		return dst, err
	}
	if len(extra) == 0 {
		return dst, nil
	}
	return appendAll(begin(dst, len(extra)), extra), nil
}

// binaryMerge is Merge for the same formats; check checks the whole.
func binaryMerge(dst, a, b []byte,
	members func([]byte, func(memberName, []byte)) error, begin func([]byte, int) []byte, check func([]byte) error) ([]byte, error) {
	var all [][]byte
	have := make(map[memberName]struct{})
	if err := members(a, func(name memberName, raw []byte) {
		have[name] = struct{}{}
		all = append(all, raw)
	}); err != nil {
		return dst, err
	}
	if err := members(b, func(name memberName, raw []byte) {
		if _, ok := have[name]; !ok {
			all = append(all, raw)
		}
	}); err != nil {
		return dst, err
	}
	if len(all) > MaxEntries {
		return dst, errEntries
	}
	out := appendAll(begin(dst, len(all)), all)
	if err := check(out[len(dst):]); err != nil {
		return dst, err
	}
	return out, nil
}

func appendAll(dst []byte, parts [][]byte) []byte {
	for _, p := range parts {
		dst = append(dst, p...)
	}
	return dst
}
