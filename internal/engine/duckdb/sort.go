package duckdb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"weir/internal/job"
)

// Files of rows in order. DuckDB's sort spills, but merging holds memory for every piece that it spilled: with many rows and
// little memory it ends out of memory. What one statement does not sort is sorted in two steps, each in statements that are as
// small as memory asks for (promise 5): runs, which are sorted each for itself, and then ranges of the order, each gathered from
// all runs. The ranges' files are joined as they follow each other.

// sorted writes the rows of the query in order.
func (c *copying) sorted(ctx context.Context, p job.Params) ([]job.File, error) {
	if c.w.AtRest {
		return c.sortedAtRest(ctx, c.sel, p)
	}
	unsorted, err := c.copy(ctx, c.sel, c.w.Dir, c.sized(1), p)
	if err != nil || len(unsorted) == 0 {
		return nil, err
	}
	rows, bytes, err := c.weight(ctx, c.reading(unsorted), nil)
	if err != nil {
		return nil, err
	}
	return c.sortedFiles(ctx, unsorted, rows, bytes)
}

// sortedAtRest sorts a query that gives the same rows each time.
func (c *copying) sortedAtRest(ctx context.Context, sel string, p job.Params) ([]job.File, error) {
	rows, bytes, err := c.weight(ctx, sel, p)
	if err != nil {
		return nil, err
	}
	if c.fits(bytes) {
		files, err := c.copy(ctx, c.ordered(sel), c.single(), "", p)
		if err != nil {
			return nil, err
		}
		return c.join(ctx, files)
	}
	unsorted, err := c.copy(ctx, sel, c.w.Dir, c.sized(1), p)
	if err != nil {
		return nil, err
	}
	return c.sortedFiles(ctx, unsorted, rows, bytes)
}

// fits says whether rows of so many bytes are sorted in one statement.
func (c *copying) fits(bytes int64) bool {
	return c.s.engine.opts.Memory == 0 || bytes <= c.s.engine.sortable() || keyOf(c.w.Sort) == ""
}

// sortedFiles sorts files of one row group each, and removes them.
func (c *copying) sortedFiles(ctx context.Context, files []job.File, rows, bytes int64) ([]job.File, error) {
	if c.fits(bytes) {
		sorted, err := c.copy(ctx, c.ordered(c.reading(files)), c.single(), "", nil)
		if err == nil {
			sorted, err = c.join(ctx, sorted)
		}
		return sorted, errors.Join(err, remove(files))
	}
	n := int(bytes/c.s.engine.unspilled()) + 1
	number, err := c.ranges(ctx, c.reading(files), n)
	if err != nil {
		return nil, err
	}
	runs, err := c.runs(ctx, files, rows/int64(n), int64(n), number)
	if err != nil {
		return nil, err
	}
	var sorted []job.File
	for i := range n {
		// Runs are in order, so that of each a few row groups are read.
		sel := fmt.Sprintf("SELECT %s FROM %s WHERE %s = %d", c.columns(), readParquet(runs), rangeName, i)
		written, err := c.copy(ctx, c.ordered(sel), c.single(), "", nil)
		if err != nil {
			return nil, err
		}
		sorted = append(sorted, written...)
	}
	if err := remove(runs); err != nil {
		return nil, err
	}
	return c.join(ctx, sorted)
}

// runs sorts files, about so many rows at a time, numbers each row's range, and removes the files. Row groups are small: one for the rows that a
// run has of a range.
func (c *copying) runs(ctx context.Context, files []job.File, rows, ranges int64, number string) ([]job.File, error) {
	const least, most = 8192, 122880
	plain := *c
	plain.ids = "" // the number has none
	var out []job.File
	for from := 0; from < len(files); {
		to, n := from+1, files[from].Rows
		for ; to < len(files) && n+files[to].Rows <= rows; to++ {
			n += files[to].Rows
		}
		sel := "SELECT *, " + number + " AS " + rangeName + " FROM (" + c.reading(files[from:to]) + ")"
		groups := fmt.Sprintf(", ROW_GROUP_SIZE %d", min(max(n/ranges, least), most))
		written, err := plain.copy(ctx, c.ordered(sel)+", "+rangeName, c.single(), groups, nil)
		if err != nil {
			return nil, err
		}
		if err := remove(files[from:to]); err != nil {
			return nil, err
		}
		out, from = append(out, written...), to
	}
	return out, nil
}

// join brings sorted files that follow each other to the target size, without sorting again.
func (c *copying) join(ctx context.Context, files []job.File) ([]job.File, error) {
	to, options := c.single(), ""
	switch {
	case c.fitting(files):
		return files, nil
	case c.tooLarge(files):
		to, options = c.w.Dir, c.sized(c.w.FileBytes)
	}
	joined, err := c.copy(ctx, c.inTurn(files), to, options, nil)
	if err != nil {
		return nil, err
	}
	return joined, remove(files)
}

// fitting says whether files are what they should be: one, or several near the target size.
func (c *copying) fitting(files []job.File) bool {
	if len(files) < 2 {
		return !c.tooLarge(files)
	}
	for _, f := range files {
		if c.w.FileBytes == 0 || c.tooLarge([]job.File{f}) || 2*f.Bytes < c.w.FileBytes {
			return false
		}
	}
	return true
}

// inTurn reads files one after the other, row by row in their order: DuckDB counts rows in one thread, where it would
// otherwise read with all of them and keep no order.
func (c *copying) inTurn(files []job.File) string {
	return "SELECT " + c.columns() + " FROM (SELECT *, row_number() OVER () AS __weir_row FROM (" + c.reading(files) + ")) WHERE __weir_row > 0"
}

// ordered sorts a query by the write's order terms. DuckDB keeps that order in a single file only.
func (c *copying) ordered(sel string) string {
	return "SELECT * FROM (" + sel + ") ORDER BY " + strings.Join(c.w.Sort, ", ")
}

func (c *copying) columns() string {
	names := make([]string, len(c.w.Columns))
	for i, col := range c.w.Columns {
		names[i] = job.Quote(col.Name)
	}
	return strings.Join(names, ", ")
}
