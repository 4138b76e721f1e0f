package files

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"

	"weir/internal/source"
	"weir/internal/source/files/evidence"
)

var (
	keyName = regexp.MustCompile(`(?i)(^|[_\s.-])(id|ids|key|pk|code|uuid|guid|no|nr|num|number|sku|ref|reference)$|(Id|ID|Key|No|Nr|Code|Uuid|UUID|Number)$`)
	idName  = regexp.MustCompile(`(?i)(^|[_\s.-])(id|pk|uuid|guid)$|(Id|ID|UUID|Uuid)$`)
	// partName are columns that tell rows apart together with another.
	partName = regexp.MustCompile(`(?i)(^|[_\s.-])(line|lines|line_?no|line_?number|seq|sequence|pos|position|item|idx|index|version|day|date|month|year|hour|week|lang|language|locale|currency|country)$|(Line|Seq|Date|Version)$`)
	// measureName are columns that count or describe, and are unique by chance only.
	measureName = regexp.MustCompile(`(?i)(^|[_\s.-])(amount|price|total|sum|qty|quantity|count|cost|revenue|tax|discount|rate|ratio|score|weight|height|width|lat|lon|lng|latitude|longitude|description|comment|comments|text|note|notes|title|body|message)$`)
	// orderName are columns that say when a row was changed.
	orderName = regexp.MustCompile(`(?i)^(updated|modified|changed|last_?(updated?|modified|changed?)|update|modification|change)(_?(at|on|ts|time|timestamp|date|datetime))?$|^(row_?version|revision|version|mtime|updatedAt|modifiedAt|lastModified|lastUpdated)$`)
)

// startKeys begins to look for keys, once the columns of the first file are known.
func (s *sampled) startKeys() {
	if s.order < 0 {
		s.order = slices.IndexFunc(s.columns, func(c *sampledColumn) bool { return orderName.MatchString(c.Name) })
	}
	if s.keys != nil {
		return
	}
	const most = 64
	var single [][]int
	for i, c := range s.columns {
		if len(single) < most && !measureName.MatchString(c.Name) && !orderName.MatchString(c.Name) {
			single = append(single, []int{i})
		}
	}
	s.keys = evidence.NewKeys(single)
}

func (s *sampled) keyRow(file int, hashes []uint64) {
	var order uint64
	if s.order >= 0 && s.order < len(hashes) {
		order = hashes[s.order]
	}
	s.keys.Row(file, hashes, order)
}

// findKeys judges what the pass found and, where no column alone tells rows apart, looks at pairs in a second one.
func (s *sampled) findKeys(ctx context.Context) error {
	if s.keys == nil {
		return nil
	}
	s.found = s.judged(s.keys)
	if slices.ContainsFunc(s.found, func(k source.KeyEvidence) bool { return k.Named && s.usableKey(k) }) {
		return nil
	}
	pairs := s.pairsOf()
	if len(pairs) == 0 {
		return nil
	}
	columns, rows, bad, badAt, whole := s.columns, s.rows, s.bad, s.badAt, s.whole
	s.keys, s.pairs = evidence.NewKeys(pairs), true
	err := s.pass(ctx)
	for _, k := range s.judged(s.keys) {
		if s.usableKey(k) {
			k.Named = true // both names say it
			s.found = append(s.found, k)
		}
	}
	s.columns, s.rows, s.bad, s.badAt, s.whole, s.pairs = columns, rows, bad, badAt, whole, false
	return err
}

// usableKey says whether a key would do for an upsert as the rows are.
func (s *sampled) usableKey(k source.KeyEvidence) bool {
	return k.Unique || k.Twice == 0 && k.Again > 0
}

// pairsOf are columns that may tell rows apart together.
func (s *sampled) pairsOf() (out [][]int) {
	const most = 6
	var some []int
	for i, c := range s.columns {
		if c.Complete() && (keyName.MatchString(c.Name) || partName.MatchString(c.Name)) && s.keyType(i) {
			some = append(some, i)
		}
	}
	sort.SliceStable(some, func(a, b int) bool { return s.rank(some[a]) > s.rank(some[b]) })
	some = some[:min(len(some), most)]
	for a := range some {
		for b := a + 1; b < len(some); b++ {
			if keyName.MatchString(s.columns[some[a]].Name) || keyName.MatchString(s.columns[some[b]].Name) {
				pair := []int{some[a], some[b]}
				slices.Sort(pair)
				out = append(out, pair)
			}
		}
	}
	return out
}

// rank orders columns by how much their name says that they are the key.
func (s *sampled) rank(i int) int {
	name := s.columns[i].Name
	switch {
	case strings.EqualFold(name, "id"):
		return 4
	case idName.MatchString(name):
		return 3
	case keyName.MatchString(name):
		return 2
	case partName.MatchString(name):
		return 1
	}
	return 0
}

