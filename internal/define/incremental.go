package define

import (
	"slices"
	"strconv"
	"strings"

	"weir/internal/project"
)

// Incremental says how a SQL table is kept up without being computed anew.
type Incremental struct {
	Input  string   // the table whose changes drive the builds
	By     []string // output columns that group rows: touched groups are computed again, whole; nil: only new rows are read
	Others Others
	Window *Window // nil: none
}

// Others says what a change in an input that does not drive means.
type Others string

// Policies for other inputs.
const (
	Rebuild Others = "rebuild" // a full build
	Pass    Others = "ignore"  // nothing: what is computed later sees them as they are then
)

// Window bounds what a build computes by a column of time, as $from and $to.
type Window struct {
	Column   string
	Grain    string // hour, day, week, month, quarter, year
	Lookback Span   // how far before the last end a build begins
}

// Span is a length of calendar time: a day is from one midnight to the next, however many hours that takes.
type Span struct {
	N    int
	Unit string // hour, day, week, month, quarter, year; "" with N 0
}

// Grouped says whether builds replace what they compute again, so that the table always equals its SQL.
func (i *Incremental) Grouped() bool { return i != nil && (len(i.By) > 0 || i.Window != nil) }

// Groups are the columns of by, nil without.
func (i *Incremental) Groups() []string {
	if i == nil {
		return nil
	}
	return i.By
}

// RowLocal says whether builds read only new rows of the input.
func (i *Incremental) RowLocal() bool { return i != nil && !i.Grouped() }

// incrementalKeys are the keys of incremental.
type incrementalKeys struct {
	Input  tableRef    `yaml:"input" required:"true" doc:"the table whose changes drive the builds; one of those the SQL reads"`
	By     columnNames `yaml:"by" doc:"output columns that group rows: the groups touched by changed rows of the input are computed again, whole; without by and window only new rows are read, which the SQL must allow"`
	Others string      `yaml:"others" enum:"rebuild|ignore" default:"rebuild" doc:"what a change in another input means: a full build, or nothing"`
	Window *windowKeys `yaml:"window" doc:"instead of by: a build computes from the last end less the look-back until now, given to the SQL as $from and $to"`
}

// windowKeys are the keys of a window.
type windowKeys struct {
	Column   columnRef `yaml:"column" required:"true" doc:"output column of type date, timestamp or timestamptz that the SQL bounds by $from (included) and $to (excluded)"`
	Grain    string    `yaml:"grain" enum:"hour|day|week|month|quarter|year" default:"day" doc:"windows begin and end on whole ones, in the project's time zone"`
	Lookback spanText  `yaml:"lookback" default:"0d" doc:"how far before the last end a build begins, for late rows: 12h, 3d, 2w, 1mo"`
}

// tableRef is the name of a table.
type tableRef string

// DecodeNode reads the name.
func (t *tableRef) DecodeNode(n *project.Node) []project.Problem {
	if n.Kind >= project.List || strings.TrimSpace(n.Text) == "" {
		return []project.Problem{n.Problem("expected the name of a table, found %s", n.Describe())}
	}
	*t = tableRef(strings.TrimSpace(n.Text))
	return nil
}

// spanText is a Span as written.
type spanText Span

// DecodeNode reads it.
func (s *spanText) DecodeNode(n *project.Node) []project.Problem {
	if n.Kind >= project.List {
		return []project.Problem{n.Problem("expected a length of time such as 3d, found %s", n.Describe())}
	}
	span, ok := ParseSpan(n.Text)
	if !ok {
		return []project.Problem{n.Problem("%q is not a length of time", n.Text).WithHint("a number and h, d, w, mo or y: 12h, 3d, 2w, 1mo")}
	}
	*s = spanText(span)
	return nil
}

// spanUnits are the units of a span, as written.
var spanUnits = map[string]string{"h": "hour", "hour": "hour", "hours": "hour", "d": "day", "day": "day", "days": "day", "w": "week", "week": "week", "weeks": "week",
	"mo": "month", "month": "month", "months": "month", "q": "quarter", "quarter": "quarter", "quarters": "quarter", "y": "year", "year": "year", "years": "year"}

// ParseSpan reads 12h, 3d, 2 weeks, 1mo.
func ParseSpan(text string) (Span, bool) {
	text = strings.TrimSpace(text)
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
	unit, known := spanUnits[strings.ToLower(strings.TrimSpace(text[len(digits):]))]
	n, err := strconv.Atoi(digits)
	if err == nil && n == 0 && len(digits) == len(text) {
		return Span{}, true
	}
	if err != nil || !known || n < 0 || n > 100_000 {
		return Span{}, false
	}
	return Span{N: n, Unit: unit}, true
}

// String writes a span as ParseSpan reads it.
func (s Span) String() string {
	if s.N == 0 {
		return "0"
	}
	if s.N == 1 {
		return "1 " + s.Unit
	}
	return strconv.Itoa(s.N) + " " + s.Unit + "s"
}

// incremental takes the keys over and, by convention, a mode for what has none.
func (t *Table) incremental(k *incrementalKeys) {
	if k == nil {
		return
	}
	t.Incremental = &Incremental{Input: string(k.Input), By: k.By, Others: Others(k.Others)}
	if w := k.Window; w != nil {
		t.Incremental.Window = &Window{Column: string(w.Column), Grain: w.Grain, Lookback: Span(w.Lookback)}
	}
}

// incrementalTogether checks that the keys of incremental go together with those around them.
func incrementalTogether(t *Table, fail func(key, hint, format string, args ...any)) {
	i := t.Incremental
	if i == nil {
		return
	}
	if t.Kind != FromSQL {
		fail("incremental", "take it out: a table that reads a connection goes on where its last read ended", "only a SQL table can be incremental")
		return
	}
	if i.Window != nil && len(i.By) > 0 {
		fail("incremental.window", "keep one of them", "by and window are two ways to say what is computed again")
		return
	}
	part, what := i.By, "by"
	if i.Window != nil {
		part, what = []string{i.Window.Column}, "window.column"
	}
	switch {
	case t.Mode == View:
		fail("incremental", "take it out: a view stores nothing", "incremental has no meaning with mode view")
	case i.Grouped() && t.Mode != Replace && t.Mode != Upsert:
		fail("mode", "take mode out, or write mode: upsert with a key", "mode %s does not go with incremental %s, which replaces what it computes again", t.Mode, what)
	case i.RowLocal() && t.Mode == Replace:
		fail("mode", "write mode: append, or a key for mode upsert, or incremental by: with the columns that group rows", "mode replace computes the whole table; incremental without by adds new rows only")
	case i.RowLocal() && t.Mode == Partitions:
		fail("mode", "write mode: append, or a key for mode upsert, or incremental by: with the columns that group rows", "mode partitions replaces partitions whole; incremental without by adds new rows only")
	}
	if t.Mode != Upsert || !i.Grouped() {
		return
	}
	for _, c := range part {
		// A key whose rows lie in two groups could be there twice after one of them was computed again.
		if !slices.ContainsFunc(t.Key, func(k string) bool { return strings.EqualFold(k, c) }) {
			fail("key", "add "+c+" to key, or take mode and key out", "with mode upsert every column of %s is part of the key; %s is not", what, c)
		}
	}
	if t.OrderBy != "" {
		fail("order_by", "take it out, and let the SQL choose the row", "order_by has no meaning with incremental %s: the table is always what its SQL gives", what)
	}
	if t.Deletes != "" {
		fail("deletes", "take it out", "deletes has no meaning with incremental %s: what the SQL does not give any more is gone", what)
	}
}
