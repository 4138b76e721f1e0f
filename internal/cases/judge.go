package cases

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/source"
)

// judge compares what a build left with what the case expects of it.
func (t *trial) judge(ctx context.Context, i int, b define.CaseBuild, actual relation) error {
	if b.Count != nil {
		n, err := count(ctx, t.session, actual)
		if err != nil {
			return err
		}
		if n != *b.Count {
			t.fail(i, nil, "", "the table has %d rows, expected were %d", n, *b.Count)
		}
	}
	if b.Expect != nil {
		err := t.compare(ctx, i, b.Expect, actual.columns, "", func(columns []job.Column) ([][]source.Text, error) {
			return fetch(ctx, t.session, actual, columns)
		})
		if err != nil {
			return err
		}
	}
	if b.Quarantined == nil {
		return nil
	}
	return t.compare(ctx, i, b.Quarantined, actual.columns, "quarantined ", func(columns []job.Column) ([][]source.Text, error) {
		sql, err := t.quarantined(ctx, i, columns)
		if err != nil || sql == "" {
			return nil, err
		}
		return t.exactly(ctx, sql, columns)
	})
}

// compare holds rows against those expected, in the columns these name, and all where none are expected.
func (t *trial) compare(ctx context.Context, i int, expect *define.Rows, have []job.Column, what string, fetch func([]job.Column) ([][]source.Text, error)) error {
	columns, err := t.compared(expect, have)
	if err != nil || len(columns) == 0 {
		return err
	}
	want, err := t.typed(ctx, expect, columns)
	if err != nil {
		return t.misfits(ctx, expect, columns, err)
	}
	got, err := fetch(columns)
	if err != nil {
		return err
	}
	if len(got) > maxRows {
		t.fail(i, nil, "count them with expect_count", "%srows are more than %d, too many to compare one by one", what, maxRows)
		return nil
	}
	c := comparison{columns: columns, key: t.key(columns), tolerance: t.c.Tolerance, ordered: t.c.Ordered}
	diff, message := c.compare(want, got)
	if message != "" {
		t.fail(i, diff, "", "%srows %s", what, message)
	}
	return nil
}

// compared are the columns that expected rows name. Those of a table that was never made are texts.
func (t *trial) compared(expect *define.Rows, have []job.Column) (columns []job.Column, err error) {
	if len(expect.Columns) == 0 {
		return have, nil
	}
	if problems := checkNames(expect, t.suite.table.Name, have); len(problems) > 0 {
		return nil, define.NewProblems(problems)
	}
	for _, c := range expect.Columns {
		if at := find(have, c.Name); at >= 0 {
			columns = append(columns, job.Column{Name: have[at].Name, Type: have[at].Type})
		} else {
			columns = append(columns, job.Column{Name: c.Name, Type: "VARCHAR"})
		}
	}
	return columns, nil
}

// misfits says which expected values do not fit, where that is why they could not be typed.
func (t *trial) misfits(ctx context.Context, rows *define.Rows, columns []job.Column, cause error) error {
	if !errors.Is(cause, errNotJSON) && stops(cause) {
		return cause
	}
	fit := &Fitter{Session: t.session, Dir: t.dir}
	fit.add(rows, columns)
	problems, err := fit.check(ctx)
	if err != nil {
		return err
	}
	if len(problems) == 0 {
		return fault.New(fault.Internal, "type expected rows: %w", cause)
	}
	return define.NewProblems(problems)
}

// key is by which columns expected and actual rows are paired: those of the case, else of the table, if all are compared.
func (t *trial) key(columns []job.Column) (at []int) {
	key := t.c.Key
	if len(key) == 0 {
		key = t.suite.table.Key
	}
	for _, k := range key {
		i := find(columns, k)
		if i < 0 {
			return nil
		}
		at = append(at, i)
	}
	return at
}

// words joins counts of what differs: 1 missing, 2 unexpected.
func words(counts []int, names []string) string {
	var parts []string
	for i, n := range counts {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, names[i]))
		}
	}
	return strings.Join(parts, ", ")
}
