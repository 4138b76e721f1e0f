package files

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/source"
	"weir/internal/source/files/evidence"
)

// readParquets asks the engine for the schemas of the sample and, as far as its bytes allow, for what its values are.
func (s *sampled) readParquets(ctx context.Context) error {
	s.at, s.order = map[string]int{}, -1
	var whole []string
	left := s.limit()
	for i, e := range s.sample {
		if s.formatOf(e) != formatParquet {
			s.whole = false
			continue
		}
		full := e.Size <= left
		if full {
			left -= e.Size
		} else {
			s.whole = false
		}
		path, err := s.copies.place(ctx, e, full)
		if err == nil {
			err = s.parquetSchema(ctx, i, e, path, full)
		}
		if err := outside(err); err != nil {
			return err
		}
		if err != nil {
			s.broken(e, err)
			continue
		}
		if full {
			whole = append(whole, path)
		}
	}
	if len(whole) == 0 {
		return nil
	}
	from := "read_parquet([" + strings.Join(escapedPaths(whole), ", ") + "], union_by_name=true, hive_partitioning=false, filename=" + job.Literal(pathColumn) + ")"
	return s.parquetValues(ctx, from)
}

func escapedPaths(paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = escapedPath(p)
	}
	return out
}

func (s *sampled) parquetSchema(ctx context.Context, i int, e *entry, path string, full bool) error {
	cols, err := s.request.Engine.Describe(ctx, "SELECT * FROM read_parquet("+escapedPath(path)+", hive_partitioning=false)")
	if err != nil {
		if fault.ClassOf(err) == fault.Canceled {
			return err
		}
		return fault.New(fault.Data, "%s", firstLine(err, path, e.Key))
	}
	for _, c := range cols {
		n := s.column(c.Name, i)
		if n < 0 {
			continue
		}
		t, err := parseType(c.Type)
		if err != nil {
			t = ctype{kind: text, name: "VARCHAR"}
		}
		typ := lakeType(t)
		v := &evidence.Verdict{Type: typ, Why: "in the file"}
		if typ != c.Type {
			v.Why = strings.ToLower(c.Type) + " in the file"
		}
		s.columns[n].join(v, e.Key)
		s.columns[n].counted = s.columns[n].counted || full
	}
	return nil
}

// join takes another file's type for a column: the wider of the two.
func (c *sampledColumn) join(v *evidence.Verdict, file string) {
	if c.fixed == nil || c.fixed.Type == v.Type {
		c.fixed = v
		return
	}
	have, err := parseType(c.fixed.Type)
	other, err2 := parseType(v.Type)
	if err != nil || err2 != nil {
		return
	}
	was := c.fixed.Type
	switch {
	case widens(have, other):
		c.fixed = v
	case widens(other, have):
	default:
		c.fixed = &evidence.Verdict{Type: "VARCHAR"}
	}
	c.fixed.Why = strings.ToLower(was) + " and " + strings.ToLower(v.Type) + " in files"
	c.fixed.Doubt = "files differ: " + strings.ToLower(was) + ", and " + strings.ToLower(v.Type) + " in " + file
}

// lakeType is the type a column of the lake has for one of the engine's.
func lakeType(t ctype) string {
	return t.with(func(l ctype) string {
		switch stored := stored(l); {
		case stored == "TIMESTAMP_S", stored == "TIMESTAMP_MS", stored == "TIMESTAMP_NS":
			return "TIMESTAMP"
		case l.kind != other, stored == "UUID", stored == "BLOB":
			return stored
		}
		return "VARCHAR"
	})
}

