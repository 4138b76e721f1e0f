package duckdb

import (
	"fmt"
	"strings"

	"weir/internal/job"
)

// Exact gives SQL that turns an expression of one type into another and fails where a value would be changed by that
// (promise 6). A plain CAST rounds decimals and floats, drops the time of day, a time zone and digits after the
// microsecond without a word. The error is an Invalid Input one, so of class Data.
func Exact(expr, from, to string) string { return exactly{}.cast(expr, from, to) }

// Exactly is Exact behind the seam of package engine.
func (s *Session) Exactly(expr, from, to string) string { return Exact(expr, from, to) }

// ExactlyOrNull is Exactly with null in the place of a value that would be changed.
func (s *Session) ExactlyOrNull(expr, from, to string) string {
	return "TRY(" + exactly{quiet: true}.cast(expr, from, to) + ")"
}

// exactly writes casts; column is named in the errors they raise.
type exactly struct {
	column string
	quiet  bool // the errors are caught by TRY, which takes none that error() raises
	depth  int  // of nested lambdas, so that their parameters differ
}

func (x exactly) cast(expr, from, to string) string {
	f, t := shapeOf(from), shapeOf(to)
	if strings.EqualFold(strings.TrimSpace(from), strings.TrimSpace(to)) {
		return expr
	}
	plain := "CAST(" + expr + " AS " + to + ")"
	switch {
	case alwaysExact(f, t):
		return plain
	case f.kind == "JSON" && len(t.fields) > 0, f.kind == "VARCHAR" && len(t.fields) > 0:
		loose := textual(to)
		return x.cast("CAST("+expr+" AS "+loose+")", loose, to)
	case f.kind == "JSON":
		return x.text("("+expr+" ->> '$')", to, t)
	case f.kind == "VARCHAR":
		return x.text(expr, to, t)
	case len(f.fields) > 0 && f.kind == t.kind:
		return x.nested(expr, f, t, to)
	}
	return x.checked(expr, to, "TRY_CAST(TRY_CAST("+expr+" AS "+to+") AS "+from+") = "+expr)
}

// alwaysExact says whether a plain cast either keeps the value or fails.
func alwaysExact(f, t shape) bool {
	switch {
	case t.kind == "VARCHAR", f.kind == `"NULL"`, f.kind == "NULL":
		return true
	case f.bits() > 0 && (t.bits() > 0 || t.kind == "DECIMAL"):
		return true
	case f.kind == "DECIMAL" && t.kind == "DECIMAL":
		return t.scale >= f.scale
	case f.bits() > 0 && f.bits() <= 32 && t.kind == "DOUBLE", f.kind == "FLOAT" && t.kind == "DOUBLE":
		return true
	case f.kind == "DATE" && strings.HasPrefix(t.kind, "TIMESTAMP"):
		return true
	case (f.kind == "TIMESTAMP_S" || f.kind == "TIMESTAMP_MS") && t.kind == "TIMESTAMP":
		return true
	}
	return false
}

// checked casts where a condition on the value holds, and fails elsewhere.
func (x exactly) checked(expr, to, holds string) string {
	where := ""
	if x.column != "" {
		where = "column " + job.Quote(x.column) + ": "
	}
	return "CASE WHEN " + expr + " IS NULL THEN NULL WHEN " + holds + " THEN TRY_CAST(" + expr + " AS " + to + ") ELSE " +
		x.fail(expr, job.Literal(where)+" || '\"' || left(CAST("+expr+" AS VARCHAR), 100) || "+job.Literal(`" is not exactly `+to)) + " END"
}

// fail is SQL that raises an error with a message, for a value that is not null.
func (x exactly) fail(expr, message string) string {
	if !x.quiet {
		return "error(" + message + ")"
	}
	return "CASE WHEN CAST(left(CAST(" + expr + " AS VARCHAR), 0) || '!' AS BOOLEAN) THEN NULL END"
}

