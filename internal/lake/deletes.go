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

// pathField is the field of a position delete file that names data files, by the table format's specification.
const pathField = 2147483546

// pooled says whether position deletes of all files may be looked up together: a row is deleted where one of them names its
// file and place. That is wrong only where a delete file names a data file that it is not for, which was added
// again after it.
func pooled(live []liveFile) bool {
	only, many := map[string][]iceberg.DataFile{}, map[string]iceberg.DataFile{}
	for _, f := range live {
		for _, d := range f.position {
			if low, high := pathsOf(d); low != "" && low == high {
				only[low] = append(only[low], d)
			} else {
				many[d.FilePath()] = d
			}
		}
	}
	for _, f := range live {
		path := f.data.FilePath()
		for _, d := range only[path] {
			if !f.deletedBy(d) {
				return false
			}
		}
		for _, d := range many {
			if low, high := pathsOf(d); path >= low && (high == "" || path <= high) && !f.deletedBy(d) {
				return false
			}
		}
	}
	return true
}

func (f liveFile) deletedBy(d iceberg.DataFile) bool {
	return slices.ContainsFunc(f.position, func(own iceberg.DataFile) bool { return own.FilePath() == d.FilePath() })
}

// pathsOf are the bounds of the data files that a position delete file names, "" where it does not tell. An upper bound may be
// cut short, but is then no lower than what it bounds.
func pathsOf(d iceberg.DataFile) (low, high string) {
	return string(d.LowerBoundValues()[pathField]), string(d.UpperBoundValues()[pathField])
}

// deletes are joins that leave out the rows delete files take out of a data file, and columns the joins need that the table no
// longer has. They are written as joins: of a NOT EXISTS over an expression of the file's name DuckDB would first gather all rows.
func (s *scan) deletes(ctx context.Context, f liveFile, location string) (joins []string, extra []iceberg.NestedField, err error) {
	if len(f.position) > 0 {
		paths, err := s.localFiles(ctx, f.position)
		if err != nil {
			return nil, nil, err
		}
		joins = append(joins, " ANTI JOIN read_parquet("+list(paths)+", hive_partitioning=false) AS p ON p.file_path = "+
			location+" AND p.pos = d.file_row_number")
	}
	for i, group := range byEqualityIDs(f.equality) {
		paths, err := s.localFiles(ctx, group)
		if err != nil {
			return nil, nil, err
		}
		fields, err := s.t.fieldsOf(group[0].EqualityFieldIDs())
		if err != nil {
			return nil, nil, err
		}
		var rows int64
		for _, d := range group {
			rows += d.Count()
		}
		join, more, err := s.equality("e"+strconv.Itoa(i), fields, paths, rows)
		if err != nil {
			return nil, nil, err
		}
		joins, extra = append(joins, join), append(extra, more...)
	}
	return joins, extra, nil
}

// equality is the join of one set of equality columns.
func (s *scan) equality(alias string, fields []iceberg.NestedField, paths []string, rows int64) (string, []iceberg.NestedField, error) {
	var extra []iceberg.NestedField
	same := make([]string, len(fields))
	for i, f := range fields {
		if _, ok := s.t.schema.FindFieldByID(f.ID); !ok {
			fields[i].Name = fmt.Sprintf("weir_dropped_%d", f.ID)
			extra = append(extra, fields[i])
		}
		q := job.Quote(readAs(fields[i].Name))
		same[i] = alias + "." + q + " IS NOT DISTINCT FROM d." + q
	}
	from, err := byID(paths, fields, rows)
	if err != nil {
		return "", nil, err
	}
	return " ANTI JOIN " + from + " AS " + alias + " ON " + strings.Join(same, " AND "), extra, nil
}

func (s *scan) localFiles(ctx context.Context, of []iceberg.DataFile) ([]string, error) {
	locations := make([]string, len(of))
	for i, f := range of {
		if f.FileFormat() != iceberg.ParquetFile {
			return nil, fault.New(fault.Data, "delete file %s is %s, not Parquet", f.FilePath(), f.FileFormat())
		}
		locations[i] = f.FilePath()
	}
	return s.t.lake.locals(ctx, locations)
}

func byEqualityIDs(files []iceberg.DataFile) [][]iceberg.DataFile {
	groups := map[string][]iceberg.DataFile{}
	var order []string
	for _, f := range files {
		ids := slices.Clone(f.EqualityFieldIDs())
		slices.Sort(ids)
		key := fmt.Sprint(ids)
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], f)
	}
	out := make([][]iceberg.DataFile, len(order))
	for i, key := range order {
		out[i] = groups[key]
	}
	return out
}

// fieldsOf finds top-level fields by id, also those of earlier schemas.
func (t *Table) fieldsOf(ids []int) ([]iceberg.NestedField, error) {
	out := make([]iceberg.NestedField, len(ids))
	for i, id := range ids {
		found := false
		for _, schema := range append(t.ice.Metadata().Schemas(), t.schema) {
			for _, f := range schema.Fields() {
				if f.ID == id {
					out[i], found = f, true
				}
			}
		}
		if !found {
			return nil, fault.New(fault.Data, "a delete file of %s names field %d, which is no column of it", t.name, id)
		}
	}
	return out, nil
}
