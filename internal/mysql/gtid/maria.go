package gtid

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"weir/internal/fault"
)

// Maria is one transaction of MariaDB: 0-1-100.
type Maria struct {
	Domain, Server uint32
	Sequence       uint64
}

func (m Maria) String() string { return fmt.Sprintf("%d-%d-%d", m.Domain, m.Server, m.Sequence) }

// Last is how far one has come with MariaDB: the last transaction of each domain. It is written like 0-1-100,1-2-7.
type Last struct {
	of map[uint32]Maria
}

// ParseLast reads a position.
func ParseLast(text string) (Last, error) {
	var l Last
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		m, err := parseMaria(part)
		if err != nil {
			return Last{}, err
		}
		l.Add(m)
	}
	return l, nil
}

func parseMaria(text string) (Maria, error) {
	f := strings.Split(text, "-")
	if len(f) == 3 {
		domain, err1 := strconv.ParseUint(f[0], 10, 32)
		server, err2 := strconv.ParseUint(f[1], 10, 32)
		sequence, err3 := strconv.ParseUint(f[2], 10, 64)
		if err1 == nil && err2 == nil && err3 == nil {
			return Maria{uint32(domain), uint32(server), sequence}, nil
		}
	}
	return Maria{}, fault.New(fault.Data, "GTID: %q is not of the form domain-server-sequence", text)
}

// Add notes a transaction as the last of its domain.
func (l *Last) Add(m Maria) {
	if l.of == nil {
		l.of = map[uint32]Maria{}
	}
	l.of[m.Domain] = m
}

// Contains says whether one who came so far has come as far as o in every domain.
func (l Last) Contains(o Last) bool {
	for domain, m := range o.of {
		if mine, ok := l.of[domain]; !ok || mine.Sequence < m.Sequence {
			return false
		}
	}
	return true
}

// Has says whether a transaction is at or before the last of its domain.
func (l Last) Has(m Maria) bool {
	mine, ok := l.of[m.Domain]
	return ok && mine.Sequence >= m.Sequence
}

// Union goes as far as either.
func (l *Last) Union(o Last) {
	for _, m := range o.of {
		if !l.Has(m) {
			l.Add(m)
		}
	}
}

// Clone copies the position.
func (l Last) Clone() Last {
	var c Last
	for _, m := range l.of {
		c.Add(m)
	}
	return c
}

// Empty says whether it is the very beginning.
func (l Last) Empty() bool { return len(l.of) == 0 }

func (l Last) String() string {
	all := make([]Maria, 0, len(l.of))
	for _, m := range l.of {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b Maria) int { return int(int64(a.Domain) - int64(b.Domain)) })
	texts := make([]string, len(all))
	for i, m := range all {
		texts[i] = m.String()
	}
	return strings.Join(texts, ",")
}