// text casts text, which DuckDB reads generously.
func (x exactly) text(expr, to string, t shape) string {
	value := "TRY_CAST(" + expr + " AS " + to + ")"
	fraction := "NOT regexp_matches(" + expr + `, '\.[0-9]{6}0*[1-9]')`
	holds := value + " IS NOT NULL"
	switch {
	case t.bits() > 0 || t.kind == "DECIMAL":
		holds += " AND " + number(expr, value, t.scale)
	case t.kind == "DATE":
		holds = "CAST(" + value + " AS TIMESTAMP) = TRY_CAST(" + expr + " AS TIMESTAMP)"
	case t.kind == "TIMESTAMP": // an offset from UTC would be dropped
		holds += " AND " + fraction + " AND NOT regexp_matches(" + expr + `, ':[0-9]{2}(:[0-9]{2}(\.[0-9]*)?)?\s*[+-][0-9:]*[1-9]')`
	case strings.HasPrefix(t.kind, "TIME"):
		holds += " AND " + fraction
	case t.kind == "DOUBLE" || t.kind == "FLOAT": // what is too large becomes infinite, too small zero
		holds += " AND (isfinite(" + value + ") OR regexp_matches(lower(" + expr + "), 'inf|nan')) AND (" + value + " <> 0 OR NOT regexp_matches(" + expr + ", '^[^eE]*[1-9]'))"
	}
	return x.checked(expr, to, holds)
}

// number holds for text of a number with no digit but 0 after the scale. With an exponent it may have 15 digits, which a
// double can compare.
func number(expr, value string, scale int) string {
	digits := `[0-9]+(\.0*)?`
	if scale > 0 {
		digits = fmt.Sprintf(`([0-9]+(\.[0-9]{0,%d}0*)?|\.[0-9]{1,%d}0*)`, scale, scale)
	}
	return "(regexp_full_match(" + expr + `, '\s*[+-]?` + digits + `\s*') OR regexp_full_match(` + expr +
		`, '\s*[+-]?[0-9]?\.?[0-9]{1,14}[eE][+-]?[0-9]{1,3}\s*') AND CAST(` + value + " AS DOUBLE) = TRY_CAST(" + expr + " AS DOUBLE))"
}

// nested casts lists, structs and maps member by member.
func (x exactly) nested(expr string, f, t shape, to string) string {
	inner := exactly{column: x.column, quiet: x.quiet, depth: x.depth + 1}
	v := fmt.Sprintf("x%d", inner.depth)
	switch f.kind {
	case "LIST":
		list := "list_transform(CAST(" + expr + " AS " + f.fields[0].typ + "[]), lambda " + v + ": " + inner.cast(v, f.fields[0].typ, t.fields[0].typ) + ")"
		return "CAST(" + list + " AS " + to + ")"
	case "MAP":
		pair := "struct_pack(k := " + inner.cast(v+".key", f.fields[0].typ, t.fields[0].typ) + ", v := " + inner.cast(v+".value", f.fields[1].typ, t.fields[1].typ) + ")"
		return "CAST(map_from_entries(list_transform(map_entries(" + expr + "), lambda " + v + ": " + pair + ")) AS " + to + ")"
	case "STRUCT":
		return inner.structure(expr, f, t, to)
	}
	return x.checked(expr, to, "TRY_CAST("+expr+" AS "+to+") IS NOT NULL")
}

// structure casts a struct. A member the target lacks would be lost, so then only nulls of it pass.
func (x exactly) structure(expr string, f, t shape, to string) string {
	pack := make([]string, len(t.fields))
	used := map[string]bool{}
	for i, m := range t.fields {
		pack[i] = job.Quote(m.name) + " := CAST(NULL AS " + m.typ + ")"
		for _, o := range f.fields {
			if strings.EqualFold(o.name, m.name) {
				used[o.name] = true
				pack[i] = job.Quote(m.name) + " := " + x.cast("struct_extract("+expr+", "+job.Literal(o.name)+")", o.typ, m.typ)
			}
		}
	}
	when := "CASE WHEN " + expr + " IS NULL THEN NULL"
	for _, o := range f.fields {
		if !used[o.name] {
			when += " WHEN struct_extract(" + expr + ", " + job.Literal(o.name) + ") IS NOT NULL THEN " +
				x.fail(expr, job.Literal(fmt.Sprintf("column %s: member %s is not in %s", job.Quote(x.column), job.Quote(o.name), to)))
		}
	}
	return when + " ELSE CAST(struct_pack(" + strings.Join(pack, ", ") + ") AS " + to + ") END"
}

// textual is a nested type with text in every leaf.
func textual(t string) string {
	s := shapeOf(t)
	switch s.kind {
	case "LIST":
		return textual(s.fields[0].typ) + "[]"
	case "MAP":
		return "MAP(" + textual(s.fields[0].typ) + ", " + textual(s.fields[1].typ) + ")"
	case "STRUCT":
		members := make([]string, len(s.fields))
		for i, m := range s.fields {
			members[i] = job.Quote(m.name) + " " + textual(m.typ)
		}
		return "STRUCT(" + strings.Join(members, ", ") + ")"
	}
	return "VARCHAR"
}
