package build

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
)

// SeenColumn names the column of a history in which a version keeps when its rows were valid from, and what they said, where it
// was made of more than one: a late row may part them again. It is JSON, null for a version of one row; see chain.
const SeenColumn = "_seen"

// clockType is the type of valid_from where it is the run's logical time.
const clockType = "TIMESTAMP WITH TIME ZONE"

// withVersions adds the columns of mode history behind those of the data. stored is the table as it is, nil for none.
func withVersions(t *define.Table, cols []job.Column, stored *lake.Table) ([]job.Column, error) {
	v := t.Versions
	for _, name := range []string{v.From, v.To, v.Current, SeenColumn} {
		if i := indexOf(cols, name); i >= 0 {
			return nil, clash(t, cols[i].Name)
		}
	}
	at, err := orderType(t, cols, stored)
	if err != nil {
		return nil, err
	}
	added := []job.Column{
		{Name: v.From, Type: at, Doc: "when the version begins, included"},
		{Name: v.To, Type: at, Doc: "when the version ends, excluded; null while it is open"},
		{Name: v.Current, Type: "BOOLEAN", Doc: "whether the version is the open one of its key"},
	}
	end := len(cols)
	if file := indexOf(cols, FileColumn); file >= 0 {
		end = file
	}
	cols = slices.Insert(slices.Clone(cols), end, added...)
	if t.OrderBy != "" {
		cols = append(cols, job.Column{Name: SeenColumn, Type: "VARCHAR", Doc: "rows the version was made of, for rows that come late"})
	}
	return cols, nil
}

// clash is the error of a data column that has the name of one that mode history adds.
func clash(t *define.Table, name string) error {
	err := fault.New(fault.Usage, "column %q has the name of one that mode history adds", name)
	for key, own := range map[string]string{"valid_from": t.Versions.From, "valid_to": t.Versions.To, "is_current": t.Versions.Current} {
		if strings.EqualFold(own, name) {
			return err.WithHint("version_columns: { %s: version_%s } gives the added one another name", key, strings.ToLower(name))
		}
	}
	return err.WithHint("give the column another name, as in a SQL table over the data")
}

// orderType is the type of valid_from.
func orderType(t *define.Table, cols []job.Column, stored *lake.Table) (string, error) {
	if t.OrderBy == "" {
		return clockType, nil
	}
	i := indexOf(cols, t.OrderBy)
	if i < 0 && stored != nil {
		// A read may lack the column; then its rows have no place in the history, which is said of them.
		cols = Renamed(t, stored.Columns())
		i = indexOf(cols, t.OrderBy)
	}
	if i < 0 {
		return clockType, nil // that the column is not there is said elsewhere
	}
	typ := cols[i].Type
	if lake.Nested(typ) {
		return "", fault.New(fault.Usage, "order_by: column %q is %s, which has no order in time", t.OrderBy, typ).
			WithHint("order_by: a column of type timestamp, date or a number")
	}
	if t.Deletes == define.Close && typ != clockType && typ != "TIMESTAMP" && typ != "DATE" {
		return "", fault.New(fault.Usage, "deletes: close ends a version at the run's logical time, but order_by: column %q is %s", t.OrderBy, typ).
			WithHint("order_by: a column of type timestamp, timestamptz or date, or no order_by")
	}
	return typ, nil
}

// beginHistory checks that the table, where it is there, is a history, and looks whether it has rows yet.
func (w *work) beginHistory(ctx context.Context) error {
	if w.t.Table.Mode != define.History || w.state.table == nil {
		return nil
	}
	rows, err := w.state.table.RowCount(ctx)
	if err != nil || rows == 0 || w.swaps() {
		w.begins = rows == 0 && !w.read.beside
		return err
	}
	if err := w.forward(w.state.table); err != nil {
		return err
	}
	v := w.t.Table.Versions
	for _, name := range []string{v.From, v.To, v.Current} {
		if indexOf(w.state.table.Columns(), name) < 0 {
			return fault.New(fault.Usage, "the table has rows and no column %q: it was not built as a history, or with other version_columns", name).
				WithHint("build it anew from what its source holds now: weir run %s --full --destroy-history", w.t.Table.Name)
		}
	}
	return nil
}

// arrange gives the columns of mode history ids after all that the history begins with. So a column with an id below theirs was
// there from the beginning, and one with an id above was added later.
func (w *work) arrange() {
	if w.t.Table.Mode != define.History || w.state.table == nil || !w.begins && !w.swaps() {
		return
	}
	next := w.state.table.LastColumnID()
	for _, c := range w.columns {
		next = max(next, c.ID)
	}
	for i, c := range w.columns {
		if w.ofVersions(c.Name) {
			next++
			w.columns[i].ID = next
		}
	}
}

// ofVersions says whether a name is that of a column that mode history adds.
func (w *work) ofVersions(name string) bool {
	if w.t.Table.Mode != define.History {
		return false
	}
	v := w.t.Table.Versions
	return slices.ContainsFunc([]string{v.From, v.To, v.Current, SeenColumn}, func(own string) bool { return strings.EqualFold(own, name) })
}

// ownColumns are columns without those that mode history adds.
func (w *work) ownColumns(cols []job.Column) []job.Column {
	return slices.DeleteFunc(slices.Clone(cols), func(c job.Column) bool { return w.ofVersions(c.Name) })
}

// missing is SQL for a column of the table that a query of some columns d does not give: null, but of what is brought into a history
// the values of a version that begins with the row.
func (w *work) missing(c job.Column, cols []job.Column) string {
	if !w.ofVersions(c.Name) {
		return "NULL"
	}
	switch v := w.t.Table.Versions; {
	case strings.EqualFold(c.Name, v.Current):
		return "true"
	case !strings.EqualFold(c.Name, v.From):
		return "NULL"
	}
	if w.t.Table.OrderBy == "" {
		return w.clock(c.Type)
	}
	if at := indexOf(w.columns, w.t.Table.OrderBy); at >= 0 {
		return cmp.Or(w.value(w.columns[at], cols), "NULL")
	}
	return "NULL"
}

// clock is SQL for the run's logical time in a type of valid_from; without a zone it is that of the project.
func (w *work) clock(typ string) string {
	return "CAST(" + job.Literal(w.t.Time.UTC().Format("2006-01-02 15:04:05.999999")+"+00") + "::TIMESTAMPTZ AS " + typ + ")"
}

// rowValue is SQL for a row of data as it is written into a reject.
func (w *work) rowValue() string {
	if w.t.Table.Mode != define.History {
		return rowAlias
	}
	var members []string
	for _, c := range w.ownColumns(w.columns) {
		members = append(members, job.Quote(c.Name)+" := "+rowAlias+"."+job.Quote(c.Name))
	}
	return "struct_pack(" + strings.Join(members, ", ") + ")"
}

// tracked are the columns whose change opens a version: those the definition names, else all that the history began with but what
// says when and where from a row came.
func (w *work) tracked() []job.Column {
	named := w.t.Table.Track
	from := w.columns[indexOf(w.columns, w.t.Table.Versions.From)].ID
	apart := append(slices.Clone(w.t.Table.Key), w.t.Table.OrderBy, w.t.Table.Cursor, FileColumn)
	return slices.DeleteFunc(w.ownColumns(w.columns), func(c job.Column) bool {
		is := func(name string) bool { return strings.EqualFold(name, c.Name) }
		if len(named) > 0 {
			return !slices.ContainsFunc(named, is)
		}
		return c.ID > from || slices.ContainsFunc(apart, is)
	})
}