// keyType says whether a column's type is one of keys.
func (s *sampled) keyType(i int) bool {
	switch t := s.typeOf(s.columns[i]).Type; t {
	case "BIGINT", "INTEGER", "VARCHAR", "UUID", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DECIMAL(38,0)", "DECIMAL(20,0)":
		return true
	}
	return false
}

// judged are the candidates that hold, the best first.
func (s *sampled) judged(keys *evidence.Keys) (out []source.KeyEvidence) {
	rows, all := keys.Rows()
	var sums []int
	for _, c := range keys.Found() {
		k := source.KeyEvidence{Rows: c.Rows, Whole: all && s.whole, Unique: c.Unique(), Again: c.Between, Twice: c.Within, Same: c.Same}
		sum := 0
		typed := true
		for _, i := range c.Columns {
			k.Columns = append(k.Columns, s.columns[i].Name)
			k.Named = k.Named || keyName.MatchString(s.columns[i].Name)
			typed = typed && s.keyType(i)
			sum += s.rank(i)
		}
		if c.Tied == 0 && s.ordered() && k.Named && !k.Unique {
			k.Again, k.Twice = c.Between+c.Within, 0 // the order column tells them apart
		}
		const enough = 2
		if !typed || rows < enough || !k.Unique && (k.Twice > 0 || !k.Named) {
			continue
		}
		order := ""
		if s.ordered() {
			order = s.columns[s.order].Name
		}
		k.Why = why(k, c, order)
		out, sums = append(out, k), append(sums, sum)
	}
	order := make([]int, len(out))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool {
		x, y := order[a], order[b]
		if out[x].Named != out[y].Named {
			return out[x].Named
		}
		if out[x].Unique != out[y].Unique {
			return out[x].Unique
		}
		return sums[x] > sums[y]
	})
	const most = 3
	sorted := make([]source.KeyEvidence, 0, most)
	for _, i := range order[:min(most, len(order))] {
		if out[i].Named || !out[order[0]].Named { // what is unique by chance is no news beside a key
			sorted = append(sorted, out[i])
		}
	}
	return sorted
}

// why says it for a person; order is the column that tells which row is newer, "" for none.
func why(k source.KeyEvidence, c *evidence.Candidate, order string) string {
	of := "in all " + plural(k.Rows, "row")
	if !k.Whole {
		of = "in the " + plural(k.Rows, "row") + " looked at"
	}
	switch {
	case k.Unique && c.Same > 0:
		return fmt.Sprintf("complete %s; %s the same entirely, else unique", of, arePlural(c.Same))
	case k.Unique:
		return "unique and complete " + of
	case order != "" && c.Tied == 0:
		return fmt.Sprintf("complete %s; %s again with other values, each with another %s", of, comePlural(c.Between+c.Within), order)
	}
	return fmt.Sprintf("complete %s and unique in each file; %s again in other files with other values", of, comePlural(c.Between))
}

func arePlural(n int64) string {
	if n == 1 {
		return "1 row is"
	}
	return evidence.Count(n) + " rows are"
}

func comePlural(n int64) string {
	if n == 1 {
		return "1 comes"
	}
	return evidence.Count(n) + " come"
}

// ordered says whether there is a column that says when a row was changed, in every row.
func (s *sampled) ordered() bool {
	if s.order < 0 || !s.columns[s.order].Complete() {
		return false
	}
	switch s.typeOf(s.columns[s.order]).Type {
	case "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DATE", "BIGINT", "INTEGER":
		return true
	}
	return false
}

// advice says how the table should change.
func (s *sampled) advice() source.Advice {
	a := source.Advice{Mode: "append"}
	if len(s.found) == 0 || !s.found[0].Named {
		a.Why = "no column tells rows apart and is named like a key"
		return a
	}
	k := s.found[0]
	a.Key = k.Columns
	name := strings.Join(k.Columns, ", ")
	const enough = 10
	if s.ordered() {
		a.OrderBy = s.columns[s.order].Name
		a.Mode, a.Set = "upsert", k.Rows >= enough
		a.Why = fmt.Sprintf("%s is a key and %s says which of its rows is newer", name, a.OrderBy)
		if !a.Set {
			a.Mode, a.Why = "append", a.Why+", but "+plural(k.Rows, "row")+" are too few to be sure"
		}
		return a
	}
	a.Why = name + " looks like a key; nothing says which of two rows of one key is newer, so rows are added"
	if !k.Unique {
		s.doubts = append(s.doubts, fmt.Sprintf("%s comes again in other files: a key makes later rows replace earlier ones, without it both stay", name))
	}
	return a
}
