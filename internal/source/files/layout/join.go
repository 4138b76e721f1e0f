package layout

import (
	"fmt"
	"slices"
	"strings"
)

// gather puts units with equal keys before join, which gives what becomes of them.
func gather(units []*unit, key func(*unit) string, join func([]*unit) []*unit) []*unit {
	at := map[string]int{}
	var buckets [][]*unit
	for _, u := range units {
		k := key(u)
		i, ok := at[k]
		if !ok {
			i = len(buckets)
			at[k] = i
			buckets = append(buckets, nil)
		}
		buckets[i] = append(buckets[i], u)
	}
	var out []*unit
	for _, b := range buckets {
		if len(b) > 1 {
			b = join(b)
		}
		out = append(out, b...)
	}
	return out
}

// sameWords joins units of one name whose varying folders differ in shape: a table whose layout was changed once.
func sameWords(b []*unit) []*unit {
	var out []*unit
	for _, u := range b {
		i := slices.IndexFunc(out, func(o *unit) bool { return !u.exact && !o.exact && o.columns.kin(u.columns) })
		if i < 0 {
			out = append(out, u)
			continue
		}
		out[i].take(u)
	}
	return out
}

// sameFolder joins units of one folder whose names differ and whose columns do not: a table with a file for each shop. Where
// each name has a series of its own, or the folder is one for everything, two or three with equal columns are rather
// different things, and that is remarked.
func sameFolder(b []*unit) []*unit {
	folder := lastPlain(b[0].parts) != ""
	// Names that say nothing leave the columns to say it.
	silent := folder && !slices.ContainsFunc(b, func(u *unit) bool { return telling(u.words[0]) })
	least := usual
	if silent {
		least = 1
	}
	return clusters(b, least, func(c []*unit) int {
		series := slices.ContainsFunc(c, func(u *unit) bool { return len(u.files) > 1 && telling(u.words[0]) })
		if !folder || series {
			return 4
		}
		return 2
	}, func(u *unit) string { return strings.Join(u.words, " ") }, "name")
}

// clusters joins what has the same columns where there are enough of them, called by name.
func clusters(b []*unit, least int, enough func([]*unit) int, name func(*unit) string, what string) []*unit {
	var all [][]*unit
	for _, u := range b {
		i := slices.IndexFunc(all, func(c []*unit) bool { return c[0].columns.alike(u.columns, least) })
		if i < 0 {
			all = append(all, []*unit{u})
			continue
		}
		all[i] = append(all[i], u)
	}
	var out []*unit
	for _, c := range all {
		var names []string
		for _, u := range c {
			if n := name(u); !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
		if len(names) < 2 {
			out = append(out, c...)
			continue
		}
		if len(names) < enough(c) {
			for _, u := range c {
				u.doubts = append(u.doubts, fmt.Sprintf("%s have the same columns and were left apart; one table with a wider path if they are one thing", list(names)))
			}
			out = append(out, c...)
			continue
		}
		joined := *c[0]
		for _, u := range c[1:] {
			joined.take(u)
		}
		if what == "name" && !slices.ContainsFunc(names, telling) {
			out = append(out, &joined)
			continue
		}
		joined.doubts = append(joined.doubts, fmt.Sprintf("%d %ss with the same columns were taken for one table: %s", len(names), what, list(names)))
		out = append(out, &joined)
	}
	return out
}

func list(names []string) string {
	const few = 4
	quoted := make([]string, 0, few)
	for _, n := range names[:min(few, len(names))] {
		quoted = append(quoted, fmt.Sprintf("%q", n))
	}
	s := strings.Join(quoted, ", ")
	if len(names) > few {
		s += fmt.Sprintf(" and %d more", len(names)-few)
	}
	return s
}

func deepest(units []*unit) (n int) {
	for _, u := range units {
		n = max(n, len(u.parts))
	}
	return n
}

func lastPlain(ps []part) string {
	for i := len(ps) - 1; i >= 0; i-- {
		if ps[i].kind == plain && ps[i].text != "" && tellingFolder(ps[i].text) {
			return ps[i].text
		}
	}
	return ""
}

// siblings joins units that differ in the folder at one depth only. Files of one telling name in many folders are one
// table; else it is the columns that say so.
func siblings(units []*unit, depth int) []*unit {
	own := func(u *unit) string { // the files' name, where it says more than the folder
		if len(u.words) == 1 && telling(u.words[0]) && !strings.EqualFold(u.words[0], u.parts[depth].text) {
			return u.words[0]
		}
		return ""
	}
	var in, out []*unit
	for _, u := range units {
		if depth < len(u.parts) && u.parts[depth].kind == plain && u.parts[depth].text != "" {
			in = append(in, u)
		} else {
			out = append(out, u)
		}
	}
	key := func(u *unit) string {
		ps := slices.Clone(u.parts)
		ps[depth].shape = "*"
		return shapeOf(ps) + "\x00" + own(u) + "\x00" + u.format
	}
	joined := gather(in, key, func(b []*unit) []*unit {
		byWords := own(b[0]) != ""
		enough, least := 2, usual
		if byWords {
			least = 1
		}
		if parent := b[0].parts[:depth]; !byWords && lastPlain(parent) == "" {
			enough = 4
		}
		before := map[*unit]bool{}
		for _, u := range b {
			before[u] = true
		}
		after := clusters(b, least, func([]*unit) int { return enough }, func(u *unit) string { return u.parts[depth].text }, "folder")
		for _, u := range after {
			if before[u] {
				continue
			}
			u.byWords = byWords
			u.parts = slices.Clone(u.parts)
			u.parts[depth] = part{kind: counted, shape: "*"}
			if byWords {
				u.doubts = nil // one name in many folders says enough
			}
		}
		return after
	})
	return append(out, joined...)
}