// parquetValues counts rows, values that are not there, values that come again, and those a claimed type does not take.
func (s *sampled) parquetValues(ctx context.Context, from string) error {
	counts := []string{"count(*)"}
	for _, c := range s.columns {
		if !c.counted {
			counts = append(counts, "0", "0") // in no file that is here entirely
			continue
		}
		q := job.Quote(c.Name)
		misfit := "0"
		if c.typ != nil && c.fixed.Type != c.typ.String() {
			cast := "TRY_CAST(" + q + " AS " + c.typ.String() + ")"
			misfit = "count(*) FILTER (WHERE " + q + " IS NOT NULL AND CAST(" + cast + " AS VARCHAR) IS DISTINCT FROM CAST(" + q + " AS VARCHAR) AND TRY_CAST(" + cast + " AS " + c.fixed.Type + ") IS DISTINCT FROM " + q + ")"
		}
		counts = append(counts, "count("+q+")", misfit)
	}
	const atOnce = 400 // columns a query, of wide tables
	for first := 0; first < len(s.columns) || first == 0; first += atOnce {
		last := min(len(s.columns), first+atOnce)
		row, err := s.ask(ctx, "SELECT count(*), "+strings.Join(append(counts[1+2*first:1+2*last:1+2*last], "0"), ", ")+" FROM "+from)
		if err != nil {
			return err
		}
		s.rows = row[0]
		for i, c := range s.columns[first:last] {
			c.Counted(s.rows, s.rows-row[1+2*i])
			c.misfit.Count = row[2+2*i]
		}
	}
	return s.parquetKeys(ctx, from)
}

// ask runs a query of counts.
func (s *sampled) ask(ctx context.Context, sql string) ([]int64, error) {
	rows, err := s.request.Engine.Strings(ctx, sql)
	if err != nil {
		return nil, fmt.Errorf("look into %s: %w", s.reader.Path, err)
	}
	out := make([]int64, len(rows[0]))
	for i, v := range rows[0] {
		out[i], _ = strconv.ParseInt(v.Value, 10, 64)
	}
	return out, nil
}

// parquetKeys asks for single columns first, for pairs where none of them tells rows apart.
func (s *sampled) parquetKeys(ctx context.Context, from string) error {
	s.startKeys()
	var single [][]int
	for i, c := range s.columns {
		if c.Complete() && s.keyType(i) && !measureName.MatchString(c.Name) && !orderName.MatchString(c.Name) {
			single = append(single, []int{i})
		}
	}
	const most = 24
	slices.SortStableFunc(single, func(a, b []int) int { return s.rank(b[0]) - s.rank(a[0]) })
	single = single[:min(len(single), most)]
	found, err := s.counted(ctx, from, single)
	if err != nil {
		return err
	}
	s.found = s.judged(found)
	if slices.ContainsFunc(s.found, func(k source.KeyEvidence) bool { return k.Named && s.usableKey(k) }) {
		return nil
	}
	if found, err = s.counted(ctx, from, s.pairsOf()); err != nil {
		return err
	}
	for _, k := range s.judged(found) {
		if s.usableKey(k) {
			k.Named = true
			s.found = append(s.found, k)
		}
	}
	return nil
}

// counted has the engine count what Keys counts of text files.
func (s *sampled) counted(ctx context.Context, from string, candidates [][]int) (*evidence.Keys, error) {
	var out []*evidence.Candidate
	var names []string
	for _, c := range s.columns {
		if c.counted {
			names = append(names, job.Quote(c.Name))
		}
	}
	row := "hash(" + strings.Join(names, ", ") + ")"
	for _, c := range candidates {
		cols := make([]string, len(c))
		for i, n := range c {
			cols[i] = job.Quote(s.columns[n].Name)
		}
		key := "hash(" + strings.Join(cols, ", ") + ")"
		order := "0"
		if s.order >= 0 && s.columns[s.order].counted {
			order = "hash(" + job.Quote(s.columns[s.order].Name) + ")"
		}
		n, err := s.ask(ctx, fmt.Sprintf("SELECT count(*), count(DISTINCT k), count(DISTINCT hash(k, r)), count(DISTINCT hash(k, r, p)), count(DISTINCT hash(k, p)), count(DISTINCT hash(k, o)) FROM (SELECT %s AS k, %s AS r, %s AS p, %s AS o FROM %s)",
			key, row, pathRef(), order, from))
		if err != nil {
			return nil, err
		}
		out = append(out, evidence.Counted(c, n[0], n[1], n[2], n[3], n[4], n[5]))
	}
	return evidence.KeysOf(s.rows, out), nil
}
