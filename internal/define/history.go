package define

import (
	"slices"
	"strings"

	"weir/internal/job"
	"weir/internal/project"
)

// VersionNames are the names of the columns that mode history adds.
type VersionNames struct {
	From    string // when the version begins, included
	To      string // when it ends, excluded; null while it is open
	Current string // whether it is open
}

// versionKeys are the keys of version_columns.
type versionKeys struct {
	From    columnRef `yaml:"valid_from" default:"valid_from" doc:"when a version begins, included: the value of order_by, else the run's logical time"`
	To      columnRef `yaml:"valid_to" default:"valid_to" doc:"when a version ends, excluded; null while it is open"`
	Current columnRef `yaml:"is_current" default:"is_current" doc:"whether the version is the open one of its key"`
}

// names are the names written and, for those that are not, the ones by convention.
func (k *versionKeys) names() VersionNames {
	n := VersionNames{From: "valid_from", To: "valid_to", Current: "is_current"}
	if k == nil {
		return n
	}
	for to, written := range map[*string]columnRef{&n.From: k.From, &n.To: k.To, &n.Current: k.Current} {
		if written != "" {
			*to = string(written)
		}
	}
	return n
}

// ReadsWhole says whether a build of a table that reads a source reads all there is: what it does not find is gone.
func (t *Table) ReadsWhole() bool {
	return t.Mode == Replace || t.Mode == History && t.Deletes == Close
}

// historyTogether checks what goes together with mode history, and with it alone.
func historyTogether(t *Table, k changeKeys) (problems []project.Problem) {
	fail := func(key, hint, format string, args ...any) {
		problems = append(problems, t.PlaceOf(key).Problem(format, args...).WithHint("%s", hint))
	}
	if t.Mode != History {
		if t.Mode == Upsert && t.Deletes == Close {
			fail("deletes", "write remove, or mode: history", "deletes: close ends versions, which mode upsert does not keep")
		}
		for key, written := range map[string]bool{"track": t.doc.Get("track") != nil, "version_columns": k.Versions != nil} {
			if written {
				fail(key, "take it out, or write mode: history", "%s has no meaning with mode %s", key, t.Mode)
			}
		}
		return problems
	}
	switch {
	case t.Deletes == Remove:
		fail("deletes", "write close: it ends the version of a key that is gone", "deletes: remove would lose versions, which mode history keeps")
	case t.Deletes == Close && t.Cursor != "":
		fail("deletes", "take out cursor, so that every build reads all there is, or write deletes: ignore", "deletes: close needs full reads; cursor reads only what is new")
	case t.Deletes == Close && t.Incremental != nil:
		fail("deletes", "take out incremental, or write deletes: ignore", "deletes: close needs full reads; incremental reads only what is new")
	}
	if n := t.doc.Get("track"); n != nil && len(t.Track) == 0 {
		fail("track", "name columns, or take it out to track all", "track names no column")
	}
	for _, c := range t.Track {
		if holds(t.Key, c) {
			fail("track", "take it out", "track: %s is part of the key and never changes", c)
		}
	}
	return append(problems, versionNames(t)...)
}

// versionNames checks that the columns mode history adds have names of their own.
func versionNames(t *Table) (problems []project.Problem) {
	seen := []string{}
	for _, v := range [][2]string{{"valid_from", t.Versions.From}, {"valid_to", t.Versions.To}, {"is_current", t.Versions.Current}} {
		at, name := t.PlaceOf("version_columns."+v[0]), v[1]
		if holds(seen, name) {
			problems = append(problems, at.Problem("version_columns: %q is there twice", name).WithHint("give each a name of its own"))
		}
		seen = append(seen, name)
		for _, c := range t.Columns {
			if strings.EqualFold(c.Name, name) {
				problems = append(problems, t.PlaceOf("columns."+c.Name).Problem("column %q has the name of one that mode history adds", c.Name).
					WithHint("version_columns: { %s: %s } gives the added one another name", v[0], freeName(t, name)))
			}
		}
		for key, names := range map[string][]string{"key": t.Key, "order_by": {t.OrderBy}, "cursor": {t.Cursor}, "track": t.Track} {
			if holds(names, name) {
				problems = append(problems, t.PlaceOf(key).Problem("%s: %q is the name of a column that mode history adds", key, name).
					WithHint("version_columns: { %s: %s } gives the added one another name", v[0], freeName(t, name)))
			}
		}
	}
	return problems
}

// freeName proposes a name that no declared column has.
func freeName(t *Table, name string) string {
	for {
		name = "version_" + name
		if !slices.ContainsFunc(t.Columns, func(c job.Column) bool { return strings.EqualFold(c.Name, name) }) {
			return name
		}
	}
}

func holds(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}
