package histories

import (
	"context"
	"fmt"

	"weir/internal/job"
	"weir/internal/record"
	"weir/internal/source"
)

// supply is a source whose reads give the rows of one query each.
type supply struct {
	sql  string
	read int // number of the read to come
}

var _ source.Scannable = (*delivery)(nil)

func (s *supply) Server(context.Context) (string, error)             { return "supply", nil }
func (s *supply) Discover(context.Context) ([]source.Dataset, error) { return nil, nil }
func (s *supply) Check(context.Context) error                        { return nil }
func (s *supply) Close() error                                       { return nil }

func (s *supply) Begin(_ context.Context, r job.Read) (source.Scan, error) {
	d := &delivery{sql: s.sql, name: fmt.Sprintf("part-%06d", s.read), end: job.Position{}}
	if !r.Full && !r.Whole {
		d.end = r.From.Clone()
	}
	d.end[d.name] = "1"
	return d, nil
}

// delivery is one read of a supply.
type delivery struct {
	sql, name string
	end       job.Position
}

func (d *delivery) Splits() []source.Split { return []source.Split{{Name: d.name, Bytes: 1}} }
func (d *delivery) End() job.Position      { return d.end }
func (d *delivery) Close() error           { return nil }

func (d *delivery) Relation(ctx context.Context, e source.Engine) (source.Relation, error) {
	sql := "SELECT *, " + job.Literal(d.name) + " AS _file FROM (" + d.sql + ")"
	cols, err := e.Describe(ctx, sql)
	return source.Relation{Relation: job.Relation{SQL: sql, Columns: cols}}, err
}

func (d *delivery) Careful(_ context.Context, _ source.Engine, cause error) (source.Relation, error) {
	return source.Relation{}, cause
}

func (d *delivery) Replay(context.Context, source.Engine, []record.Reject) (source.Relation, error) {
	return source.Relation{}, nil
}
