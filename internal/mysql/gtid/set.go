// Package gtid knows the global transaction ids of MySQL and MariaDB, and sets of them: how far a server, or a reader of its
// binary log, has come.
package gtid

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"weir/internal/fault"
)

// Source is who numbers transactions of MySQL: a server, and since 8.3 a tag.
type Source struct {
	UUID [16]byte
	Tag  string
}

func (s Source) String() string {
	h := hex.EncodeToString(s.UUID[:])
	u := h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	if s.Tag != "" {
		return u + ":" + s.Tag
	}
	return u
}

// Set is a set of transactions of MySQL. The zero set is empty; sets are written like
// 3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7:tag:1,….
type Set struct {
	of map[Source][]span
}

// span holds numbers from first to last.
type span struct{ first, last int64 }

// Parse reads a set.
func Parse(text string) (Set, error) {
	var s Set
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if err := s.parse(part); err != nil {
			return Set{}, fault.New(fault.Data, "GTID set: %w", err)
		}
	}
	return s, nil
}

// validTag says whether a text may be a tag, or is none.
func validTag(t string) bool {
	for i, r := range t {
		if r != '_' && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return len(t) <= 32
}

func (s *Set) parse(part string) error {
	fields := strings.Split(part, ":")
	id, err := hex.DecodeString(strings.ReplaceAll(fields[0], "-", ""))
	if err != nil || len(id) != 16 || len(fields) < 2 {
		return fmt.Errorf("%q is not of the form uuid:first-last", part)
	}
	source := Source{UUID: [16]byte(id)}
	for _, f := range fields[1:] {
		f = strings.TrimSpace(f)
		if isTag(f) {
			if source.Tag = strings.ToLower(f); !validTag(source.Tag) {
				return fmt.Errorf("%q is not a tag", f)
			}
			continue
		}
		from, to, ranged := strings.Cut(f, "-")
		if !ranged {
			to = from
		}
		first, err1 := strconv.ParseInt(from, 10, 64)
		last, err2 := strconv.ParseInt(to, 10, 64)
		if err1 != nil || err2 != nil || first < 1 || last < first || last == math.MaxInt64 {
			return fmt.Errorf("%q is not a range of transactions", f)
		}
		s.add(source, span{first, last})
	}
	return nil
}

func isTag(f string) bool {
	return f != "" && (f[0] == '_' || f[0] >= 'a' && f[0] <= 'z' || f[0] >= 'A' && f[0] <= 'Z')
}

// Add puts a transaction into the set.
func (s *Set) Add(source Source, number int64) { s.add(source, span{number, number}) }

// add keeps spans in order, apart from each other by at least one number.
func (s *Set) add(source Source, n span) {
	if s.of == nil {
		s.of = map[Source][]span{}
	}
	all := s.of[source]
	if k := len(all); k > 0 && all[k-1].first <= n.first && n.first <= all[k-1].last+1 { // the usual: the next one
		all[k-1].last = max(all[k-1].last, n.last)
		return
	}
	from, _ := slices.BinarySearchFunc(all, n.first, func(x span, first int64) int {
		if x.last+1 < first {
			return -1
		}
		return 1
	})
	to := from
	for ; to < len(all) && all[to].first <= n.last+1; to++ {
		n.first, n.last = min(n.first, all[to].first), max(n.last, all[to].last)
	}
	s.of[source] = slices.Replace(all, from, to, n)
}

// Union puts all transactions of another set into this one.
func (s *Set) Union(o Set) {
	for source, spans := range o.of {
		for _, n := range spans {
			s.add(source, n)
		}
	}
}

// Contains says whether all transactions of another set are in this one.
func (s Set) Contains(o Set) bool {
	for source, spans := range o.of {
		for _, n := range spans {
			if !s.has(source, n) {
				return false
			}
		}
	}
	return true
}

// Has says whether a transaction is in the set.
func (s Set) Has(source Source, number int64) bool { return s.has(source, span{number, number}) }

func (s Set) has(source Source, n span) bool {
	for _, x := range s.of[source] {
		if x.first <= n.first && n.last <= x.last {
			return true
		}
	}
	return false
}

// Clone copies the set.
func (s Set) Clone() Set {
	var c Set
	c.Union(s)
	return c
}

// Empty says whether there is no transaction in the set.
func (s Set) Empty() bool { return len(s.of) == 0 }

// Equal says whether two sets hold the same.
func (s Set) Equal(o Set) bool { return s.Contains(o) && o.Contains(s) }

// sources are in the order of their names, the untagged of a server first.
func (s Set) sources() []Source {
	all := make([]Source, 0, len(s.of))
	for source := range s.of {
		all = append(all, source)
	}
	slices.SortFunc(all, func(a, b Source) int {
		if c := slices.Compare(a.UUID[:], b.UUID[:]); c != 0 {
			return c
		}
		return strings.Compare(a.Tag, b.Tag)
	})
	return all
}

// String writes the set as the server does, without line breaks.
func (s Set) String() string {
	var b strings.Builder
	var last Source
	for i, source := range s.sources() {
		switch {
		case i > 0 && source.UUID == last.UUID:
			b.WriteString(":" + source.Tag)
		case i > 0:
			b.WriteString(",")
			fallthrough
		default:
			b.WriteString(source.String())
		}
		last = source
		for _, n := range s.of[source] {
			fmt.Fprintf(&b, ":%d", n.first)
			if n.last > n.first {
				fmt.Fprintf(&b, "-%d", n.last)
			}
		}
	}
	return b.String()
}

// tagged says whether any transaction has a tag: then the set has another coding.
func (s Set) tagged() bool {
	for source := range s.of {
		if source.Tag != "" {
			return true
		}
	}
	return false
}

// Encode writes the set as the command that asks for a binary log has it: the number of sources, and for each its UUID and
// its spans, whose ends are the first number that is not in them. All numbers have 8 bytes, little endian. Where there are
// tags, the first number holds a 1 in its highest and lowest byte and the number of sources between, and each UUID is
// followed by the length of its tag, doubled, and the tag.
func (s Set) Encode() []byte {
	tagged := s.tagged()
	n := uint64(len(s.of))
	if tagged {
		n = 1<<56 | n<<8 | 1
	}
	b := binary.LittleEndian.AppendUint64(nil, n)
	for _, source := range s.sources() {
		b = append(b, source.UUID[:]...)
		if tagged {
			b = append(append(b, byte(len(source.Tag)<<1)), source.Tag...)
		}
		spans := s.of[source]
		b = binary.LittleEndian.AppendUint64(b, uint64(len(spans)))
		for _, x := range spans {
			b = binary.LittleEndian.AppendUint64(b, uint64(x.first))
			b = binary.LittleEndian.AppendUint64(b, uint64(x.last+1))
		}
	}
	return b
}

// Decode reads what Encode writes.
func Decode(b []byte) (Set, error) {
	var s Set
	r := reader{b: b}
	n := r.uint64()
	tagged := n>>56 == 1
	if tagged {
		n = n << 8 >> 16
	}
	for ; n > 0 && !r.bad; n-- {
		var source Source
		copy(source.UUID[:], r.bytes(16))
		if tagged {
			if k := r.bytes(1); len(k) == 1 {
				source.Tag = string(r.bytes(int(k[0] >> 1)))
			}
		}
		for spans := r.uint64(); spans > 0 && !r.bad; spans-- {
			first, end := int64(r.uint64()), int64(r.uint64())
			if r.bad || first < 1 || end <= first || !validTag(source.Tag) {
				return Set{}, fault.New(fault.Data, "GTID set: a span from %d to %d", first, end)
			}
			s.add(source, span{first, end - 1})
		}
	}
	if r.bad {
		return Set{}, fault.New(fault.Data, "GTID set: it ends early")
	}
	return s, nil
}

type reader struct {
	b   []byte
	bad bool
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.b) {
		r.b, r.bad = nil, true
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) uint64() uint64 {
	if v := r.bytes(8); v != nil {
		return binary.LittleEndian.Uint64(v)
	}
	return 0
}
