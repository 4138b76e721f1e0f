package files

import (
	"fmt"
	"slices"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
)

// column is one column of the relation.
type column struct {
	name     string
	typ      ctype
	doc      string
	required bool
}

// field is a column as it stands in files: a CSV header's name, a JSON key, a Parquet column, a folder's key.
type field struct {
	name string
	typ  string // "" where the format has no types and it must be found out
	file string // where it was seen first
}

// settled is what the columns of a read are, by declaration, the table and the files.
type settled struct {
	columns        []column
	added, widened []string
	extra          bool            // unknown fields go to _extra
	unknown        map[string]bool // names not in columns, folded
}

func indexColumn(cols []column, name string) int {
	return slices.IndexFunc(cols, func(c column) bool { return strings.EqualFold(c.name, name) })
}

func indexJob(cols []job.Column, name string) int {
	return slices.IndexFunc(cols, func(c job.Column) bool { return strings.EqualFold(c.Name, name) })
}

// settle lays the fields of the files beside what is declared and what the table has. Declared types win, then the
// table's; a field that neither knows follows on_schema_change. infer gives the type of a field without one.
func (s *scan) settle(fields []field, infer func(field) (string, error)) (settled, error) {
	out := settled{unknown: map[string]bool{}, extra: s.reader.policy() == schemaExtra}
	for _, k := range s.read.Known {
		if k.Name != extraColumn {
			if err := out.add(k, s.declared(k)); err != nil {
				return out, err
			}
		}
	}
	if err := s.settleFields(&out, fields, infer); err != nil {
		return out, err
	}
	for _, d := range s.reader.columns {
		if indexColumn(out.columns, d.Name) < 0 {
			if err := out.add(d, d); err != nil {
				return out, err
			}
			out.note(d.Name, s.read.Known)
		}
	}
	if out.extra {
		out.columns = append(out.columns, column{name: extraColumn, typ: ctype{kind: text, name: "VARCHAR"}})
		out.note(extraColumn, s.read.Known)
	}
	if len(out.columns) == 0 && len(s.splits) > 0 {
		return out, fault.New(fault.Data, "%s has no column", s.splits[0].name).WithHint("declare columns, or give it a record with fields")
	}
	return out, s.checkTypes(&out)
}

// declared is the column as the definition has it, or as given.
func (s *scan) declared(c job.Column) job.Column {
	if i := indexJob(s.reader.columns, c.Name); i >= 0 {
		return s.reader.columns[i]
	}
	return c
}

func (o *settled) add(named, typed job.Column) error {
	t, err := parseType(typed.Type)
	if err != nil {
		return fault.New(fault.Usage, "column %s: %w", named.Name, err)
	}
	o.columns = append(o.columns, column{name: named.Name, typ: t, doc: typed.Doc, required: typed.Required})
	return nil
}

// note remembers a column the table does not have yet.
func (o *settled) note(name string, known []job.Column) {
	if known != nil && indexJob(known, name) < 0 {
		o.added = append(o.added, name)
	}
}

func (s *scan) settleFields(out *settled, fields []field, infer func(field) (string, error)) error {
	for _, f := range fields {
		if f.name == "" || strings.ContainsRune(f.name, 0) {
			return fault.New(fault.Data, "%s has a field named %q, which no column can be", f.file, f.name).WithHint("name it in the file, or set on_schema_change: keep_extra (JSON)")
		}
		if strings.EqualFold(f.name, fileColumn) || strings.EqualFold(f.name, extraColumn) {
			return fault.New(fault.Data, "%s has a column %q, a name Weir gives itself", f.file, f.name).WithHint("rename it in the file")
		}
		if i := indexColumn(out.columns, f.name); i >= 0 {
			if err := s.widen(out, i, f); err != nil {
				return err
			}
			continue
		}
		d := indexJob(s.reader.columns, f.name)
		if d < 0 && (s.reader.Strict || len(s.read.Known) > 0 && s.reader.policy() != schemaAdd) {
			if err := s.unknown(out, f); err != nil {
				return err
			}
			continue
		}
		c := job.Column{Name: f.name, Type: f.typ}
		if d >= 0 {
			c = s.reader.columns[d]
		} else if c.Type == "" {
			t, err := infer(f)
			if err != nil {
				return err
			}
			c.Type = t
		}
		if err := out.add(c, c); err != nil {
			return err
		}
		out.note(c.Name, s.read.Known)
	}
	return nil
}

