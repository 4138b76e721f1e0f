package build

import (
	"cmp"
	"fmt"
	"strings"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/project"
)

// shape settles the columns the table will have after this build: what the delta brings, stored in a type the lake has
// (promise 6), beside what the table holds already.
func (w *work) shape() error {
	brought, err := w.brought()
	if err != nil {
		return err
	}
	if err := w.known(brought); err != nil {
		return err
	}
	existing := w.state.table
	if w.swaps() {
		w.columns = lake.ReplaceIDs(w.identified(brought), existing)
	} else if w.columns, err = w.merge(brought); err != nil {
		return err
	}
	for _, d := range w.t.Table.Columns {
		// The lake does not keep that a column is required, and a replay reads the columns of the lake.
		if i := indexOf(w.columns, d.Name); i >= 0 {
			w.columns[i].Required = w.columns[i].Required || d.Required
		}
	}
	w.arrange()
	w.ids, err = lake.FieldIDs(w.columns, existing)
	return err
}

// swaps says whether the build replaces every row, so that columns may go or change their type freely.
func (w *work) swaps() bool {
	if w.read != nil && (w.read.beside || w.read.part != nil) {
		return false
	}
	m := w.t.Table.Mode
	return m == define.Replace || w.t.Table.Incremental.Grouped() || w.t.Full && (accumulates(string(m)) || w.t.Destroy || lossless(w.t, w.state))
}

// Columns are the columns a new table has whose source or SQL gives those found: in types the lake has, and of SQL in those
// its definition declares.
func Columns(t *define.Table, found []job.Column) ([]job.Column, error) {
	cols, err := plainColumns(t, found)
	if err != nil || t.Mode != define.History {
		return cols, err
	}
	return withVersions(t, cols, nil)
}

// plainColumns are Columns without those that mode history adds.
func plainColumns(t *define.Table, found []job.Column) ([]job.Column, error) {
	cols, err := storedColumns(found)
	if err != nil || t.Kind != define.FromSQL {
		return cols, err
	}
	return declared(t, cols)
}

// brought are the columns of what is read, under their names now, with those the mode adds.
func (w *work) brought() ([]job.Column, error) {
	cols, err := plainColumns(w.t.Table, w.read.rel.Columns)
	if err == nil {
		cols, err = w.joined(cols)
	}
	if err != nil || w.t.Table.Mode != define.History {
		return cols, err
	}
	return withVersions(w.t.Table, cols, w.state.table)
}

func storedColumns(cols []job.Column) ([]job.Column, error) {
	out := make([]job.Column, 0, len(cols))
	seen := map[string]string{}
	for _, c := range cols {
		fold := strings.ToLower(c.Name)
		if strings.HasPrefix(fold, ownPrefix) {
			return nil, fault.New(fault.Usage, "column %q has a name of Weir's own; give it one that does not begin with %s", c.Name, ownPrefix)
		}
		if other, twice := seen[fold]; twice {
			return nil, fault.New(fault.Usage, "columns %q and %q have one name; the lake tells no case apart", other, c.Name)
		}
		seen[fold] = c.Name
		t, err := lake.Stored(c.Type)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name, err)
		}
		out = append(out, job.Column{Name: c.Name, Type: t, Required: c.Required, Doc: c.Doc})
	}
	return out, nil
}

// declared gives a SQL table's columns the types its definition names.
func declared(t *define.Table, cols []job.Column) ([]job.Column, error) {
	for _, d := range t.Columns {
		i := indexOf(cols, d.Name)
		if i < 0 {
			return nil, fault.New(fault.Usage, "column %q is declared, but the SQL does not give it%s", d.Name, nearest(d.Name, cols))
		}
		cols[i].Type, cols[i].Doc, cols[i].Required = d.Type, d.Doc, d.Required
	}
	return cols, nil
}

// merge lays what the delta brings beside the table's columns: new ones at the end, wider types where the step is exact.
func (w *work) merge(brought []job.Column) ([]job.Column, error) {
	if w.state.table == nil {
		return lake.AssignIDs(brought, nil), nil
	}
	merged := Renamed(w.t.Table, w.state.table.Columns())
	w.out.Renamed = pending(w.t.Table, w.state.table.Columns())
	for _, c := range brought {
		i := indexOf(merged, c.Name)
		if i >= 0 {
			merged[i].Doc = cmp.Or(c.Doc, merged[i].Doc)
		}
		switch {
		case i < 0:
			merged = append(merged, c)
			w.out.Added = append(w.out.Added, c.Name)
		case merged[i].Type == c.Type:
		case lake.Widens(merged[i].Type, c.Type):
			merged[i].Type = c.Type
			w.out.Widened = append(w.out.Widened, c.Name)
		case lake.Widens(c.Type, merged[i].Type):
		default:
			return nil, w.unfit(merged[i], c)
		}
	}
	return lake.AssignIDs(merged, w.state.table), nil
}

// unfit is the error of a column whose rows there are do not fit the type it has now.
func (w *work) unfit(stored, now job.Column) error {
	anew := "weir run " + w.t.Table.Name + " " + destroyFlag + " builds the table anew"
	if member := lake.LostMember(stored.Type, now.Type); member != "" {
		return fault.New(fault.Data, "column %q has no member %s any more, and members of nested columns can be neither renamed nor dropped: it is %s in the table and %s now",
			stored.Name, member, stored.Type, now.Type).WithHint("keep the member; or %s", anew)
	}
	return fault.New(fault.Data, "column %q is %s in the table and %s now, which is not a widening", stored.Name, stored.Type, now.Type).
		WithHint("cast it to %s; or %s", stored.Type, anew)
}

// known checks that the columns the definition names are there.
func (w *work) known(cols []job.Column) error {
	if w.state.table != nil && !w.swaps() {
		cols = append(append([]job.Column(nil), cols...), w.state.table.Columns()...)
	}
	named := append([]string(nil), w.t.Table.Key...)
	if w.t.Table.OrderBy != "" {
		named = append(named, w.t.Table.OrderBy)
	}
	named = append(named, w.t.Table.Track...)
	for _, p := range w.t.Table.Partition {
		named = append(named, p.Column)
	}
	for _, n := range named {
		if indexOf(cols, n) < 0 {
			return fault.New(fault.Usage, "%s: column %q is not in %s%s", w.t.Table.File, n, w.t.Table.Name, nearest(n, cols))
		}
	}
	return nil
}

func indexOf(cols []job.Column, name string) int {
	for i, c := range cols {
		if strings.EqualFold(c.Name, name) {
			return i
		}
	}
	return -1
}

// nearest ends a sentence about a column that is not there.
func nearest(name string, cols []job.Column) string {
	if n := project.Nearest(name, names(cols)); n != "" {
		return "; nearest: " + n
	}
	return ""
}

func names(cols []job.Column) []string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = c.Name
	}
	return out
}

// list writes columns as quoted SQL names, each after a prefix such as "d.".
func list(prefix string, cols []job.Column) string {
	q := make([]string, len(cols))
	for i, c := range cols {
		q[i] = prefix + job.Quote(c.Name)
	}
	return strings.Join(q, ", ")
}
