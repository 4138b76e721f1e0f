package layout

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// File is one file as its name and a look into it tell.
type File struct {
	Key     string
	Format  string   // csv, tsv, json, ndjson, parquet
	Suffix  string   // of the name: .csv.gz
	Looked  bool     // Columns are known
	Columns []string // names; none for a file without a record
	Unnamed bool     // the file does not name its columns: theirs are numbers
}

// stem is the name without folders and suffix.
func (f File) stem() string { return strings.TrimSuffix(path.Base(f.Key), f.Suffix) }

func (f File) folders() []string {
	all := strings.Split(f.Key, "/")
	return all[:len(all)-1]
}

// Group is a set of files that look like one table.
type Group struct {
	Name    string // lower case letters, digits and _
	Pattern string // path pattern that stands for the files
	Files   []int  // in the order given
	Format  string
	Beyond  []string // files of no such table that the pattern stands for, too
	Doubts  []string // what was not sure of the grouping
}

// Units are the files whose names differ only in what differs between files of one table. The caller looks into some of
// each before it asks for groups.
func Units(files []File) [][]int {
	var out [][]int
	for _, u := range unitsOf(files) {
		out = append(out, u.files)
	}
	return out
}

// Unsettled are the files that were not looked into, of units whose other files do not have the same columns.
func Unsettled(files []File) (out []int) {
	for _, u := range unitsOf(files) {
		if len(u.split(files)) < 2 {
			continue
		}
		for _, i := range u.files {
			if !files[i].Looked {
				out = append(out, i)
			}
		}
	}
	return out
}

// unit is a set of files of one shape, later of one table.
type unit struct {
	parts   []part // folders, those of the first file
	words   []string
	format  string
	files   []int
	columns columns
	doubts  []string
	byWords bool // folders were put together because their files have one name
	exact   bool // files of one shape with several kinds of columns: only their names tell them apart
}

func unitsOf(files []File) []*unit {
	at := map[string]*unit{}
	var out []*unit
	for i, f := range files {
		ps := parts(f.folders())
		sh := shape(f.stem())
		key := shapeOf(ps) + "/" + sh + "\x00" + f.Format
		u := at[key]
		if u == nil {
			u = &unit{parts: ps, words: []string{words(sh)}, format: f.Format}
			at[key] = u
			out = append(out, u)
		}
		u.files = append(u.files, i)
	}
	return out
}

func shapeOf(ps []part) string {
	s := make([]string, len(ps))
	for i, p := range ps {
		s[i] = p.shape
	}
	return strings.Join(s, "/")
}

// columns is a set of column names, as many files share it.
type columns struct {
	names   map[string]bool
	unnamed bool
	known   bool
}

func columnsOf(f File) columns {
	c := columns{names: map[string]bool{}, unnamed: f.Unnamed, known: f.Looked && len(f.Columns) > 0}
	for _, n := range f.Columns {
		c.names[strings.ToLower(n)] = true
	}
	return c
}

func (c *columns) join(o columns) {
	if !o.known {
		return
	}
	if !c.known {
		*c = columns{names: map[string]bool{}, unnamed: o.unnamed, known: true}
	}
	for n := range o.names {
		c.names[n] = true
	}
}

func (c columns) shared(o columns) (n int) {
	for name := range o.names {
		if c.names[name] {
			n++
		}
	}
	return n
}

// kin says whether files of one shape may have both: columns come and go over time.
func (c columns) kin(o columns) bool {
	if !c.known || !o.known {
		return true
	}
	n, less, more := c.shared(o), min(len(c.names), len(o.names)), max(len(c.names), len(o.names))
	return c.unnamed == o.unnamed && n*10 >= less*7 && n*10 >= more*3 || c.unnamed != o.unnamed && less == more
}

// alike says whether files of different names have the same columns: of all that they have, 70 % are in both, as Glue's
// crawler asks. least is how many there must be: id and name are the columns of many a table.
func (c columns) alike(o columns, least int) bool {
	n := c.shared(o)
	return c.known && o.known && !c.unnamed && !o.unnamed && n >= least && n*10 >= (len(c.names)+len(o.names)-n)*7
}

// usual is how many columns files of different names have in common at least to be one table.
const usual = 3

// split parts a unit where its files have different columns.
func (u *unit) split(files []File) []*unit {
	var out []*unit
	last := -1
	for _, i := range u.files {
		c := columnsOf(files[i])
		to := last
		if c.known || last < 0 {
			to = slices.IndexFunc(out, func(o *unit) bool { return o.columns.kin(c) })
		}
		if to < 0 {
			out = append(out, &unit{parts: u.parts, words: u.words, format: u.format})
			to = len(out) - 1
		}
		out[to].files = append(out[to].files, i)
		out[to].columns.join(c)
		last = to
	}
	for _, o := range out {
		o.exact = len(out) > 1
		o.parts = parts(files[o.files[0]].folders())
	}
	return out
}

// plainKey is the folders without those that vary.
func (u *unit) plainKey() string {
	var s []string
	for _, p := range u.parts {
		if p.kind == plain {
			s = append(s, p.text)
		}
	}
	return strings.Join(s, "/")
}

func (u *unit) wordsKey() string { return strings.Join(u.words, "\x00") }

func (u *unit) take(o *unit) {
	u.files = append(u.files, o.files...)
	u.columns.join(o.columns)
	u.doubts = append(u.doubts, o.doubts...)
	for _, w := range o.words {
		if !slices.Contains(u.words, w) {
			u.words = append(u.words, w)
		}
	}
	if len(o.parts) < len(u.parts) {
		u.parts = o.parts
	}
	u.exact = u.exact || o.exact
}

// Groups puts files together. others are names that no pattern should stand for, fallback is the name of a group that says
// nothing of itself, and match compiles a pattern.
func Groups(files []File, others []string, fallback string, match func(pattern string) (func(key string) bool, error)) []Group {
	var units []*unit
	for _, u := range unitsOf(files) {
		units = append(units, u.split(files)...)
	}
	units = gather(units, func(u *unit) string { return u.plainKey() + "\x00" + u.wordsKey() + "\x00" + u.format }, sameWords)
	units = gather(units, func(u *unit) string { return u.plainKey() + "\x00" + u.format }, sameFolder)
	for depth := deepest(units) - 1; depth >= 0; depth-- {
		units = siblings(units, depth)
	}
	return finish(files, units, others, fallback, match)
}

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
