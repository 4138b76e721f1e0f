package files

import (
	"context"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
)

func (m *maker) readParquet(b *branch, more string) string {
	return "read_parquet(" + b.paths() + ", union_by_name=true, filename=" + job.Literal(pathColumn) + b.hiveOption() + more + ")"
}

// describeParquet reads the files' schemas.
func (m *maker) describeParquet(ctx context.Context, b *branch) ([]job.Column, error) {
	cols, err := m.e.Describe(ctx, "SELECT * FROM read_parquet("+b.paths()+", union_by_name=true, hive_partitioning=false)")
	if err != nil {
		return nil, err
	}
	b.columns = cols
	out := make([]job.Column, len(cols))
	for i, c := range cols {
		if c.Type == "TIMESTAMP_NS" {
			c.Type = "TIMESTAMP" // a value with nanoseconds is a reject
		}
		out[i] = c
	}
	return out, m.refuseWide(ctx, b)
}

// refuseWide stops at decimals the engine cannot hold: it would read those of more than 38 digits as DOUBLE (promise 6).
func (m *maker) refuseWide(ctx context.Context, b *branch) error {
	rows, err := m.e.Strings(ctx, "SELECT file_name, name, CAST(precision AS VARCHAR) FROM parquet_schema("+b.paths()+") WHERE precision > 38 LIMIT 1")
	if err != nil || len(rows) == 0 {
		return err
	}
	file := rows[0][0].Value
	for _, n := range b.splits {
		if n.path == file {
			file = n.name
		}
	}
	return fault.New(fault.Data, "%s: column %q is a decimal of %s digits, and 38 is the most the lake holds", file, rows[0][1].Value, rows[0][2].Value).
		WithHint("write it as text into the file")
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
