package layout

import (
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
	named   bool     // the pattern goes by the files' names, not by their folder
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
