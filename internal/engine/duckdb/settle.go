package duckdb

import (
	"context"
	"fmt"
	"strings"

	"weir/internal/job"
)

// settle brings the files of each partition into shape. DuckDB closes a partition's file when too many are open and goes on
// in a new one, cannot bound a file's size while it partitions, and does not keep an order across threads. Files that are
// fine stay as they are.
func (c *copying) settle(ctx context.Context, files []job.File) ([]job.File, error) {
	var out []job.File
	for _, group := range c.groups(files) {
		if !c.unsettled(group) {
			out = append(out, group...)
			continue
		}
		settled, err := c.rewrite(ctx, group)
		if err != nil {
			return nil, err
		}
		out = append(out, settled...)
	}
	return out, nil
}

// groups gathers files by partition, in order of first appearance.
func (c *copying) groups(files []job.File) [][]job.File {
	at := map[string]int{}
	var out [][]job.File
	for _, f := range files {
		key := ""
		for _, p := range c.w.Partition {
			if v := f.Partition[p.Name]; v != nil {
				key += fmt.Sprintf("%q;", *v)
			} else {
				key += "null;"
			}
		}
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], f)
	}
	return out
}

func (c *copying) unsettled(group []job.File) bool {
	return len(c.w.Sort) > 0 || len(group) > 1 || c.tooLarge(group)
}

// tooLarge leaves room over the target: a second pass over all rows must be worth it.
func (c *copying) tooLarge(group []job.File) bool {
	return c.w.FileBytes > 0 && 2*size(group) > 3*c.w.FileBytes
}

// rewrite writes the rows of one partition's files again, in files of the target size, sorted, and removes the old files.
func (c *copying) rewrite(ctx context.Context, group []job.File) (written []job.File, err error) {
	switch sel := c.reading(group); {
	case len(c.w.Sort) > 0:
		written, err = c.sortedAtRest(ctx, sel, nil)
	case c.tooLarge(group):
		written, err = c.copy(ctx, sel, c.w.Dir, c.sized(c.w.FileBytes), nil)
	default:
		written, err = c.copy(ctx, sel, c.single(), "", nil)
	}
	if err != nil {
		return nil, err
	}
	for i := range written {
		written[i].Partition = group[0].Partition
	}
	return written, remove(group)
}

// reading is a SELECT of the columns over files of this call.
func (c *copying) reading(files []job.File) string {
	return "SELECT " + c.columns() + " FROM " + readParquet(files)
}

func readParquet(files []job.File) string {
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = job.Literal(f.Path)
	}
	return "read_parquet([" + strings.Join(paths, ", ") + "], hive_partitioning = false)"
}

func size(files []job.File) (n int64) {
	for _, f := range files {
		n += f.Bytes
	}
	return n
}
