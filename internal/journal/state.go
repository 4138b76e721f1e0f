package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"

	"weir/internal/job"
)

// FileStates gives what rules found out about the files of a table, by location and aggregate. Columns are a mark of what the
// files were read as; what was found out with another is not given.
func (j *Journal) FileStates(ctx context.Context, table, columns string) (job.States, error) {
	type row struct {
		file, aggregate, special string
		value                    sql.NullFloat64
	}
	places := func(r *row) []any { return []any{&r.file, &r.aggregate, &r.value, &r.special} }
	rows, err := read(ctx, j, "read states of files", places, `SELECT file, aggregate, value, special FROM states WHERE tbl = ? AND columns = ?`, table, columns)
	if err != nil {
		return nil, err
	}
	out := job.States{}
	for _, r := range rows {
		if out[r.file] == nil {
			out[r.file] = map[string]job.State{}
		}
		s := job.State{Value: r.value.Float64, Null: !r.value.Valid}
		if r.special != "" {
			v, err := strconv.ParseFloat(r.special, 64)
			if err != nil {
				continue // it is asked again
			}
			s = job.State{Value: v}
		}
		out[r.file][r.aggregate] = s
	}
	return out, nil
}

// KeepFileStates keeps states of some files and aggregates of a table, and nothing else of it.
func (j *Journal) KeepFileStates(ctx context.Context, table, columns string, states job.States, files []string, aggregates map[string]bool) error {
	had, err := j.FileStates(ctx, table, columns)
	if err != nil {
		return err
	}
	fileList, err := json.Marshal(files)
	if err != nil {
		return err
	}
	aggregateList, err := json.Marshal(slices.Sorted(maps.Keys(aggregates)))
	if err != nil {
		return err
	}
	return j.write(ctx, "keep states of files", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM states WHERE tbl = ?1 AND (columns <> ?2 OR file NOT IN (SELECT value FROM json_each(?3))
			OR aggregate NOT IN (SELECT value FROM json_each(?4)))`, table, columns, string(fileList), string(aggregateList)); err != nil {
			return err
		}
		insert, err := tx.PrepareContext(ctx, `INSERT OR REPLACE INTO states (tbl, columns, file, aggregate, value, special) VALUES (?, ?, ?, ?, ?, ?)`)
		if err != nil {
			return err
		}
		defer insert.Close()
		for _, file := range files {
			for aggregate := range aggregates {
				s, ok := states[file][aggregate]
				if _, there := had[file][aggregate]; there || !ok {
					continue
				}
				value, special := sql.NullFloat64{Float64: s.Value, Valid: !s.Null}, ""
				if !s.Null && (math.IsNaN(s.Value) || math.IsInf(s.Value, 0)) { // SQLite has none of these
					value, special = sql.NullFloat64{}, strconv.FormatFloat(s.Value, 'g', -1, 64)
				}
				if _, err := insert.ExecContext(ctx, table, columns, file, aggregate, value, special); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
