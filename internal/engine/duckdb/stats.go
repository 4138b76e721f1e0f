package duckdb

import (
	"fmt"
	"strings"

	driver "github.com/duckdb/duckdb-go/v2"

	"weir/internal/fault"
)

// stats is one row of COPY … RETURN_STATS: filename, count, file_size_bytes, footer_size_bytes, column_statistics,
// partition_keys.
type stats struct {
	path  string
	rows  int64
	bytes int64
	ends  map[string]bool    // columns whose least or greatest value is written as an infinity
	keys  map[string]*string // partition values, nil for null
}

func readStats(row []any) (stats, error) {
	if len(row) < 6 {
		return stats{}, fault.New(fault.Internal, "COPY gives %d columns of statistics", len(row))
	}
	path, ok := row[0].(string)
	if !ok {
		return stats{}, fault.New(fault.Internal, "COPY gives a %T for a file name", row[0])
	}
	st := stats{path: path, ends: map[string]bool{}, keys: map[string]*string{}}
	var err error
	if st.rows, err = whole(row[1]); err != nil {
		return stats{}, err
	}
	if st.bytes, err = whole(row[2]); err != nil {
		return stats{}, err
	}
	eachPair(row[4], func(column string, of any) {
		eachPair(of, func(name string, v any) {
			if (name == "min" || name == "max") && strings.HasSuffix(fmt.Sprint(v), "infinity") {
				st.ends[unquoted(column)] = true
			}
		})
	})
	eachPair(row[5], func(name string, v any) {
		if text, ok := v.(string); ok {
			st.keys[name] = &text
			return
		}
		st.keys[name] = nil
	})
	return st, nil
}

// unquoted reads a column name as the statistics write it.
func unquoted(name string) string {
	if plain, n := identifier(name); n == len(name) && n > 0 {
		return plain
	}
	return name
}

func eachPair(v any, do func(key string, v any)) {
	m, ok := v.(driver.OrderedMap)
	if !ok {
		return
	}
	keys, values := m.Keys(), m.Values()
	for i, k := range keys {
		do(fmt.Sprint(k), values[i])
	}
}
