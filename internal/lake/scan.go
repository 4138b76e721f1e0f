package lake

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"

	"weir/internal/fault"
	"weir/internal/job"
)

// ScanOptions narrow a scan.
type ScanOptions struct {
	// Files are the locations of the only data files to read; nil reads all of the snapshot.
	Files []string
	// Filename adds FilenameColumn (the data file's location) and RowNumberColumn (0-based place in it).
	Filename bool
}

// Names of the columns ScanOptions.Filename adds.
const (
	FilenameColumn  = "__weir_file"
	RowNumberColumn = "__weir_file_row"
)

// Scan gives a query over the table's rows: DuckDB's read_parquet over its data files, with the rows that delete files of other
// tools take out left out. Columns are found by field id, so files of earlier schemas read right. Remote files are copied
// into the cache first.
func (t *Table) Scan(ctx context.Context, o ScanOptions) (job.Relation, error) {
	rel := job.Relation{Columns: t.Columns()}
	if o.Filename {
		rel.Columns = append(rel.Columns, job.Column{Name: FilenameColumn, Type: "VARCHAR"}, job.Column{Name: RowNumberColumn, Type: "BIGINT"})
	}
	live, err := t.chosen(ctx, o.Files)
	if err != nil {
		return rel, err
	}
	s := &scan{t: t, o: o}
	if err := s.add(ctx, live); err != nil {
		return rel, fmt.Errorf("scan %s: %w", t.name, err)
	}
	for _, f := range live {
		rel.Rows, rel.Bytes = rel.Rows+f.data.Count(), rel.Bytes+f.data.FileSizeBytes()
	}
	rel.SQL = s.sql(rel.Columns)
	return rel, nil
}

// chosen are the live files a scan reads.
func (t *Table) chosen(ctx context.Context, only []string) ([]liveFile, error) {
	live, err := t.liveFiles(ctx)
	if err != nil || only == nil {
		return live, err
	}
	at := make(map[string]int, len(live))
	for i, f := range live {
		at[f.data.FilePath()] = i
	}
	out := make([]liveFile, 0, len(only))
	for _, path := range only {
		i, ok := at[path]
		if !ok {
			return nil, fault.New(fault.Conflict, "scan %s: %s is no live file of it", t.name, path)
		}
		out = append(out, live[i])
	}
	return out, nil
}

// scan collects the branches of a query.
type scan struct {
	t        *Table
	o        ScanOptions
	branches []string
}

func (s *scan) sql(cols []job.Column) string {
	if len(s.branches) > 0 {
		return strings.Join(s.branches, " UNION ALL ")
	}
	items := make([]string, len(cols))
	for i, c := range cols {
		items[i] = "CAST(NULL AS " + c.Type + ") AS " + job.Quote(c.Name)
	}
	return "SELECT " + strings.Join(items, ", ") + " WHERE false"
}

// branch is a group of files that are read alike.
type branch struct {
	files []liveFile
	names []string // columns of files without field ids, nil with them
}

// add groups files by what deletes rows of them and by how their columns are found. Few groups make a query that needs little
// memory: DuckDB keeps the deleted rows of all of them at once.
func (s *scan) add(ctx context.Context, live []liveFile) error {
	groups := map[string]*branch{}
	var order []string
	positions := deleteKey
	if pooled(live) {
		positions = func(f liveFile) string { return keyOfFiles(f.equality) + strconv.FormatBool(len(f.position) > 0) }
	}
	for _, f := range live {
		b := &branch{}
		has, err := s.t.hasIDs(ctx, f.data.FilePath())
		if err != nil {
			return err
		}
		if !has {
			if b.names, err = s.namesOf(ctx, f.data.FilePath()); err != nil {
				return err
			}
		}
		key := positions(f) + strings.Join(b.names, "\x00")
		if groups[key] == nil {
			groups[key] = b
			order = append(order, key)
		}
		groups[key].files = append(groups[key].files, f)
	}
	if err := s.t.membersStable(ctx, live); err != nil {
		return err
	}
	for _, key := range order {
		sql, err := s.read(ctx, *groups[key])
		if err != nil {
			return err
		}
		s.branches = append(s.branches, sql)
	}
	return nil
}

func (s *scan) namesOf(ctx context.Context, location string) ([]string, error) {
	path, err := s.t.lake.Local(ctx, location)
	if err != nil {
		return nil, err
	}
	f, err := readFooter(path, location)
	return f.names, err
}

func deleteKey(f liveFile) string { return keyOfFiles(append(slices.Clone(f.position), f.equality...)) }

func keyOfFiles(files []iceberg.DataFile) string {
	var paths []string
	for _, d := range files {
		paths = append(paths, d.FilePath())
	}
	slices.Sort(paths)
	return strings.Join(paths, "\x00") + "\x01"
}

