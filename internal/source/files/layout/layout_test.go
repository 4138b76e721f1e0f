package layout

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// match is the least of a pattern language: *, ** and sets.
func match(pattern string) (func(string) bool, error) {
	re := regexp.QuoteMeta(pattern)
	for _, r := range [][2]string{{`\[\[\]`, `\[`}, {`\[\*\]`, `\*`}, {`\[\?\]`, `\?`}, {`\[\{\]`, `\{`}, {`\[!_\]`, `[^_/]`}, {`\[0-9\]`, `[0-9]`}, {`\*\*/`, `(?:[^/]+/)§`}, {`\*`, `[^/]*`}, {`§`, `*`}, {`\{`, `(?:`}, {`\}`, `)`}, {`,`, `|`}} {
		re = strings.ReplaceAll(re, r[0], r[1])
	}
	c, err := regexp.Compile("^" + re + "$")
	if err != nil {
		return nil, err
	}
	return c.MatchString, nil
}

// files makes files of "key: columns" lines; without columns they have those of their table's kind.
func files(text string) (out []File) {
	for line := range strings.Lines(text) {
		key, cols, _ := strings.Cut(strings.TrimSpace(line), ": ")
		f := File{Key: key, Suffix: path.Ext(key), Looked: true, Columns: strings.Fields(cols)}
		f.Format = strings.TrimPrefix(f.Suffix, ".")
		if cols == "" {
			f.Columns = []string{"id", "name", "at", "total"}
		}
		if cols == "?" {
			f.Columns, f.Looked = nil, false
		}
		out = append(out, f)
	}
	return out
}

func TestGroups(t *testing.T) {
	for _, c := range []struct{ name, files, want string }{
		{"one", "orders.csv", "orders orders.csv 1"},
		{"a series", "orders_2026-01-01.csv\norders_2026-01-02.csv", "orders orders_*.csv 2"},
		{"a series of one", "orders_20260101T101112Z.csv", "orders orders_*.csv 1"},
		{"a name with a number", "utf8.csv\ns3logs.csv: a b", "s3logs s3logs.csv 1|utf8 utf8.csv 1"},
		{"two series", "orders-1.csv\norders-2.csv\nitems-1.csv: a b c\nitems-2.csv: a b c", "items items-*.csv 2|orders orders-*.csv 2"},
		{"one name begins another", "order_1.csv\norder_lines_1.csv: a b c", "order order_[0-9]*.csv 1|order_lines order_lines_*.csv 1"},
		{"folders", "orders/a.csv\norders/b.csv\nitems/a.csv: x y z\nitems/b.csv: x y z", "items items/*.csv 2|orders orders/*.csv 2"},
		{"key=value", "o/year=2026/month=01/a.parquet\no/year=2026/month=02/b.parquet", "o o/**/*.parquet 2"},
		{"dates", "o/2026/01/02/a.json\no/2026/01/03/a.json", "o o/**/*.json 2"},
		{"dates first", "2026/01/o.csv\n2026/02/o.csv\n2026/02/staff.csv: a b", "o **/o.csv 2|staff **/staff.csv 1"},
		{"layout changed once", "orders/2026/01/x.csv\norders/2026/02/01/x.csv", "orders orders/**/*.csv 2"},
		{"columns come and go", "o/1.csv: a b c\no/2.csv: a b c d\no/3.csv: b c d e", "o o/*.csv 3"},
		{"unrelated in one folder", "o/1.csv: a b c\no/2.csv: x y z\no/3.csv: k", "t_1 o/1.csv 1|t_2 o/2.csv 1|t_3 o/3.csv 1"},
		{"formats", "o/a1.csv\no/a2.csv\no/a1.json", "o o/*.csv 2|o_json o/a1.json 1"},
		{"a table for each shop", "sales/london/x.csv\nsales/paris/x.csv", "sales sales/**/*.csv 2"},
		{"folders at the top are tables", "orders/x.csv\nrefunds/x.csv", "orders orders/x.csv 1|refunds refunds/x.csv 1"},
		{"unless there are many", "a1a/x.csv\nb-b/x.csv\nberlin/x.csv\nparis/x.csv\nrome/x.csv", "a1a a1a/x.csv 1|x {b-b/x.csv,berlin/x.csv,paris/x.csv,rome/x.csv} 4"},
		{"tables in every folder", "eu/orders.csv\nus/orders.csv\neu/staff.csv: a\nus/staff.csv: a", "orders **/orders.csv 2|staff **/staff.csv 2"},
		{"names collide", "a/2026/orders/1.csv: x y\nb/orders/1.csv: p q", "b_orders b/orders/*.csv 1|orders a/**/*.csv 1"},
		{"generic names", "export/data.csv", "data export/data.csv 1"},
		{"spark", "trips/part-00000-0b8f7d1e-3c51-4d6a-9c1e-6a1d5e9f0a11-c000.parquet\ntrips/part-00001-0b8f7d1e-3c51-4d6a-9c1e-6a1d5e9f0a11-c000.parquet", "trips trips/*.parquet 2"},
		{"not all looked into", "o/1.csv\no/2.csv: ?\no/3.csv", "o o/*.csv 3"},
		{"camels", "OrderLines-2026-01.csv\nOrderLines-2026-02.csv", "order_lines OrderLines-*.csv 2"},
		{"months and quarters", "sales_2026Q1.csv\nsales_2026Q2.csv\nvisits jan-2026.csv\nvisits feb-2026.csv", "sales sales_*.csv 2|visits visits *.csv 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, g := range Groups(files(c.files), nil, "inbox", match) {
				got = append(got, g.Name+" "+g.Pattern+" "+string(rune('0'+len(g.Files))))
			}
			slices.Sort(got)
			if strings.Join(got, "|") != c.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), c.want)
			}
		})
	}
}

func TestUnsettledAreLookedInto(t *testing.T) {
	fs := files("o/1.csv: a b c\no/2.csv: ?\no/3.csv: x y z\np/1.csv\np/2.csv: ?")
	if got := Unsettled(fs); !slices.Equal(got, []int{1}) {
		t.Errorf("unsettled %v", got)
	}
}

func TestOthersAreNotMatched(t *testing.T) {
	got := Groups(files("o/a.csv\no/b.csv"), []string{"o/_draft.csv"}, "inbox", match)
	if got[0].Pattern != "o/[!_]*.csv" || len(got[0].Beyond) > 0 {
		t.Errorf("%+v", got)
	}
	got = Groups(files("o/a1.csv\no/a2.csv"), []string{"o/a3.csv", "o/a.csv"}, "inbox", match)
	if f, err := match(got[0].Pattern); err != nil || f("o/a3.csv") || !f("o/a1.csv") || !f("o/a2.csv") {
		t.Errorf("%+v %v", got, err)
	}
}

func TestFolders(t *testing.T) {
	got := Folders([]string{"o/dt=2026-01-01/2026/01/x", "o/dt=2026-01-02/2026/02/x", "o/dt=2026-01-02/2026/02/y"})
	want := []Folder{{Key: "dt", Values: []string{"2026-01-01", "2026-01-02"}}, {Unit: Year, Values: []string{"2026"}}, {Unit: Month, Values: []string{"01", "02"}}}
	if !slices.EqualFunc(got, want, func(a, b Folder) bool { return a.Key == b.Key && a.Unit == b.Unit && slices.Equal(a.Values, b.Values) }) {
		t.Errorf("got %+v", got)
	}
}
