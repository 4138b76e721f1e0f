package publish

import (
	"context"
	"slices"
	"strings"

	"weir/internal/build"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/project"
	"weir/internal/sink"
)

// chooseColumns finds the columns to publish, with the names and types they had at the stored position.
func (w *work) chooseColumns(_ context.Context) error {
	all := w.table.Columns()
	var names []string
	for _, c := range all {
		names = append(names, c.Name)
	}
	for _, want := range slices.Concat(w.t.To.Columns, w.t.To.Key) {
		if !has(names, want) {
			return fault.New(fault.Usage, "column %q is not in %s", want, w.t.Table.Name).WithHint("%s", project.NearestHint(want, names))
		}
	}
	for _, c := range all {
		chosen := len(w.t.To.Columns) == 0 && c.Name != build.FileColumn && c.Name != build.SeenColumn || has(w.t.To.Columns, c.Name)
		if !chosen {
			continue
		}
		column := sink.Column{Column: c, Form: w.sink.Takes(c.Type)}
		if was, ok := w.stored.Published(c.ID); ok && w.same() {
			column.Was = was.Type
			if was.Name != c.Name {
				column.Old = was.Name
			}
		}
		w.columns = append(w.columns, column)
	}
	return nil
}

// same says whether the stored position is one of this table.
func (w *work) same() bool { return w.found && w.stored.UUID == w.table.UUID() }

func has(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// reshaped says whether the columns are not those that were published last.
func (w *work) reshaped() bool {
	if len(w.columns) != len(w.stored.Columns) {
		return true
	}
	for _, c := range w.columns {
		if was, ok := w.stored.Published(c.ID); !ok || was.Name != c.Name || was.Type != c.Type {
			return true
		}
	}
	return false
}

// lost names a column that was published and is not there any more: adding it would leave it without values. "" where there is none.
func (w *work) lost() string {
	for _, c := range w.columns {
		if _, ok := w.stored.Published(c.ID); ok && has(w.shape.Added, c.Name) {
			return c.Name
		}
	}
	return ""
}

// chosenLately names a column that is published now and was not before, though the table had it: its values are not in the
// destination. "" where there is none.
func (w *work) chosenLately(ctx context.Context) string {
	for _, c := range w.columns {
		if _, ok := w.stored.Published(c.ID); ok {
			continue
		}
		past, err := w.table.At(ctx, w.stored.Snapshot)
		if err != nil || slices.ContainsFunc(past.Columns(), func(p job.Column) bool { return p.ID == c.ID }) {
			return c.Name
		}
	}
	return ""
}

// items are the columns of a query in the forms they are taken in.
func (w *work) items() string {
	out := make([]string, len(w.columns))
	for i, c := range w.columns {
		out[i] = job.Quote(c.Name)
		switch {
		case c.Form == sink.JSON:
			out[i] = "to_json(" + out[i] + ")::VARCHAR AS " + job.Quote(c.Name)
		case c.Type == "UUID[]": // Arrow has no UUIDs
			out[i] = "CAST(" + out[i] + " AS VARCHAR[]) AS " + job.Quote(c.Name)
		}
	}
	return strings.Join(out, ", ")
}

// key are the columns of the key in a query.
func (w *work) key(prefix string) string {
	out := make([]string, len(w.t.To.Key))
	for i, k := range w.t.To.Key {
		out[i] = prefix + job.Quote(k)
	}
	return strings.Join(out, ", ")
}
