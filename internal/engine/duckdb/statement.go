package duckdb

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"math/big"
	"sort"
	"strings"
	"time"

	driver "github.com/duckdb/duckdb-go/v2"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/source"
)

// Exec runs one or several statements.
func (s *Session) Exec(ctx context.Context, sql string) error {
	end, err := s.begin()
	if err != nil {
		return err
	}
	defer end()
	sql = s.resolve(sql)
	_, err = s.conn.ExecContext(ctx, sql, nil)
	return s.reads(classify(ctx, err, 0, sql))
}

// Query runs a query and hands each row to scan, in order; values are as database/sql gives them and the row may be kept.
// The whole result is held in memory first: for results that are small (see Stream).
func (s *Session) Query(ctx context.Context, sql string, scan func(row []any) error) error {
	return s.query(ctx, sql, nil, 0, scan)
}

// query runs a statement whose first shift bytes stand before the caller's SQL.
func (s *Session) query(ctx context.Context, sql string, p job.Params, shift int, scan func(row []any) error) error {
	var failed error
	err := s.with(ctx, sql, p, shift, func(st *driver.Stmt, args []sqldriver.NamedValue) error {
		rows, err := st.QueryContext(ctx, args)
		if err != nil {
			return err
		}
		failed, err = each(ctx, rows, scan)
		return errors.Join(err, rows.Close())
	})
	return errors.Join(failed, err)
}

// each tells an error of the callback, which passes through as it is, from one of the driver.
func each(ctx context.Context, rows sqldriver.Rows, scan func(row []any) error) (failed, err error) {
	n := len(rows.Columns())
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		values := make([]sqldriver.Value, n)
		if err := rows.Next(values); err != nil {
			if errors.Is(err, io.EOF) {
				return nil, nil
			}
			return nil, err
		}
		row := make([]any, n)
		for i, v := range values {
			row[i] = v
		}
		if err := scan(row); err != nil {
			return err, nil
		}
	}
}

// with prepares a statement, binds its parameters and runs do.
func (s *Session) with(ctx context.Context, sql string, p job.Params, shift int, do func(*driver.Stmt, []sqldriver.NamedValue) error) error {
	end, err := s.begin()
	if err != nil {
		return err
	}
	defer end()
	sql = s.resolve(sql)
	text := sql[min(max(shift, 0), len(sql)):]
	prepared, err := s.conn.PrepareContext(ctx, sql)
	if err != nil {
		return classify(ctx, err, shift, text)
	}
	st, ok := prepared.(*driver.Stmt)
	if !ok {
		return fault.New(fault.Internal, "the DuckDB driver has changed: %T", prepared)
	}
	args, err := arguments(st, p)
	if err == nil {
		err = s.reads(classify(ctx, do(st, args), shift, text))
	}
	return errors.Join(err, st.Close())
}

// arguments gives a value to each parameter of a statement, with its type fixed: DuckDB would otherwise guess one from
// where the parameter stands, and change the value to fit.
func arguments(st *driver.Stmt, p job.Params) ([]sqldriver.NamedValue, error) {
	args := make([]sqldriver.NamedValue, st.NumInput())
	for i := range args {
		name, err := st.ParamName(i + 1)
		if err != nil {
			return nil, fault.New(fault.Internal, "read parameter %d: %w", i+1, err)
		}
		v, ok := lookup(p, name)
		if !ok {
			return nil, fault.New(fault.Usage, "parameter $%s has no value", name).WithHint("known: %s", strings.Join(names(p), ", "))
		}
		t, err := typed(name, v)
		if err != nil {
			return nil, err
		}
		args[i] = sqldriver.NamedValue{Ordinal: i + 1, Name: name, Value: t}
	}
	return args, nil
}

func lookup(p job.Params, name string) (any, bool) {
	if v, ok := p[name]; ok {
		return v, true
	}
	for k, v := range p {
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return nil, false
}

func names(p job.Params) []string {
	out := make([]string, 0, len(p))
	for k := range p {
		out = append(out, "$"+k)
	}
	sort.Strings(out)
	return out
}

func typed(name string, v any) (driver.TypedValue, error) {
	switch v := v.(type) {
	case nil:
		return driver.Typed(nil, driver.TYPE_SQLNULL), nil
	case string:
		return driver.Typed(v, driver.TYPE_VARCHAR), nil
	case int64, int:
		return driver.Typed(v, driver.TYPE_BIGINT), nil
	case float64:
		return driver.Typed(v, driver.TYPE_DOUBLE), nil
	case bool:
		return driver.Typed(v, driver.TYPE_BOOLEAN), nil
	case time.Time:
		return driver.Typed(v.UTC(), driver.TYPE_TIMESTAMP_TZ), nil
	}
	return driver.TypedValue{}, fault.New(fault.Internal, "parameter $%s: a %T cannot be bound", name, v)
}

const describe = "DESCRIBE "

// Describe binds a query without running it and gives its columns.
func (s *Session) Describe(ctx context.Context, sql string) ([]job.Column, error) {
	return s.DescribeParams(ctx, sql, nil)
}

// DescribeParams is Describe for a query with parameters. Mistakes are Usage errors that hold a *SQLError with their place.
func (s *Session) DescribeParams(ctx context.Context, sql string, p job.Params) ([]job.Column, error) {
	var cols []job.Column
	err := s.query(ctx, describe+sql, p, len(describe), func(row []any) error {
		name, _ := row[0].(string)
		typ, _ := row[1].(string)
		cols = append(cols, job.Column{Name: name, Type: typ})
		return nil
	})
	return cols, err
}

const asText = "SELECT COLUMNS(*)::VARCHAR FROM ("

// Strings runs a query and gives its rows as DuckDB writes their values. For small results.
func (s *Session) Strings(ctx context.Context, sql string) ([][]source.Text, error) {
	var out [][]source.Text
	err := s.query(ctx, asText+sql+"\n)", nil, len(asText), func(row []any) error {
		texts := make([]source.Text, len(row))
		for i, v := range row {
			texts[i].Value, texts[i].Valid = v.(string)
		}
		out = append(out, texts)
		return nil
	})
	return out, err
}

// Int runs a query of one whole number; no row and null are 0.
func (s *Session) Int(ctx context.Context, sql string) (int64, error) {
	var n int64
	seen := false
	err := s.Query(ctx, sql, func(row []any) error {
		if seen || len(row) != 1 {
			return fault.New(fault.Internal, "query gives more than one value: %s", sql)
		}
		seen = true
		var err error
		n, err = whole(row[0])
		return err
	})
	return n, err
}

func whole(v any) (int64, error) {
	switch v := v.(type) {
	case nil:
		return 0, nil
	case int64:
		return v, nil
	case int32:
		return int64(v), nil
	case int16:
		return int64(v), nil
	case int8:
		return int64(v), nil
	case uint8:
		return int64(v), nil
	case uint16:
		return int64(v), nil
	case uint32:
		return int64(v), nil
	case *big.Int:
		if v.IsInt64() {
			return v.Int64(), nil
		}
	case uint64:
		if v <= 1<<63-1 {
			return int64(v), nil
		}
	}
	return 0, fault.New(fault.Internal, "%v (%T) is not a whole number of 64 bits", v, v)
}
