package duckdb

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
)

// Stage runs a query and leaves its rows as Parquet files in a folder. fieldIDs is DuckDB's FIELD_IDS literal for the
// columns, "" for none. Each column is cast to its declared type; a value that does not fit it exactly is a Data error
// (promise 6), and so is a null in a required column. No rows, no files. After an error no file of this call is left.
func (s *Session) Stage(ctx context.Context, w job.Write, fieldIDs string, p job.Params) ([]job.File, error) {
	if !safeName(w.Prefix) {
		return nil, fault.New(fault.Internal, "stage: %q cannot begin a file name", w.Prefix)
	}
	found, err := s.DescribeParams(ctx, w.SQL, p)
	if err != nil {
		return nil, fmt.Errorf("stage: %w", err)
	}
	c := &copying{s: s, w: w, ids: fieldIDs, stem: w.Prefix + "-" + callID()}
	if c.sel, err = c.selection(found); err != nil {
		return nil, fmt.Errorf("stage: %w", err)
	}
	if err := os.MkdirAll(w.Dir, 0o755); err != nil {
		return nil, fault.New(fault.Unavailable, "stage: make folder: %w", err)
	}
	files, err := c.run(ctx, p)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("stage: %w", err), c.discard())
	}
	return files, nil
}

// copying is one call of Stage.
type copying struct {
	s    *Session
	w    job.Write
	ids  string
	stem string // that the names of all files of this call begin with
	sel  string // SELECT of the columns, and of the partition values under names of their own
}

// partName names the column of a partition value in the query. It does not get into the files.
func partName(i int) string { return fmt.Sprintf("__weir_p%d", i) }

// selection casts the columns found in the query to those wanted and computes the partition values.
func (c *copying) selection(found []job.Column) (string, error) {
	from := map[string]string{}
	for _, f := range found {
		fold := strings.ToLower(f.Name)
		if _, twice := from[fold]; twice {
			return "", fault.New(fault.Usage, "column %q is there twice", f.Name)
		}
		from[fold] = f.Type
	}
	var items, parts []string
	types := map[string]string{}
	for _, col := range c.w.Columns {
		fold := strings.ToLower(col.Name)
		typ, ok := from[fold]
		if !ok {
			return "", fault.New(fault.Usage, "column %q is not in the query", col.Name)
		}
		types[fold] = col.Type
		items = append(items, exactly{column: col.Name}.cast("q."+job.Quote(col.Name), typ, col.Type)+" AS "+job.Quote(col.Name))
		delete(from, fold)
	}
	for name := range from {
		return "", fault.New(fault.Usage, "column %q of the query is not wanted", name)
	}
	for i, f := range c.w.Partition {
		typ, ok := types[strings.ToLower(f.Column)]
		if !ok {
			return "", fault.New(fault.Usage, "partition field %s: column %q is not in the table", f.Name, f.Column)
		}
		v, err := partitionValue(f, job.Quote(f.Column), typ)
		if err != nil {
			return "", err
		}
		parts = append(parts, v+" AS "+partName(i))
	}
	sel := "SELECT " + strings.Join(items, ", ") + " FROM (" + c.w.SQL + "\n) AS q"
	if len(parts) > 0 {
		sel = "SELECT *, " + strings.Join(parts, ", ") + " FROM (" + sel + ")"
	}
	return sel, nil
}

func (c *copying) run(ctx context.Context, p job.Params) ([]job.File, error) {
	switch {
	case len(c.w.Partition) > 0:
		files, err := c.copy(ctx, c.sel, c.w.Dir, c.partitioned(), p)
		if err != nil {
			return nil, err
		}
		return c.settle(ctx, files)
	case len(c.w.Sort) > 0:
		return c.sorted(ctx, p)
	case c.w.FileBytes > 0:
		return c.copy(ctx, c.sel, c.w.Dir, c.sized(c.w.FileBytes), p)
	}
	return c.copy(ctx, c.sel, c.w.Dir, c.pattern()+", PER_THREAD_OUTPUT", p)
}

func (c *copying) single() string {
	return filepath.Join(c.w.Dir, c.stem+"-"+callID()+".parquet")
}

func (c *copying) pattern() string {
	return ", FILENAME_PATTERN " + job.Literal(c.stem+"-{uuidv7}") + ", OVERWRITE_OR_IGNORE"
}

func (c *copying) sized(bytes int64) string {
	return c.pattern() + fmt.Sprintf(", FILE_SIZE_BYTES %d", bytes)
}

