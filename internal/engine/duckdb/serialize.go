package duckdb

import (
	"context"
	"errors"

	driver "github.com/duckdb/duckdb-go/v2"

	"weir/internal/fault"
	"weir/internal/job"
)

const (
	serializeTree = "SELECT json_serialize_sql($sql::VARCHAR, skip_null := true, skip_empty := true)::VARCHAR"
	serializePlan = "SELECT json_serialize_plan($sql::VARCHAR, skip_null := true, skip_empty := false)::VARCHAR"
)

// Parse gives DuckDB's syntax tree of a query as JSON, or a JSON object that says what is wrong.
func (s *Session) Parse(ctx context.Context, sql string) (string, error) {
	return s.serialize(ctx, serializeTree, sql)
}

// PlanJSON gives the bound, unoptimised plan of a query as JSON. What it names must be a Table or View of the session, and its
// parameters must be written into it. Empty lists are written: of the grouping sets of a ROLLUP, one is empty.
func (s *Session) PlanJSON(ctx context.Context, sql string) (string, error) {
	return s.serialize(ctx, serializePlan, s.resolve(sql))
}

// serialize runs one of the two statements above, which stay prepared: a project asks them for every table.
func (s *Session) serialize(ctx context.Context, with, sql string) (text string, err error) {
	end, err := s.begin()
	if err != nil {
		return "", err
	}
	defer end()
	st, err := s.serializer(ctx, with)
	if err != nil {
		return "", classify(ctx, err, -1, sql)
	}
	args, err := arguments(st, job.Params{"sql": sql})
	if err != nil {
		return "", err
	}
	rows, err := st.QueryContext(ctx, args)
	if err != nil {
		return "", classify(ctx, err, -1, sql)
	}
	failed, err := each(ctx, rows, func(row []any) error {
		text, _ = row[0].(string)
		return nil
	})
	return text, errors.Join(failed, classify(ctx, errors.Join(err, rows.Close()), -1, sql))
}

// serializer prepares a statement once. It is closed with the session.
func (s *Session) serializer(ctx context.Context, with string) (*driver.Stmt, error) {
	if st := s.prepared[with]; st != nil {
		return st, nil
	}
	prepared, err := s.conn.PrepareContext(ctx, with)
	if err != nil {
		return nil, err
	}
	st, ok := prepared.(*driver.Stmt)
	if !ok {
		return nil, fault.New(fault.Internal, "the DuckDB driver has changed: %T", prepared)
	}
	s.prepared[with] = st
	return st, nil
}