// read is the query over one branch.
func (s *scan) read(ctx context.Context, b branch) (string, error) {
	locations := make([]string, len(b.files))
	for i, f := range b.files {
		locations[i] = f.data.FilePath()
	}
	paths, err := s.t.lake.locals(ctx, locations)
	if err != nil {
		return "", err
	}
	deletes, extra, err := s.deletes(ctx, liveFile{position: b.positions(), equality: b.files[0].equality}, locationSQL(locations, paths))
	if err != nil {
		return "", err
	}
	items := make([]string, len(s.t.columns), len(s.t.columns)+2)
	for i, c := range s.t.columns {
		items[i] = "d." + job.Quote(readAs(c.Name)) + " AS " + job.Quote(c.Name)
	}
	if s.o.Filename {
		items = append(items, locationSQL(locations, paths)+" AS "+FilenameColumn, "d.file_row_number AS "+RowNumberColumn)
	}
	fields := append(s.t.schema.Fields(), extra...)
	var from string
	switch {
	case b.names != nil:
		from, err = s.byName(paths, fields, b.names)
	case s.asWritten(b) && len(extra) == 0:
		from = "read_parquet(" + list(paths) + ", hive_partitioning=false)"
	default:
		from, err = byID(paths, fields, b.rows())
	}
	if err != nil {
		return "", err
	}
	return "SELECT " + strings.Join(items, ", ") + " FROM " + from + " AS d" + strings.Join(deletes, ""), nil
}

// readAs is the name a column is read by: its own, but where DuckDB's reader has a column of that name too.
func readAs(name string) string {
	switch strings.ToLower(name) {
	case "filename", "file_row_number", "file_index":
		return "__weir_" + name
	}
	return name
}

// asWritten says whether a branch's files hold just the table's columns under their names of today: Weir wrote them, and the
// table never had another schema. Then DuckDB reads them as they are; with a schema given it reads a single file with
// one core only.
func (s *scan) asWritten(b branch) bool {
	if len(s.t.ice.Metadata().Schemas()) != 1 {
		return false
	}
	for _, c := range s.t.columns {
		if readAs(c.Name) != c.Name {
			return false
		}
	}
	for _, f := range b.files {
		if !strings.Contains(f.data.FilePath(), "/data/"+stagePrefix) {
			return false
		}
	}
	return true
}

// positions are the files that delete rows of a branch's files by their places.
func (b branch) positions() (all []iceberg.DataFile) {
	seen := map[string]bool{}
	for _, f := range b.files {
		for _, d := range f.position {
			if !seen[d.FilePath()] {
				seen[d.FilePath()] = true
				all = append(all, d)
			}
		}
	}
	return all
}

// rows are those of a branch's files.
func (b branch) rows() (n int64) {
	for _, f := range b.files {
		n += f.data.Count()
	}
	return n
}

// byID reads columns by field id, in the names readAs gives and today's types. DuckDB is told how many rows there are: with a
// schema given it does not look, and then joins from the wrong side.
func byID(paths []string, fields []iceberg.NestedField, rows int64) (string, error) {
	cols := make([]string, len(fields))
	for i, f := range fields {
		typ, err := duckOf(f.Type)
		if err != nil {
			return "", err
		}
		cols[i] = strconv.Itoa(f.ID) + ": {name: " + job.Literal(readAs(f.Name)) + ", type: " + job.Literal(typ.String()) + ", default_value: NULL}"
	}
	return "read_parquet(" + list(paths) + ", schema=MAP {" + strings.Join(cols, ", ") + "}, hive_partitioning=false, explicit_cardinality=" +
		strconv.FormatInt(max(1, rows), 10) + ")", nil
}

// byName reads files without field ids, as a table's name mapping says, else by today's names.
func (s *scan) byName(paths []string, fields []iceberg.NestedField, names []string) (string, error) {
	cols := make([]string, len(fields))
	for i, f := range fields {
		typ, err := duckOf(f.Type)
		if err != nil {
			return "", err
		}
		cols[i] = "CAST(NULL AS " + typ.String() + ") AS " + job.Quote(readAs(f.Name))
		for _, alias := range s.aliases(f) {
			if slices.Contains(names, alias) {
				cols[i] = "CAST(" + job.Quote(alias) + " AS " + typ.String() + ") AS " + job.Quote(readAs(f.Name))
				break
			}
		}
	}
	return "(SELECT " + strings.Join(cols, ", ") + ", filename, file_row_number FROM read_parquet(" + list(paths) + ", hive_partitioning=false))", nil
}

func (s *scan) aliases(f iceberg.NestedField) []string {
	for _, m := range s.t.ice.NameMapping() {
		if m.FieldID != nil && *m.FieldID == f.ID {
			return m.Names
		}
	}
	return []string{f.Name}
}

// list writes paths as an SQL list.
func list(paths []string) string {
	q := make([]string, len(paths))
	for i, p := range paths {
		q[i] = job.Literal(p)
	}
	return "[" + strings.Join(q, ", ") + "]"
}

// locationSQL turns d.filename, a local path, into the file's location: by a prefix where all have the same, else by a map.
func locationSQL(locations, paths []string) string {
	prefix, cut := "", -1
	for i, p := range paths {
		rest := commonTail(locations[i], p)
		if i > 0 && (locations[i][:len(locations[i])-rest] != prefix || len(p)-rest != cut) {
			return locationMap(locations, paths)
		}
		prefix, cut = locations[i][:len(locations[i])-rest], len(p)-rest
	}
	if cut == 0 {
		return "(" + job.Literal(prefix) + " || d.filename)"
	}
	return "(" + job.Literal(prefix) + " || substr(d.filename, " + strconv.Itoa(len([]rune(paths[0][:cut]))+1) + "))"
}

// commonTail is how many bytes two texts have in common at their end, up to the start of a folder name.
func commonTail(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	for n > 0 && b[len(b)-n] != '/' {
		n--
	}
	return n
}

func locationMap(locations, paths []string) string {
	return "map(" + list(paths) + ", " + list(locations) + ")[d.filename]"
}
