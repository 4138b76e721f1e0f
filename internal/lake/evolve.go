package lake

import (
	"slices"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

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
	return next, nil
}

// stillParts checks that a table's partition fields fit the schema a change leads to.
func stillParts(base *Table, next *iceberg.Schema) error {
	spec := base.ice.Spec()
	for _, f := range spec.Fields() {
		src, ok := next.FindFieldByID(f.SourceIDs[0])
		if !ok || !f.Transform.CanTransform(src.Type) {
			was, _ := base.ice.Schema().FindFieldByID(f.SourceIDs[0])
			return fault.New(fault.Usage, "column %q is what the table is partitioned by; it can neither go nor change its type", was.Name).
				WithHint("it can where every row is swapped: weir run %s --full --destroy-history", base.name)
		}
	}
	return nil
}

// specAfter is the partitioning a change leads to, nil where it stays. It changes only where every row is swapped, to what the
// build names. schema is the one the change leads to, nil where that stays.
func (w *world) specAfter(base *Table, schema *iceberg.Schema, removes removals) (*iceberg.PartitionSpec, error) {
	if !w.in.Replace || !removes.all || w.in.New == nil {
		if schema == nil {
			return nil, nil
		}
		return nil, stillParts(base, schema)
	}
	if schema == nil {
		schema = base.ice.Schema()
	}
	spec, err := specOf(w.in.New.Partition, schema)
	if err != nil {
		return nil, err
	}
	if slices.EqualFunc(partsOf(base.ice.Spec()), partsOf(*spec), samePartition) {
		return nil, nil
	}
	return fieldsOfAll(spec, base.ice.Metadata()), nil
}

func partsOf(spec iceberg.PartitionSpec) (out []iceberg.PartitionField) {
	for _, f := range spec.Fields() {
		out = append(out, f)
	}
	return out
}

// samePartition says whether two fields of different specs part rows alike, under one name.
func samePartition(a, b iceberg.PartitionField) bool {
	return a.SourceIDs[0] == b.SourceIDs[0] && a.Transform.Equals(b.Transform) && a.Name == b.Name
}

// fieldsOfAll gives partition fields the ids that equal fields of the table's other specs have, and new ids else: an id
// means one field in all of a table's specs (Iceberg table spec, partition evolution).
func fieldsOfAll(spec *iceberg.PartitionSpec, meta table.Metadata) *iceberg.PartitionSpec {
	next := firstPartitionID
	var known []iceberg.PartitionField
	for _, s := range meta.PartitionSpecs() {
		for _, f := range partsOf(s) {
			known = append(known, f)
			next = max(next, f.FieldID+1)
		}
	}
	var out []iceberg.PartitionField
	for _, f := range partsOf(*spec) {
		f.FieldID = 0
		for _, k := range known {
			if samePartition(k, f) {
				f.FieldID = k.FieldID
			}
		}
		if f.FieldID == 0 {
			f.FieldID = next
			next++
		}
		out = append(out, f)
	}
	fresh := iceberg.NewPartitionSpecID(len(meta.PartitionSpecs()), out...)
	return &fresh
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
			WithHint("cast it to %s, or build the table anew: --full --destroy-history", from)
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
