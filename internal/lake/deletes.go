package lake

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"

	"weir/internal/fault"
	"weir/internal/job"
)

// deletes are conditions that leave out the rows delete files take out of a data file, and columns the conditions need that
// the table no longer has.
func (s *scan) deletes(ctx context.Context, f liveFile, location string) (where []string, extra []iceberg.NestedField, err error) {
	if len(f.position) > 0 {
		paths, err := s.localFiles(ctx, f.position)
		if err != nil {
			return nil, nil, err
		}
		where = append(where, "NOT EXISTS (SELECT 1 FROM read_parquet("+list(paths)+", hive_partitioning=false) AS p WHERE p.file_path = "+
			location+" AND p.pos = d.file_row_number)")
	}
	for _, group := range byEqualityIDs(f.equality) {
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
		condition, more, err := s.equality(fields, paths, rows)
		if err != nil {
			return nil, nil, err
		}
		where, extra = append(where, condition), append(extra, more...)
	}
	return where, extra, nil
}

// equality is the condition of one set of equality columns.
func (s *scan) equality(fields []iceberg.NestedField, paths []string, rows int64) (string, []iceberg.NestedField, error) {
	var extra []iceberg.NestedField
	same := make([]string, len(fields))
	for i, f := range fields {
		if _, ok := s.t.schema.FindFieldByID(f.ID); !ok {
			fields[i].Name = fmt.Sprintf("weir_dropped_%d", f.ID)
			extra = append(extra, fields[i])
		}
		q := job.Quote(readAs(fields[i].Name))
		same[i] = "e." + q + " IS NOT DISTINCT FROM d." + q
	}
	from, err := byID(paths, fields, rows)
	if err != nil {
		return "", nil, err
	}
	return "NOT EXISTS (SELECT 1 FROM " + from + " AS e WHERE " + strings.Join(same, " AND ") + ")", extra, nil
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
