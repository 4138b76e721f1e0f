package define

import (
	"strings"
	"testing"
)

func TestIncremental(t *testing.T) {
	for name, c := range map[string]struct{ header, want string }{ // want is part of the only problem, with its place; "" for none
		"by":                    {"incremental: { input: raw.o, by: [day, store] }", ""},
		"by in an upsert":       {"mode: upsert\nkey: [day, store]\nincremental: { input: raw.o, by: day }", ""},
		"only new rows":         {"incremental: { input: raw.o }", ""},
		"only new rows by key":  {"key: id\nincremental: { input: raw.o, others: ignore }", ""},
		"window":                {"incremental: { input: raw.o, window: { column: ts, grain: hour, lookback: 3 days } }", ""},
		"no input":              {"incremental: { by: day }", "2:14: key \"input\" is missing"},
		"unknown key":           {"incremental: { input: raw.o, bye: day }", "2:30: unknown key \"bye\""},
		"both":                  {"incremental: { input: raw.o, by: day, window: { column: ts } }", "2:39: by and window are two ways"},
		"append by":             {"mode: append\nincremental: { input: raw.o, by: day }", "2:1: mode append does not go with incremental by"},
		"replace without by":    {"mode: replace\nincremental: { input: raw.o }", "2:1: mode replace computes the whole table"},
		"partitions":            {"mode: partitions\npartition: day\nincremental: { input: raw.o }", "2:1: mode partitions replaces"},
		"view":                  {"mode: view\nincremental: { input: raw.o, by: day }", "3:1: incremental has no meaning with mode view"},
		"key without by":        {"key: id\nincremental: { input: raw.o, by: day }", "2:1: with mode upsert every column of by is part of the key; day is not"},
		"key without window":    {"key: id\nincremental: { input: raw.o, window: { column: ts } }", "2:1: with mode upsert every column of window.column"},
		"order by":              {"key: day\norder_by: ts\nincremental: { input: raw.o, by: day }", "3:1: order_by has no meaning"},
		"deletes":               {"key: day\ndeletes: remove\nincremental: { input: raw.o, by: day }", "3:1: deletes has no meaning"},
		"grain":                 {"incremental: { input: raw.o, window: { column: ts, grain: minute } }", "2:59: "},
		"lookback":              {"incremental: { input: raw.o, window: { column: ts, lookback: 3m } }", "\"3m\" is not a length of time"},
		"others":                {"incremental: { input: raw.o, others: yes }", "2:38: "},
		"by twice":              {"incremental: { input: raw.o, by: [day, Day] }", "named twice"},
		"input that is no name": {"incremental: { input: [raw.o] }", "expected the name of a table"},
	} {
		t.Run(name, func(t *testing.T) {
			root := folder(t, map[string]string{"weir.yaml": "name: p\n", "tables/m/d.sql": "/* weir\n" + c.header + "\n*/\nselect 1 as day, 1 as store, 1 as id, now() as ts\n"})
			_, err := Load(root, "", Kinds{}, nil)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
	for text, want := range map[string]Span{"3d": {3, "day"}, "12h": {12, "hour"}, "2 Weeks": {2, "week"}, "1mo": {1, "month"}, "0": {}, "1y": {1, "year"}} {
		if got, ok := ParseSpan(text); !ok || got != want {
			t.Errorf("%s is %v, %t", text, got, ok)
		}
	}
	for _, text := range []string{"", "d", "3", "-1d", "3m", "1d12h", "1.5d", "99999999999999999999d"} {
		if got, ok := ParseSpan(text); ok {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}
