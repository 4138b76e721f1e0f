package lake

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"

	"weir/internal/fault"
	"weir/internal/job"
)

// reservedIDs starts the field ids Iceberg keeps for columns that are no table's own.
const reservedIDs = 2147483447

// AssignIDs gives columns their field ids: the one a column has already, where it is one of the table's (it is renamed then),
// else that of the table's column of its name, and new ones after its last column id. t is nil for a table that is to be
// made.
func AssignIDs(cols []job.Column, t *Table) []job.Column {
	return assignIDs(cols, t, func(iceberg.NestedField, job.Column) bool { return true })
}

// ReplaceIDs is AssignIDs for columns that replace all of a table's: a column whose type changed other than by widening is
// another column, and gets a new id.
func ReplaceIDs(cols []job.Column, t *Table) []job.Column {
	return assignIDs(cols, t, func(f iceberg.NestedField, c job.Column) bool {
		is, err := duckOf(f.Type)
		if err != nil {
			return false
		}
		to, err := parseType(c.Type)
		return err == nil && fitsInto(is, to)
	})
}

func assignIDs(cols []job.Column, t *Table, keep func(iceberg.NestedField, job.Column) bool) []job.Column {
	out := append([]job.Column(nil), cols...)
	next := 1
	var known []iceberg.NestedField
	if t != nil {
		next, known = t.LastColumnID()+1, t.ice.Schema().Fields()
	}
	taken := map[int]bool{}
	take := func(c *job.Column, f iceberg.NestedField, found bool) {
		if c.ID = 0; found && !taken[f.ID] && keep(f, *c) {
			c.ID, taken[f.ID] = f.ID, true
		}
	}
	// Those first that have an id: a renamed column's earlier name may be that of another column now.
	for i := range out {
		f, found := fieldWithID(known, out[i].ID)
		take(&out[i], f, found)
	}
	for i := range out {
		if out[i].ID == 0 {
			f, found := fieldNamed(known, out[i].Name)
			take(&out[i], f, found)
		}
		if out[i].ID == 0 {
			out[i].ID = next
			next++
		}
	}
	return out
}

func fieldWithID(fields []iceberg.NestedField, id int) (iceberg.NestedField, bool) {
	for _, f := range fields {
		if f.ID == id {
			return f, true
		}
	}
	return iceberg.NestedField{}, false
}

// fieldNamed finds a field by name, in any case: the lake tells no case apart.
func fieldNamed(fields []iceberg.NestedField, name string) (iceberg.NestedField, bool) {
	for _, f := range fields {
		if f.Name == name {
			return f, true
		}
	}
	for _, f := range fields {
		if strings.EqualFold(f.Name, name) {
			return f, true
		}
	}
	return iceberg.NestedField{}, false
}

// FieldIDs writes the FIELD_IDS literal of DuckDB's COPY for columns that have their ids, with ids for all that is nested:
// those of the table, and new ones after its last column id and the columns' own. The commit gives the same ids.
func FieldIDs(cols []job.Column, t *Table) (string, error) {
	fields, err := schemaFields(cols, t)
	if err != nil {
		return "", err
	}
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = job.Quote(f.Name) + ": " + fieldID(f.ID, f.Type)
	}
	return "{" + strings.Join(parts, ", ") + "}", nil
}

func fieldID(id int, t iceberg.Type) string {
	var parts []string
	switch t := t.(type) {
	case *iceberg.StructType:
		for _, f := range t.FieldList {
			parts = append(parts, job.Quote(f.Name)+": "+fieldID(f.ID, f.Type))
		}
	case *iceberg.ListType:
		parts = append(parts, "element: "+fieldID(t.ElementID, t.Element))
	case *iceberg.MapType:
		parts = append(parts, "key: "+fieldID(t.KeyID, t.KeyType), "value: "+fieldID(t.ValueID, t.ValueType))
	default:
		return strconv.Itoa(id)
	}
	return "{__duckdb_field_id: " + strconv.Itoa(id) + ", " + strings.Join(parts, ", ") + "}"
}

