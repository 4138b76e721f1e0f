package define

import (
	"slices"
	"strings"

	"weir/internal/project"
	"weir/internal/source"
)

// change settles how a build changes the table: what is written, and by convention what is not. Where the keys could not
// be read (sound is false) nothing is said of how they go together.
func (l *loader) change(t *Table, k changeKeys, sound bool) []project.Problem {
	t.Key, t.OrderBy, t.Deletes = k.Key, string(k.OrderBy), Deletes(k.Deletes)
	t.Track = k.Track
	t.incremental(k.Incremental)
	switch {
	case k.Mode != "":
		t.Mode = Mode(k.Mode)
	case len(t.Key) > 0:
		t.Mode = Upsert
	case t.Incremental.RowLocal():
		t.Mode = Append
	}
	if t.Mode == History {
		t.Versions = k.Versions.names()
	}
	var problems []project.Problem
	if sound {
		problems = append(together(t), declaredOnly(t)...)
		problems = append(problems, historyTogether(t, k)...)
	}
	if t.Mode.Keyed() && t.Mode != Changes {
		if t.OrderBy == "" {
			t.OrderBy = t.Cursor
		}
		if t.Deletes == "" {
			t.Deletes = Ignore
		}
	}
	return problems
}

// Keyed says whether a build goes by key.
func (m Mode) Keyed() bool { return m == Upsert || m == History || m == Changes }

// together checks that the keys of a definition go together.
func together(t *Table) (problems []project.Problem) {
	fail := func(key, hint, format string, args ...any) {
		problems = append(problems, t.PlaceOf(key).Problem(format, args...).WithHint("%s", hint))
	}
	if t.Mode == View && t.Kind != FromSQL {
		fail("mode", "write a .sql file that selects from this table", "only a SQL table can be a view")
	}
	if t.Mode == Changes {
		problems = append(problems, changesTogether(t)...)
	}
	if t.Mode.Keyed() && len(t.Key) == 0 {
		fail("mode", "write key: with the columns that tell rows apart", "mode %s needs a key", t.Mode)
	}
	if t.Mode == Partitions && len(t.Partition) == 0 {
		fail("mode", "write partition: with the columns that part the table", "mode partitions needs a partition")
	}
	if !t.Mode.Keyed() {
		for key, written := range map[string]bool{"key": len(t.Key) > 0, "order_by": t.OrderBy != "", "deletes": t.Deletes != ""} {
			if written {
				fail(key, "take it out, or write mode: upsert", "%s has no meaning with mode %s", key, t.Mode)
			}
		}
	}
	incrementalTogether(t, fail)
	if t.Mode == View {
		for key, written := range map[string]bool{"partition": len(t.Partition) > 0, "sort": len(t.Sort) > 0, "target_file_size": t.FileBytes > 0, "keep": t.doc.Get("keep") != nil, "columns": len(t.Columns) > 0,
			"rules": len(t.Rules) > 0, "max_quarantined": t.doc.Get("max_quarantined") != nil} {
			if written {
				fail(key, "take it out: a view stores nothing", "%s has no meaning with mode view", key)
			}
		}
	}
	return problems
}

// changesTogether checks what goes with mode changes: the order of changes is that of their commits, and deletes are among them.
func changesTogether(t *Table) (problems []project.Problem) {
	if r, ok := t.Reader.(source.Following); !ok || !r.Follows() {
		problems = append(problems, t.PlaceOf("mode").Problem("mode changes needs the feed of a database").WithHint("from: a connection that has one, such as postgres; or mode: upsert"))
	}
	for key, written := range map[string]bool{"order_by": t.OrderBy != "", "deletes": t.Deletes != ""} {
		if written {
			problems = append(problems, t.PlaceOf(key).Problem("%s has no meaning with mode changes", key).WithHint("take it out: changes come in the order of their commits, deletes among them"))
		}
	}
	return problems
}

// declaredOnly checks, where strict: true says that the declared columns are all, that no other column is named.
func declaredOnly(t *Table) (problems []project.Problem) {
	if n := t.doc.Get("strict"); n.IsNull() || !strings.EqualFold(n.Text, "true") || len(t.Columns) == 0 {
		return nil
	}
	var names []string
	for _, c := range t.Columns {
		names = append(names, c.Name)
	}
	for _, name := range sorted(t.Was) {
		if !slices.Contains(names, name) {
			problems = append(problems, t.PlaceOf("columns."+name).Problem("column %q: type is missing, and strict: true wants it", name))
		}
	}
	check := func(key, name string) {
		if name != "" && !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }) {
			problems = append(problems, t.PlaceOf(key).Problem("%s: column %q is not declared", key, name).WithHint("%s", project.NearestHint(name, names)))
		}
	}
	for _, k := range t.Key {
		check("key", k)
	}
	check("order_by", t.OrderBy)
	check("cursor", t.Cursor)
	for _, c := range t.Track {
		check("track", c)
	}
	for _, p := range t.Partition {
		check("partition", p.Column)
	}
	return problems
}
