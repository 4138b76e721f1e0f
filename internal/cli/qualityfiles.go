package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"weir/internal/engine/duckdb"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/quality"
)

func temporaryFolder() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("weir-%d", os.Getuid()))
}

// maxField bounds a line of CSV and a record of NDJSON.
const maxField = 128 << 20

// loadFile makes a table of a file's rows and gives its columns.
func loadFile(ctx context.Context, s *duckdb.Session, path, table string) ([]job.Column, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fault.New(fault.Usage, "%w", err)
	}
	if st, err := os.Stat(path); err != nil || st.IsDir() {
		if err == nil {
			err = fmt.Errorf("%s is a folder", path)
		}
		return nil, fault.New(fault.Usage, "%w", err)
	}
	name := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(path), ".gz"), ".zst")
	switch filepath.Ext(name) {
	case ".parquet":
		err = s.Exec(ctx, "CREATE VIEW "+table+" AS SELECT * FROM read_parquet("+job.Literal(path)+")")
	case ".csv", ".tsv", ".txt":
		err = loadCSV(ctx, s, path, table)
	case ".ndjson", ".jsonl", ".json":
		err = s.Exec(ctx, fmt.Sprintf("CREATE TABLE %s AS SELECT * FROM read_json(%s, format = %s, sample_size = -1, maximum_object_size = %d)",
			table, job.Literal(path), job.Literal(jsonFormat(name)), maxField))
	default:
		return nil, fault.New(fault.Usage, "the name does not tell what kind of file it is").WithHint("csv, tsv, ndjson, jsonl, json or parquet, compressed or not: .csv.gz")
	}
	if err != nil {
		return nil, err
	}
	return s.Describe(ctx, "SELECT * FROM "+table)
}

func jsonFormat(name string) string {
	if filepath.Ext(name) == ".json" {
		return "auto"
	}
	return "newline_delimited"
}

// loadCSV reads all fields as texts first, and then as what all of a column are.
func loadCSV(ctx context.Context, s *duckdb.Session, path, table string) error {
	delimiter, err := fieldDelimiter(path)
	if err != nil {
		return err
	}
	raw := table + "_raw"
	if err := s.Exec(ctx, fmt.Sprintf(`CREATE TABLE %s AS SELECT * FROM read_csv(%s, header = true, all_varchar = true,
  delim = %s, quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, max_line_size = %d, buffer_size = %d)`,
		raw, job.Literal(path), job.Literal(delimiter), maxField, 4*maxField)); err != nil {
		return err
	}
	columns, err := s.Describe(ctx, "SELECT * FROM "+raw)
	if err != nil {
		return err
	}
	typed, err := typedColumns(ctx, s, raw, columns)
	if err != nil {
		return err
	}
	if err := s.Exec(ctx, "CREATE TABLE "+table+" AS SELECT "+typed+" FROM "+raw); err != nil {
		return err
	}
	return s.Exec(ctx, "DROP TABLE "+raw)
}

// textTypes are the types a column of texts may be, the first that fits all values; a value is one of them where it is
// written like it and can be read as it. Whole numbers are looked for before.
var textTypes = []struct{ name, like string }{
	{"DOUBLE", `-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?|NaN|-?(inf|Infinity)`},
	{"BOOLEAN", `(?i)true|false`},
	{"DATE", `\d{4}-\d{2}-\d{2}`},
	{"TIMESTAMP", `\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?`},
	{"TIMESTAMP WITH TIME ZONE", `\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)`},
}

// typedColumns lists columns, each cast to what all of its values are. One without values stays text, and so do numbers that
// start with 0: they are codes.
func typedColumns(ctx context.Context, s *duckdb.Session, raw string, columns []job.Column) (string, error) {
	list := make([]string, len(columns))
	var fits []fit
	for i, c := range columns {
		col := job.Quote(c.Name)
		list[i] = col
		fits = append(fits, fit{i, "BIGINT", "count(" + col + ") > 0 AND bool_and(CAST(TRY_CAST(" + col + " AS BIGINT) AS VARCHAR) IS NOT DISTINCT FROM " + col + ")"})
	}
	whole := make([]bool, len(columns))
	cast := func(f fit) {
		if !whole[f.column] {
			whole[f.column] = true
			list[f.column] = "CAST(" + list[f.column] + " AS " + f.typ + ") AS " + list[f.column]
		}
	}
	if err := fitting(ctx, s, raw, fits, cast); err != nil {
		return "", err
	}
	fits = nil
	for i, c := range columns {
		col := job.Quote(c.Name)
		for _, t := range textTypes {
			if !whole[i] {
				fits = append(fits, fit{i, t.name, "bool_and(regexp_full_match(" + col + ", " + job.Literal(t.like) + ") AND TRY_CAST(" + col + " AS " + t.name + ") IS NOT NULL) FILTER (WHERE " + col + " IS NOT NULL)"})
			}
		}
	}
	err := fitting(ctx, s, raw, fits, cast)
	return strings.Join(list, ", "), err
}

