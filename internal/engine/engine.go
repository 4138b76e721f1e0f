// Package engine is the seam to what runs queries. Engines leave files in a stage; only the lake commits.
package engine

import (
	"context"

	"weir/internal/job"
	"weir/internal/record"
	"weir/internal/source"
)

// Engine runs queries under one memory budget a process (promise 5).
type Engine interface {
	// Open opens a session of its own: what one session makes, no other sees.
	Open(ctx context.Context) (Session, error)
}

// Session is one piece of work on an engine. It runs one statement at a time; Progress may be asked from other goroutines.
type Session interface {
	source.Engine
	// View makes a query readable by a table's dotted name.
	View(ctx context.Context, name, sql string) error
	// Table makes an empty table with a table's dotted name, for bound plans.
	Table(ctx context.Context, name string, cols []job.Column) error
	// PlanJSON gives the bound plan of a query over Tables and Views; see package boundplan.
	PlanJSON(ctx context.Context, sql string) (string, error)
	// DescribeParams binds a query without running it and gives its columns.
	DescribeParams(ctx context.Context, sql string, p job.Params) ([]job.Column, error)
	// Rows starts a query and hands out its rows in batches as they are computed, so that memory does not grow with them
	// (promise 5). Until it is closed the session can do nothing else.
	Rows(ctx context.Context, sql string, p job.Params) (record.Reader, error)
	// Query hands each row to scan, as database/sql gives it. For small results.
	Query(ctx context.Context, sql string, scan func(row []any) error) error
	// Int runs a query of one whole number.
	Int(ctx context.Context, sql string) (int64, error)
	// Exactly gives SQL that turns an expression of one type into another and fails where a value would be changed by that.
	Exactly(expr, from, to string) string
	// ExactlyOrNull is Exactly with null in the place of a value that would be changed.
	ExactlyOrNull(expr, from, to string) string
	// Batches makes rows that come in batches readable as a view of the session, once: the first statement that reads it uses
	// them up, takes all its columns and rows without a condition, and fails with the reader's error where it has one. release ends the reader and drops the view.
	Batches(ctx context.Context, name string, r record.Reader) (release func() error, err error)
	// Stage leaves the rows of a query as Parquet files; fieldIDs is the literal that gives columns their Iceberg ids.
	Stage(ctx context.Context, w job.Write, fieldIDs string, p job.Params) ([]job.File, error)
	Progress() (percent float64, rows, total uint64)
	Close() error
}
