package build

import (
	"fmt"
	"slices"
	"strings"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/source"
)

// Renamed gives a table's columns the names its definition has for them now. Ids stay, so that files written under the
// earlier names are read as they are.
func Renamed(t *define.Table, cols []job.Column) []job.Column {
	out := slices.Clone(cols)
	for is, was := range t.Was {
		if i := indexOf(out, was); i >= 0 && indexOf(cols, is) < 0 {
			out[i].Name = is
		}
	}
	return out
}

// pending lists the renames that a table does not have yet.
func pending(t *define.Table, cols []job.Column) []string {
	var out []string
	for is, was := range t.Was {
		if indexOf(cols, was) >= 0 && indexOf(cols, is) < 0 {
			out = append(out, was+" → "+is)
		}
	}
	slices.Sort(out)
	return out
}

// knownColumns are the table's columns for a source: under their names now and, since older files may still have them, under
// those before.
func (w *work) knownColumns() []job.Column {
	known := Renamed(w.t.Table, w.ownColumns(w.state.columns()))
	for _, c := range known {
		if was := w.t.Table.Earlier(c.Name); was != "" && indexOf(known, was) < 0 {
			known = append(known, job.Column{Name: was, Type: c.Type})
		}
	}
	return known
}

// joined leaves out of the columns a source gives those that stand there under an earlier name: project reads both as one.
// In SQL a name means just what it says.
func (w *work) joined(brought []job.Column) ([]job.Column, error) {
	if w.t.Table.Kind == define.FromSQL || len(w.t.Table.Was) == 0 {
		return brought, nil
	}
	var out []job.Column
	for _, c := range brought {
		is := w.t.Table.NowNamed(c.Name)
		i := indexOf(brought, is)
		switch {
		case is == "":
			out = append(out, c)
		case i < 0:
			c.Name = is
			out = append(out, c)
		case c.Type != brought[i].Type && !lake.Widens(c.Type, brought[i].Type):
			return nil, fault.New(fault.Data, "column %q was %q, which is %s in what is read and not %s", is, c.Name, c.Type, brought[i].Type).
				WithHint("declare %s as %s", is, strings.ToLower(c.Type))
		}
	}
	return out, nil
}

// value is SQL for a column of the table out of a relation d: by field id where the relation lies in the lake, else by name
// and, of a source, by the earlier name. It is "" where the relation lacks the column.
func (w *work) value(c job.Column, cols []job.Column) string {
	for _, have := range cols {
		if have.ID != 0 && have.ID == c.ID {
			return "d." + job.Quote(have.Name)
		}
	}
	at := indexOf(cols, c.Name)
	if at >= 0 && cols[at].ID != 0 {
		at = -1 // another column of the lake that has the name by chance
	}
	was := -1
	if name := w.t.Table.Earlier(c.Name); name != "" && w.t.Table.Kind != define.FromSQL {
		was = indexOf(cols, name)
		if was >= 0 && cols[was].ID != 0 {
			was = -1
		}
	}
	switch {
	case at >= 0 && was >= 0:
		return fmt.Sprintf("coalesce(d.%s, CAST(d.%s AS %s))", job.Quote(cols[at].Name), job.Quote(cols[was].Name), cols[at].Type)
	case at >= 0:
		return "d." + job.Quote(cols[at].Name)
	case was >= 0:
		return "d." + job.Quote(cols[was].Name)
	}
	return ""
}

// idle is a read of nothing, for a build that takes over what changed in the definition where no row has to be read for it: new
// names of columns, declared ones, or that from here on new rows follow it. It is nil where there is nothing of the kind.
func (w *work) idle() *reading {
	if len(w.change.Renames) == 0 && w.change.Way != ForwardOnly {
		return nil
	}
	cols := Renamed(w.t.Table, w.ownColumns(w.state.columns()))
	if w.t.Table.Kind != define.FromSQL {
		cols = Ahead(w.t.Table, cols)
	}
	w.out.Why = ""
	items := make([]string, len(cols))
	for i, c := range cols {
		items[i] = fmt.Sprintf("CAST(NULL AS %s) AS %s", c.Type, job.Quote(c.Name))
		cols[i].ID = 0
	}
	sql := "SELECT " + strings.Join(items, ", ") + " WHERE false"
	return &reading{rel: source.Relation{Relation: job.Relation{SQL: sql, Columns: cols}}, beside: true, settles: w.change.Way != FullBuild}
}

// Ahead are the columns that a table will have after its next build, as far as its definition says: renamed, widened, and
// those that are declared.
func Ahead(t *define.Table, cols []job.Column) []job.Column {
	out := Renamed(t, cols)
	for _, d := range t.Columns {
		i := indexOf(out, d.Name)
		switch {
		case i < 0:
			out = append(out, d)
		case lake.Widens(out[i].Type, d.Type):
			out[i].Type = d.Type
		}
	}
	return out
}

// identified gives the columns that replace all of a table's the ids of those they were before a rename.
func (w *work) identified(cols []job.Column) []job.Column {
	if w.state.table == nil {
		return cols
	}
	out := slices.Clone(cols)
	stored := w.state.table.Columns()
	for i, c := range out {
		was := w.t.Table.Earlier(c.Name)
		if at := indexOf(stored, was); was != "" && at >= 0 && indexOf(stored, c.Name) < 0 {
			out[i].ID = stored[at].ID
		}
	}
	return out
}

// narrows says which declared column has a type that the rows there are do not fit, "" for none. A full build that swaps every
// row is free of it.
func narrows(t Task, st state) string {
	if t.Table.Kind == define.FromSQL && lossless(t, st) {
		return ""
	}
	stored := Renamed(t.Table, st.table.Columns())
	for _, d := range t.Table.Columns {
		i := indexOf(stored, d.Name)
		if i < 0 || stored[i].Type == d.Type || lake.Widens(stored[i].Type, d.Type) || lake.Widens(d.Type, stored[i].Type) {
			continue
		}
		return fmt.Sprintf("column %s holds %s, which does not fit %s", stored[i].Name, strings.ToLower(stored[i].Type), strings.ToLower(d.Type))
	}
	return ""
}