// fit is a question whether all values of a column are of a type.
type fit struct {
	column   int
	typ, sql string
}

// fitting calls found for the fits that are there. A query asks some only: planning takes more than linear time in their
// number.
func fitting(ctx context.Context, s *duckdb.Session, raw string, fits []fit, found func(fit)) error {
	for some := range slices.Chunk(fits, 200) {
		asked := make([]string, len(some))
		for i, f := range some {
			asked[i] = f.sql
		}
		err := s.Query(ctx, "SELECT "+strings.Join(asked, ", ")+" FROM "+raw, func(row []any) error {
			for i, v := range row {
				if is, _ := v.(bool); is {
					found(some[i])
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fieldDelimiter finds what stands between the fields of a file's first line.
func fieldDelimiter(path string) (string, error) {
	if strings.Contains(strings.ToLower(filepath.Base(path)), ".tsv") {
		return "\t", nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fault.New(fault.Usage, "%w", err)
	}
	defer f.Close()
	line, err := bufio.NewReaderSize(io.LimitReader(f, 1<<20), 1<<16).ReadBytes('\n')
	if err != nil && err != io.EOF {
		return "", fault.New(fault.Usage, "%w", err)
	}
	for _, d := range []string{",", ";", "\t", "|"} {
		if bytes.Contains(line, []byte(d)) {
			return d, nil
		}
	}
	return ",", nil
}

// toldHistory is the history of a file.
type toldHistory map[string][]quality.Past

// Past implements quality.History.
func (h toldHistory) Past(_ context.Context, metric string) ([]quality.Past, error) {
	return h[metric], nil
}

// readHistory reads values by metric, the latest first, each a number or {"at": time, "value": number}.
func (a *app) readHistory(path string) (quality.History, error) {
	h := toldHistory{}
	if path == "" {
		return h, nil
	}
	data, err := os.ReadFile(a.local(path))
	if err != nil {
		return nil, fault.New(fault.Usage, "read history: %w", err)
	}
	var told map[string][]json.RawMessage
	if err := json.Unmarshal(data, &told); err != nil {
		return nil, fault.New(fault.Usage, "read history: %s: %w", path, err).WithHint(`an object of lists by metric, as in {"Dataset.*.RowCount": [120, 118]}`)
	}
	for metric, values := range told {
		for _, raw := range values {
			var p struct {
				At    time.Time
				Value *float64
			}
			if json.Unmarshal(raw, &p.Value) != nil && (json.Unmarshal(raw, &p) != nil || p.Value == nil) || p.Value == nil {
				return nil, fault.New(fault.Usage, "read history: %s: %s: %s is not a number", path, metric, raw)
			}
			h[metric] = append(h[metric], quality.Past{At: p.At, Value: *p.Value})
		}
	}
	return h, nil
}

// localFiles are files on this machine.
type localFiles struct {
	app  *app
	data string // of the rows under judgement
}

// List implements quality.Files.
func (l localFiles) List(ctx context.Context, path string) ([]quality.File, error) {
	if scheme, _, ok := strings.Cut(path, "://"); ok && scheme != "file" {
		return nil, fault.New(fault.Usage, "files of %s are not read here", scheme).WithHint("give a path on this machine")
	}
	root := l.data
	if path != "" {
		root = l.app.local(path)
	}
	var all []quality.File
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			all = append(all, quality.File{Path: p, Bytes: info.Size(), Modified: info.ModTime()})
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		return nil, fault.New(fault.Usage, "list files: %w", err)
	}
	return all, err
}

// Hash implements quality.Files.
func (l localFiles) Hash(_ context.Context, f quality.File, algorithm string) (string, error) {
	digest := map[string]func() hash.Hash{"MD5": md5.New, "SHA-1": sha1.New, "SHA-256": sha256.New}[algorithm]()
	in, err := os.Open(f.Path)
	if err != nil {
		return "", fault.New(fault.Usage, "hash file: %w", err)
	}
	defer in.Close()
	if _, err := io.Copy(digest, in); err != nil {
		return "", fault.New(fault.Unavailable, "hash file: %w", err)
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}
