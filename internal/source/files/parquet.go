package files

import (
	"context"
	"strings"

	"weir/internal/job"
)

func (m *maker) readParquet(b *branch, more string) string {
	return "read_parquet(" + b.paths() + ", union_by_name=true, filename=" + job.Literal(pathColumn) + b.hiveOption() + more + ")"
}

// describeParquet reads the files' schemas.
func (m *maker) describeParquet(ctx context.Context, b *branch) ([]job.Column, error) {
	cols, err := m.e.Describe(ctx, "SELECT * FROM read_parquet("+b.paths()+", union_by_name=true, hive_partitioning=false)")
	b.columns = cols
	return cols, err
}

// parquetSelect writes a branch's SELECT and that of its rejects: rows with a value its declared type cannot hold.
func (m *maker) parquetSelect(b *branch) (sel, rejects string) {
	var items, misfits, reasons, columns []string
	for _, c := range m.settled.columns {
		value, misfit := m.parquetColumn(b, c)
		items = append(items, value+" AS "+job.Quote(c.name))
		if misfit == "" {
			continue
		}
		misfits = append(misfits, misfit)
		shown := "left(CAST(" + job.Quote(c.name) + " AS VARCHAR), 60)"
		reasons = append(reasons, "WHEN "+misfit+" THEN "+job.Literal(c.name+`: "`)+" || "+shown+" || "+job.Literal(`" is not `+c.typ.String()))
		columns = append(columns, "WHEN "+misfit+" THEN "+job.Literal(c.name))
	}
	file := m.s.fileExpr(b.splits, pathRef())
	items = append(items, file+" AS "+job.Quote(fileColumn))
	sel = "SELECT " + strings.Join(items, ", ") + " FROM " + m.readParquet(b, "")
	if len(misfits) == 0 {
		return sel, ""
	}
	where := "(" + strings.Join(misfits, ") OR (") + ")"
	raw := make([]string, len(b.columns))
	for i, c := range b.columns {
		raw[i] = job.Quote(c.Name) + ": " + job.Quote(c.Name)
	}
	inner := "SELECT " + file + " AS dataset, file_row_number + 1 AS line, CAST(to_json({" + strings.Join(raw, ", ") + "}) AS VARCHAR) AS raw, CASE " +
		strings.Join(columns, " ") + " END AS name, CASE " + strings.Join(reasons, " ") + " END AS reason FROM " +
		m.readParquet(b, ", file_row_number=true") + " WHERE " + where
	rejects = "SELECT " + rejectID("dataset", "line", "raw") + ` AS id, 'reject' AS kind, dataset, line, CAST(-1 AS BIGINT) AS "offset", name AS "column", reason, '' AS rule, raw, '' AS header FROM (` + inner + ")"
	return sel + " WHERE (" + where + ") IS NOT TRUE", rejects
}

// parquetColumn is SQL of a column's value and, where its type differs from the file's, of the values that do not fit.
func (m *maker) parquetColumn(b *branch, c column) (value, misfit string) {
	i := indexJob(b.columns, c.name)
	if i < 0 {
		if ref, ok := b.hiveRef(c.name); ok {
			r := readAs(c.typ, ref, readOptions{long: true})
			return r.value, ""
		}
		if c.name == extraColumn {
			return m.parquetExtra(b), ""
		}
		return "CAST(NULL AS " + c.typ.String() + ")", ""
	}
	ref, from := job.Quote(b.columns[i].Name), b.columns[i].Type
	if from == c.typ.String() {
		return ref, ""
	}
	if t, err := parseType(from); err == nil && holds(t, c.typ) {
		return "CAST(" + ref + " AS " + c.typ.String() + ")", ""
	}
	cast := "TRY_CAST(" + ref + " AS " + c.typ.String() + ")"
	return cast, ref + " IS NOT NULL AND TRY_CAST(" + cast + " AS " + from + ") IS DISTINCT FROM " + ref
}

// holds says whether every value of one type is one of another, so that no value needs a look.
func holds(from, to ctype) bool {
	if widens(from, to) || to.kind == text && !from.nested() {
		return true
	}
	if from.kind != integer || to.kind != integer {
		return false
	}
	lo, hi := integerBounds(from.name)
	toLo, toHi := integerBounds(to.name)
	return lo.Cmp(toLo) >= 0 && hi.Cmp(toHi) <= 0
}

func (m *maker) parquetExtra(b *branch) string {
	var parts []string
	for _, c := range b.columns {
		if m.settled.unknown[strings.ToLower(c.Name)] {
			parts = append(parts, job.Quote(c.Name)+": "+job.Quote(c.Name))
		}
	}
	if len(parts) == 0 {
		return "CAST(NULL AS VARCHAR)"
	}
	return "CAST(to_json({" + strings.Join(parts, ", ") + "}) AS VARCHAR)"
}
