package lake

import (
	"github.com/apache/iceberg-go"

	"weir/internal/fault"
)

// schemaAfter is the schema a change leads to, nil where it stays. Columns may come and types widen; where every row is swapped they
// may also go and change.
func (w *world) schemaAfter(base *Table, change Change, removes removals) (*iceberg.Schema, error) {
	if change.Columns == nil {
		return nil, nil
	}
	fields, err := schemaFields(change.Columns, base)
	if err != nil {
		return nil, err
	}
	was := base.ice.Schema()
	next := iceberg.NewSchema(was.ID+1, fields...)
	if sameFields(was.Fields(), fields) {
		return nil, nil
	}
	free := w.in.Replace && removes.all
	for _, f := range was.Fields() {
		if err := follows(f, next, free); err != nil {
			return nil, err
		}
	}
	spec := base.ice.Spec()
	for _, f := range spec.Fields() {
		src, ok := next.FindFieldByID(f.SourceIDs[0])
		if !ok || !f.Transform.CanTransform(src.Type) {
			was, _ := was.FindFieldByID(f.SourceIDs[0])
			return nil, fault.New(fault.Usage, "column %q is what the table is partitioned by; it can neither go nor change its type", was.Name).
				WithHint("drop the table and build it anew")
		}
	}
	return next, nil
}

// follows checks what becomes of one field.
func follows(f iceberg.NestedField, next *iceberg.Schema, free bool) error {
	n, ok := next.FindFieldByID(f.ID)
	if !ok {
		if free {
			return nil
		}
		return fault.New(fault.Usage, "column %q would be lost", f.Name).WithHint("a table's columns only go when all of its rows are replaced")
	}
	from, err := duckOf(f.Type)
	if err != nil {
		return err
	}
	to, err := duckOf(n.Type)
	if err != nil {
		return err
	}
	if !fitsInto(from, to) {
		return fault.New(fault.Usage, "column %q can not become %s: it is %s", f.Name, to, from).
			WithHint("cast it to %s, or drop the table and build it anew", from)
	}
	return nil
}

// sameFields compares names, types and ids, and what is said about them.
func sameFields(a, b []iceberg.NestedField) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].Equals(b[i]) {
			return false
		}
	}
	return true
}