// partitioned writes flat: partition values may hold any character and any length, which folder names may not, and text
// that looks like a null of Hive's is told from a null.
func (c *copying) partitioned() string {
	by := make([]string, len(c.w.Partition))
	for i := range by {
		by[i] = partName(i)
	}
	return c.pattern() + ", PARTITION_BY (" + strings.Join(by, ", ") + "), HIVE_FILE_PATTERN false"
}

// copy runs one COPY and gives the files that hold rows. zstd at its first level costs a tenth less than at DuckDB's
// default, the third, and trying dictionaries only up to 8,192 values another tenth; the files are no larger. There are no bloom
// filters: DuckDB keeps those of all row groups until it ends a file, so that memory would grow with the rows (promise 5), and what
// they find, a value that a dictionary lacks, other readers find in the dictionary itself.
func (c *copying) copy(ctx context.Context, sel, to, options string, p job.Params) ([]job.File, error) {
	sql := "COPY (" + sel + "\n) TO " + job.Literal(to) + " (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, WRITE_BLOOM_FILTER false, RETURN_STATS" +
		fmt.Sprintf(", DICTIONARY_SIZE_LIMIT %d, ROW_GROUP_SIZE_BYTES %d", c.s.engine.dictionary(len(c.w.Columns)), c.s.engine.rowGroup()) + options
	if c.ids != "" {
		sql += ", FIELD_IDS " + c.ids
	}
	var files, empty []job.File
	err := c.s.query(ctx, sql+")", p, -1, func(row []any) error {
		st, err := readStats(row)
		if err != nil {
			return err
		}
		f := job.File{Path: st.path, Rows: st.rows, Bytes: st.bytes, Partition: c.partition(st)}
		if f.Rows == 0 {
			empty = append(empty, f)
			return nil
		}
		files = append(files, f)
		return c.finite(st)
	})
	if err != nil {
		return nil, err
	}
	return files, remove(empty)
}

// partition names the values DuckDB gives of a file.
func (c *copying) partition(st stats) map[string]*string {
	if len(c.w.Partition) == 0 {
		return nil
	}
	values := make(map[string]*string, len(c.w.Partition))
	for i, f := range c.w.Partition {
		values[f.Name] = st.keys[partName(i)]
	}
	return values
}

// finite refuses dates and times without end: Iceberg has none, and other tools would read some other value (promise 6).
func (c *copying) finite(st stats) error {
	for _, col := range c.w.Columns {
		if st.ends[col.Name] && (col.Type == "DATE" || strings.HasPrefix(col.Type, "TIMESTAMP")) {
			return fault.New(fault.Data, "column %q holds an infinite %s, which the lake does not have", col.Name, strings.ToLower(col.Type)).
				WithHint("make it null, or a date far away, in the SQL")
		}
	}
	return nil
}

// discard removes whatever this call has written so far.
func (c *copying) discard() error {
	entries, err := os.ReadDir(c.w.Dir)
	if err != nil {
		return fault.New(fault.Unavailable, "remove staged files: %w", err)
	}
	var errs []error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), c.stem) || strings.HasPrefix(e.Name(), "tmp_"+c.stem) {
			errs = append(errs, os.RemoveAll(filepath.Join(c.w.Dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

func remove(files []job.File) error {
	for _, f := range files {
		if err := os.Remove(f.Path); err != nil {
			return fault.New(fault.Unavailable, "remove staged file: %w", err)
		}
	}
	return nil
}

// rowGroup bounds the bytes of rows a Parquet writer gathers, so that wide rows do not break the budget (promise 5). Rows
// a group are bounded by DuckDB's default of 122,880.
func (e *Engine) rowGroup() int64 {
	const least, most = 16 << 20, 128 << 20
	if e.opts.Memory == 0 {
		return most
	}
	return min(max(e.opts.Memory/16, least), most)
}

// dictionary is how many values of a column a Parquet writer may collect before it writes them plain. Each of its threads sets
// aside room for so many in every column, about 25 bytes a value: for thousands of columns that alone would break the budget
// (promise 5).
func (e *Engine) dictionary(columns int) int64 {
	const least, most, each = 64, 8192, 25
	if e.opts.Memory == 0 || columns == 0 {
		return most
	}
	return min(max(e.opts.Memory/8/int64(e.opts.Threads*columns*each), least), most)
}

func safeName(s string) bool {
	for _, r := range s {
		if !(r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return false
		}
	}
	return s != ""
}

// callID is short and fresh.
func callID() string {
	b := make([]byte, 6)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