// unknown settles a field that is in the files only.
func (s *scan) unknown(out *settled, f field) error {
	if s.reader.policy() == schemaExtra {
		out.unknown[strings.ToLower(f.name)] = true
		return nil
	}
	// Under reject too: here every record of the file has the field, and a file is not taken for its absence of rows.
	return unknownField(f.file, f.name)
}

func unknownField(file, name string) error {
	return fault.New(fault.Data, "%s has a column that the table does not: %q", file, name).
		WithHint("declare it under columns, or set on_schema_change: add, or keep_extra to keep it as JSON")
}

// widen takes a file's wider type for a column whose type nobody declared, where no value can change by it.
func (s *scan) widen(out *settled, i int, f field) error {
	if f.typ == "" || indexJob(s.reader.columns, f.name) >= 0 || s.reader.policy() != schemaAdd {
		return nil
	}
	t, err := parseType(f.typ)
	if err != nil {
		return fault.New(fault.Data, "%s: column %s: %w", f.file, f.name, err)
	}
	if widens(out.columns[i].typ, t) {
		out.columns[i].typ = t
	}
	return nil
}

// widens says whether a table's column may become wider without rewriting a file: the steps Iceberg has.
func widens(from, to ctype) bool {
	switch {
	case from.name == "INTEGER" && to.name == "BIGINT", from.name == "FLOAT" && to.name == "DOUBLE":
		return true
	case from.kind == decimal && to.kind == decimal:
		return to.scale == from.scale && to.precision > from.precision
	}
	return false
}

// checkTypes compares the settled types with the table's.
func (s *scan) checkTypes(out *settled) error {
	for i, c := range out.columns {
		k := indexJob(s.read.Known, c.name)
		if k < 0 {
			continue
		}
		known, err := parseType(s.read.Known[k].Type)
		if err != nil {
			return fault.New(fault.Internal, "column %s of the table: %w", c.name, err)
		}
		switch {
		case known.String() == c.typ.String(), stored(c.typ) == known.String():
		case c.typ.kind == other || c.typ.nested():
			// The lake keeps many of these as another type; whether it can take this one it says itself.
		case widens(known, c.typ):
			out.widened = append(out.widened, c.name)
		case widens(c.typ, known):
			out.columns[i].typ = known
		default:
			return fault.New(fault.Usage, "column %s is %s in the table and declared as %s, which is not a widening", c.name, known, c.typ).
				WithHint("INTEGER widens to BIGINT, FLOAT to DOUBLE, a DECIMAL to more digits; anything else needs weir run %s --full", s.read.Table)
		}
	}
	return nil
}

// stored is the type a narrow integer has in the lake.
func stored(t ctype) string {
	switch t.name {
	case "TINYINT", "SMALLINT", "UTINYINT", "USMALLINT":
		return "INTEGER"
	case "UINTEGER":
		return "BIGINT"
	case "UBIGINT":
		return "DECIMAL(20,0)"
	case "HUGEINT", "UHUGEINT":
		return "DECIMAL(38,0)"
	}
	return t.String()
}

// relationColumns are the columns as the relation gives them, _file at their end.
func relationColumns(cols []column) []job.Column {
	out := make([]job.Column, 0, len(cols)+1)
	for _, c := range cols {
		out = append(out, job.Column{Name: c.name, Type: c.typ.String(), Doc: c.doc, Required: c.required})
	}
	return append(out, job.Column{Name: fileColumn, Type: "VARCHAR"})
}

// nullColumn is SQL of a column a file does not have.
func nullColumn(c column) string {
	return fmt.Sprintf("CAST(NULL AS %s) AS %s", c.typ, job.Quote(c.name))
}
