package codec

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strconv"
	"sync"
)

var (
	errExtension = errors.New("codec: a MessagePack extension that is not a timestamp")
	errName      = errors.New("codec: a member whose name is neither text nor an integer")
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
	seen    []scannedName // names of the maps that are being walked, outer ones first
}

var scanners = sync.Pool{New: func() any { return &scanner{seen: make([]scannedName, 0, 32)} }}

// scan runs walk, which reads one value, over all of data.
func scan(data []byte, walk func(s *scanner) error) error {
	s := scanners.Get().(*scanner)
	s.data, s.off, s.entries, s.seen = data, 0, 0, s.seen[:0]
	err := walk(s)
	if err == nil && s.off != len(data) {
		err = errTrailing
	}
	s.data = nil
	scanners.Put(s)
	return err
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

// A scannedName is the name of a member: text from one offset to another, or an
// integer. Big says that it is beyond int64, and then it is not negative.
type scannedName struct {
	from, to int
	isInt    bool
	big      bool
	value    uint64
}

// scannedNames are the names of one map. Most are told apart by a bit that few of
// them share, some are compared, and where there are many they are sorted.
type scannedNames struct {
	base int // index in scanner.seen
	bits uint64
	sort bool
}

func (s *scanner) names() scannedNames { return scannedNames{base: len(s.seen)} }

// addText adds the text from one offset to another. It fails if it was there.
func (s *scanner) addText(names *scannedNames, from, to int) error {
	bit := uint32(to - from)
	if from < to {
		bit += uint32(s.data[from])<<8 + uint32(s.data[to-1])<<16
	}
	return s.add(names, bit, scannedName{from: from, to: to})
}

// addInt adds an integer.
func (s *scanner) addInt(names *scannedNames, value uint64, big bool) error {
	return s.add(names, uint32(value), scannedName{isInt: true, value: value, big: big})
}

func (s *scanner) add(names *scannedNames, hash uint32, name scannedName) error {
	bit := uint64(1) << (hash * 0x9e3779b1 >> 26)
	before := s.seen[names.base:]
	s.seen = append(s.seen, name)
	if names.bits&bit == 0 {
		names.bits |= bit
		return nil
	}
	if len(before) > 16 {
		names.sort = true
		return nil
	}
	for _, other := range before {
		if s.compare(name, other) == 0 {
			return errDuplicate
		}
	}
	return nil
}

// distinct fails if two of the names are the same, and forgets them.
func (s *scanner) distinct(names *scannedNames) error {
	all := s.seen[names.base:]
	s.seen = s.seen[:names.base]
	if !names.sort {
		return nil
	}
	slices.SortFunc(all, s.compare)
	for i := 1; i < len(all); i++ {
		if s.compare(all[i-1], all[i]) == 0 {
			return errDuplicate
		}
	}
	return nil
}

// compare orders names in some way in which no two are equal but the same.
func (s *scanner) compare(a, b scannedName) int {
	if a.isInt || b.isInt {
		if a.isInt && b.isInt && a.big == b.big {
			return cmp.Compare(a.value, b.value)
		}
		return cmp.Compare(rank(a), rank(b))
	}
	if c := cmp.Compare(a.to-a.from, b.to-b.from); c != 0 {
		return c
	}
	return bytes.Compare(s.data[a.from:a.to], s.data[b.from:b.to])
}

func rank(n scannedName) int {
	switch {
	case n.big:
		return 2
	case n.isInt:
		return 1
	}
	return 0
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
