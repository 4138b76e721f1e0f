package cases

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/engine"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/record"
	"weir/internal/source"
)

// relation is what a case compares: a query and the columns it gives.
type relation struct {
	sql     string
	columns []job.Column
	order   string // SQL order of rows, "" where the query has its own
}

// stored are the rows of the table, as they are after the build or stayed where it failed.
func (t *trial) stored(ctx context.Context, failed error) (relation, error) {
	table, err := t.lake.Table(ctx, t.suite.table.Name)
	if errors.Is(err, lake.ErrNoTable) {
		return relation{sql: "", columns: t.suite.columns}, failed
	}
	if err != nil {
		return relation{}, errors.Join(failed, err)
	}
	rel, err := table.Scan(ctx, lake.ScanOptions{Filename: true})
	if err != nil {
		return relation{}, errors.Join(failed, err)
	}
	return relation{sql: rel.SQL, columns: table.Columns(), order: lake.FilenameColumn + ", " + lake.RowNumberColumn}, failed
}

// view makes a view, which stores nothing, in the session of the case.
func (t *trial) view(ctx context.Context, task build.Task) (relation, error) {
	tables := map[string]*lake.Table{}
	for _, in := range task.Inputs {
		if in.View != "" {
			continue
		}
		table, err := t.lake.Table(ctx, in.Name)
		if err != nil {
			return relation{}, err
		}
		tables[in.Name] = table
	}
	inputs := append(task.Inputs[:len(task.Inputs):len(task.Inputs)], build.Input{Name: task.Table.Name, View: task.Table.SQL})
	params := job.Params{"run_time": task.Time}
	for k, v := range t.builder.Vars {
		params[k] = v
	}
	if _, err := t.builder.Views(ctx, t.session, inputs, tables, params); err != nil {
		return relation{}, fmt.Errorf("%s: %w", task.Table.File, err)
	}
	columns, err := t.session.Describe(ctx, "SELECT * FROM "+job.QuoteTable(task.Table.Name))
	if err == nil {
		// Its rows are made once, here, so that a value that fails is the view's failure; with their order.
		err = task.Ending(ctx, func(ctx context.Context) error {
			return t.session.Exec(ctx, "CREATE OR REPLACE TEMP TABLE viewed AS SELECT *, row_number() OVER () AS "+orderColumn+" FROM "+job.QuoteTable(task.Table.Name))
		})
	}
	if err != nil {
		return relation{}, fmt.Errorf("%s: %w", task.Table.File, err)
	}
	return relation{sql: "SELECT * FROM viewed", columns: columns, order: orderColumn}, nil
}

// quarantined is a query of the rows that the rules of a build turned away, as texts and JSON; "" where there are none.
func (t *trial) quarantined(ctx context.Context, i int, columns []job.Column) (string, error) {
	sql, err := t.builder.OpenRejects(ctx, t.suite.table.Name)
	if err != nil || sql == "" {
		return "", err
	}
	items := make([]string, len(columns))
	for n, c := range columns {
		// Where the row has no such member this is null; a number comes as its digits.
		arrow := "->>"
		if nested(c.Type) {
			arrow = "->"
		}
		items[n] = "(raw " + arrow + " " + job.Literal(`$."`+strings.ReplaceAll(c.Name, `"`, `\"`)+`"`) + ") AS " + job.Quote(c.Name)
	}
	return "SELECT " + strings.Join(items, ", ") + ", row_number() OVER () AS " + orderColumn + " FROM (" + sql + ") WHERE kind = " + job.Literal(record.KindQuarantined) + " AND run = " + job.Literal(runID(i)), nil
}

// maxRows is how many rows of a table are compared one by one.
const maxRows = 100_000

// fetch gives the rows of a relation in some of its columns, as texts: at most maxRows and one.
func fetch(ctx context.Context, s engine.Session, r relation, columns []job.Column) ([][]source.Text, error) {
	if r.sql == "" {
		return nil, nil
	}
	sql := "SELECT " + list("", columns) + " FROM (" + r.sql + ")"
	if r.order != "" {
		sql += " ORDER BY " + r.order
	}
	return s.Strings(ctx, sql+fmt.Sprintf(" LIMIT %d", maxRows+1))
}

func count(ctx context.Context, s engine.Session, r relation) (int64, error) {
	if r.sql == "" {
		return 0, nil
	}
	return s.Int(ctx, "SELECT count(*) FROM ("+r.sql+")")
}

// typed gives the rows a case expects as texts of the types of the columns they are compared with.
func (t *trial) typed(ctx context.Context, rows *define.Rows, columns []job.Column) ([][]source.Text, error) {
	if t.fits(columns) {
		sql, err := selectRows(rows, columns, orderColumn)
		if err != nil {
			return nil, err
		}
		items := make([]string, len(columns))
		for i, c := range columns {
			items[i] = "CAST(" + job.Quote(c.Name) + " AS " + c.Type + ") AS " + job.Quote(c.Name)
		}
		return fetch(ctx, t.session, relation{sql: "SELECT " + strings.Join(items, ", ") + ", " + orderColumn + " FROM (" + sql + ")", order: orderColumn}, columns)
	}
	sql, err := selectRows(rows, columns, orderColumn)
	if err != nil {
		return nil, err
	}
	return t.exactly(ctx, sql, columns)
}

// fits says whether Fit has found that texts are exactly values of these types, so that a plain cast is right and quick.
func (t *trial) fits(columns []job.Column) bool {
	for _, c := range columns {
		i := find(t.suite.columns, c.Name)
		if i < 0 || t.suite.columns[i].Type != c.Type || nested(c.Type) {
			return false
		}
	}
	return true
}

// exactly casts a query's rows, texts and JSON with their order, by staging them.
func (t *trial) exactly(ctx context.Context, sql string, columns []job.Column) ([][]source.Text, error) {
	all := append(columns[:len(columns):len(columns)], job.Column{Name: orderColumn, Type: "BIGINT"})
	files, err := t.session.Stage(ctx, job.Write{SQL: sql, Columns: all, Dir: filepath.Join(t.dir, "expect"), Prefix: "expect"}, "", nil)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	return fetch(ctx, t.session, relation{sql: readFiles(files), order: orderColumn}, columns)
}