// schemaFields makes Iceberg fields of columns. New ones are optional in Iceberg's sense: what must not be null is a rule's affair.
func schemaFields(cols []job.Column, t *Table) ([]iceberg.NestedField, error) {
	ids := idSource{}
	var known []iceberg.NestedField
	if t != nil {
		ids.last, known = t.LastColumnID(), t.ice.Schema().Fields()
	}
	seen := map[int]string{}
	for _, c := range cols {
		if c.ID <= 0 {
			return nil, fault.New(fault.Internal, "column %q has no field id", c.Name)
		}
		if other, twice := seen[c.ID]; twice {
			return nil, fault.New(fault.Internal, "columns %q and %q have field id %d", other, c.Name, c.ID)
		}
		seen[c.ID] = c.Name
		if c.ID < reservedIDs {
			ids.last = max(ids.last, c.ID)
		}
	}
	fields := make([]iceberg.NestedField, len(cols))
	for i, c := range cols {
		d, err := parseType(c.Type)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name, err)
		}
		var was iceberg.NestedField
		for _, k := range known {
			if k.ID == c.ID {
				was = k
			}
		}
		typ, err := ids.typed(d, was.Type)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name, err)
		}
		fields[i] = iceberg.NestedField{ID: c.ID, Name: c.Name, Type: typ, Required: was.Required, Doc: c.Doc}
	}
	return fields, nil
}

// idSource hands out new field ids.
type idSource struct{ last int }

func (s *idSource) next() int { s.last++; return s.last }

// typed makes an Iceberg type; was is the type the column has, nil for none, whose ids stay.
func (s *idSource) typed(d duckType, was iceberg.Type) (iceberg.Type, error) {
	switch d.kind {
	case "LIST":
		return s.list(d, was)
	case "MAP":
		return s.mapped(d, was)
	case "STRUCT":
		return s.structured(d, was)
	}
	return primitive(d)
}

func (s *idSource) list(d duckType, was iceberg.Type) (iceberg.Type, error) {
	l := &iceberg.ListType{}
	var inner iceberg.Type
	if w, ok := was.(*iceberg.ListType); ok {
		l.ElementID, l.ElementRequired, inner = w.ElementID, w.ElementRequired, w.Element
	} else {
		l.ElementID = s.next()
	}
	var err error
	l.Element, err = s.typed(d.fields[0].typ, inner)
	return l, err
}

func (s *idSource) mapped(d duckType, was iceberg.Type) (iceberg.Type, error) {
	m := &iceberg.MapType{}
	var key, value iceberg.Type
	if w, ok := was.(*iceberg.MapType); ok {
		m.KeyID, m.ValueID, m.ValueRequired, key, value = w.KeyID, w.ValueID, w.ValueRequired, w.KeyType, w.ValueType
	} else {
		m.KeyID, m.ValueID = s.next(), s.next()
	}
	var err error
	if m.KeyType, err = s.typed(d.fields[0].typ, key); err != nil {
		return nil, err
	}
	m.ValueType, err = s.typed(d.fields[1].typ, value)
	return m, err
}

func (s *idSource) structured(d duckType, was iceberg.Type) (iceberg.Type, error) {
	st := &iceberg.StructType{}
	var known []iceberg.NestedField
	if w, ok := was.(*iceberg.StructType); ok {
		known = w.FieldList
	}
	for _, m := range d.fields {
		f := iceberg.NestedField{Name: m.name}
		var inner iceberg.Type
		for _, k := range known {
			if k.Name == m.name {
				f.ID, f.Required, f.Doc, inner = k.ID, k.Required, k.Doc, k.Type
			}
		}
		if f.ID == 0 {
			f.ID = s.next()
		}
		var err error
		if f.Type, err = s.typed(m.typ, inner); err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		st.FieldList = append(st.FieldList, f)
	}
	return st, nil
}

// columnsOf gives a schema's columns.
func columnsOf(s *iceberg.Schema) ([]job.Column, error) {
	cols := make([]job.Column, s.NumFields())
	for i, f := range s.Fields() {
		d, err := duckOf(f.Type)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		cols[i] = job.Column{Name: f.Name, Type: d.String(), ID: f.ID, Required: f.Required, Doc: f.Doc}
	}
	return cols, nil
}
