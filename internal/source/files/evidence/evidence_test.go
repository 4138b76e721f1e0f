package evidence

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A column's values and the type they must get; at is not told apart.
func TestTypes(t *testing.T) {
	for _, c := range []struct {
		name, values, want string
	}{
		{"id", "1 2 -3 0", "BIGINT"},
		{"id", "9223372036854775807 -9223372036854775808", "BIGINT"},
		{"id", "9223372036854775808 1", "DECIMAL(38,0)"},
		{"tracking", "12345678901234567890 12345678901234567891", "VARCHAR"},
		{"id", strings.Repeat("9", 39) + " 1", "VARCHAR"},
		{"code", "007 8", "VARCHAR"}, {"code", "+49123 8", "VARCHAR"}, {"code", "-007 8", "VARCHAR"}, {"x", "0 00", "VARCHAR"},
		{"plz", "10115 20095", "VARCHAR"}, {"phone", "301234", "VARCHAR"}, {"customer_phone", "301234", "VARCHAR"}, {"zip_code", "90210", "VARCHAR"}, {"postcode", "1010", "VARCHAR"},
		{"zipped", "1 2", "BIGINT"}, {"telemetry", "1 2", "BIGINT"},
		{"flag", "0 1 1", "BIGINT"}, {"flag", "true false", "BOOLEAN"}, {"flag", "yes no", "VARCHAR"}, {"flag", "Y N", "VARCHAR"}, {"flag", "true 1", "VARCHAR"},
		{"price", "1.50 2 0.99", "DECIMAL(12,2)"}, {"price", "1.5", "DECIMAL(12,2)"}, {"price", ".99 5.", "DECIMAL(12,2)"}, {"price", "1.239", "DECIMAL(13,3)"}, {"price", "123456789012.50", "DECIMAL(16,2)"},
		{"price", "1.50 NaN", "VARCHAR"}, {"price", "1,50", "VARCHAR"}, {"price", "$1.50", "VARCHAR"}, {"price", "01.50", "VARCHAR"},
		{"x", "1e5 2", "DOUBLE"}, {"x", "1e400 2", "VARCHAR"}, {"x", "1e308 -1e-300", "DOUBLE"}, {"x", "1e-7 NaN inf", "DOUBLE"}, {"x", "0.123456789012345 1.5", "DOUBLE"}, {"x", "12345678901234567890.12345678901234567890", "VARCHAR"},
		{"x", "1234567890123456789012345678.1234567890", "DECIMAL(38,10)"},
		{"d", "2026-01-02 2026-12-31", "DATE"}, {"d", "2026-01-02 2026-02-30", "VARCHAR"}, {"d", "0000-00-00 2026-01-01", "VARCHAR"}, {"d", "0000-01-01", "VARCHAR"},
		{"d", "2026-01-02 02.01.2026", "VARCHAR"}, {"d", "20260102 20260103", "BIGINT"}, {"d", "2026-1-2 2026-01-03", "VARCHAR"},
		{"t", "2026-01-02T03:04:05 2026-01-02_03:04", "TIMESTAMP"}, {"t", "2026-01-02T03:04:05 2026-01-02T03:04", "TIMESTAMP"},
		{"t", "2026-01-02T03:04:05Z 2026-01-02T03:04:05+02:00 2026-01-02T03:04:05-0530", "TIMESTAMP WITH TIME ZONE"}, {"t", "2026-01-02T03:04:05Z 2026-01-02T03:04:05", "VARCHAR"},
		{"t", "2026-01-02T03:04:05.123456000", "TIMESTAMP"}, {"t", "2026-01-02T03:04:05.1234567", "VARCHAR"}, {"t", "2026-01-02T24:00:00", "VARCHAR"}, {"t", "2026-01-02 2026-01-02T03:04:05", "VARCHAR"},
		{"t", "03:04:05 23:59:59.5", "TIME"}, {"t", "03:04", "VARCHAR"}, {"t", "25:00:00", "VARCHAR"},
		{"n", "NULL", "VARCHAR"}, {"n", "1 NULL", "BIGINT"}, {"n", "- 1.5", "DECIMAL(12,2)"},
		{"u", "0b8f7d1e-3c51-4d6a-9c1e-6a1d5e9f0a11", "VARCHAR"}, {"e", "", "VARCHAR"},
	} {
		col := Column{Name: c.name}
		for i, v := range strings.Split(c.values, " ") {
			col.Text(strings.ReplaceAll(v, "_", " "), Place{Line: int64(i)})
		}
		if got := col.Decide(true); got.Type != c.want {
			t.Errorf("%s %s: %s (%s), want %s", c.name, c.values, got.Type, got.Why, c.want)
		}
	}
}

func TestDatesInOtherOrders(t *testing.T) {
	for _, c := range []struct{ values, typ, date, stamp string }{
		{"31.01.2026|1.2.2026", "DATE", "%d.%m.%Y", ""}, {"01/31/2026|02/01/2026", "DATE", "%m/%d/%Y", ""}, {"31-12-2026", "DATE", "%d-%m-%Y", ""}, {"2026/01/02", "DATE", "%Y/%m/%d", ""},
		{"01/02/2026|03/04/2026", "VARCHAR", "", ""}, {"31/01/2026|01/31/2026", "VARCHAR", "", ""}, {"31.01.2026|31/01/2026", "VARCHAR", "", ""}, {"32.01.2026", "VARCHAR", "", ""}, {"29.02.2025", "VARCHAR", "", ""},
		{"31.01.2026 10:20|01.02.2026 00:00", "TIMESTAMP", "", "%d.%m.%Y %H:%M"}, {"1/31/2026 1:05:00 PM|12/1/2026 12:00:00 am", "TIMESTAMP", "", "%m/%d/%Y %I:%M:%S %p"}, {"31.01.2026 10:20|31.01.2026 10:20:30", "VARCHAR", "", ""},
		{"31.01.2026 24:00", "VARCHAR", "", ""}, {"1/31/2026 13:05 PM", "VARCHAR", "", ""},
	} {
		col := Column{Name: "d"}
		for _, v := range strings.Split(c.values, "|") {
			col.Text(v, Place{})
		}
		if got := col.Decide(true); got.Type != c.typ || got.DateFormat != c.date || got.TimestampFormat != c.stamp {
			t.Errorf("%s: %+v", c.values, got)
		}
	}
}

// A sample leaves room for what was not read, the whole does not.
func TestRoomForMore(t *testing.T) {
	col := Column{Name: "x"}
	for _, v := range []string{"1.25", "1.123456"} {
		col.Text(v, Place{})
	}
	if got := col.Decide(true).Type; got != "DECIMAL(16,6)" {
		t.Errorf("whole: %s", got)
	}
	if got := col.Decide(false).Type; got != "DECIMAL(18,8)" {
		t.Errorf("sample: %s", got)
	}
}

func TestWholeNumbersWithPoint(t *testing.T) {
	col := Column{Name: "customer_id"}
	col.Text("12345.0", Place{})
	if got := col.Decide(true).Type; got != "DECIMAL(12,2)" {
		t.Errorf("without gaps: %s", got)
	}
	col.Text("", Place{})
	if got := col.Decide(true).Type; got != "BIGINT" {
		t.Errorf("with gaps: %s", got)
	}
}

func TestMixedValuesSayWhich(t *testing.T) {
	col := Column{Name: "total"}
	for i := range 1000 {
		col.Text("1.50", Place{Line: int64(i)})
	}
	col.Text("12,50", Place{File: 2, Line: 18})
	d := col.Decide(true)
	if d.Type != "VARCHAR" || !strings.Contains(d.Doubt, `1,000 of 1,001 values are decimal numbers, the others not, as "12,50"`) || !strings.Contains(d.Doubt, "max_rejects") || d.At == nil || *d.At != (Place{2, 18}) {
		t.Errorf("%+v", d)
	}
}

// keysOf counts rows of a file each line: columns by commas, files by semicolons; the last column is the order.
func keysOf(t *testing.T, text string, candidates ...[]int) []*Candidate {
	t.Helper()
	k := NewKeys(candidates)
	for f, file := range strings.Split(text, ";") {
		for row := range strings.FieldsSeq(file) {
			var hashes []uint64
			for v := range strings.SplitSeq(row, ",") {
				var h uint64
				for _, c := range []byte(v) {
					h = h*31 + uint64(c)<<33
				}
				hashes = append(hashes, h)
			}
			k.Row(f, hashes, hashes[len(hashes)-1])
		}
	}
	return k.Found()
}

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		name, rows                  string
		same, within, between, tied int64
		unique                      bool
		found                       int
	}{
		{"unique", "1,a,x 2,b,x", 0, 0, 0, 0, true, 1},
		{"the same entirely", "1,a,x 2,b,x;1,a,x", 1, 0, 0, 0, true, 1},
		{"twice in a file", "1,a,x 1,b,y", 0, 1, 0, 0, false, 1},
		{"again in another", "1,a,x 2,b,x;1,c,y", 0, 0, 1, 0, false, 1},
		{"as old as the other", "1,a,x 2,b,x;1,c,x", 0, 0, 1, 1, false, 1},
		{"with a gap", "1,a,x ,b,x", 0, 0, 0, 0, false, 0},
	} {
		found := keysOf(t, c.rows, []int{0})
		if len(found) != c.found {
			t.Errorf("%s: found %d", c.name, len(found))
			continue
		}
		if len(found) == 0 {
			continue
		}
		if k := found[0]; k.Same != c.same || k.Within != c.within || k.Between != c.between || k.Tied != c.tied || k.Unique() != c.unique {
			t.Errorf("%s: %+v", c.name, k)
		}
	}
	pair := keysOf(t, "1,1,x 1,2,x 2,1,x;3,1,x", []int{0}, []int{0, 1})
	if pair[0].Unique() || !pair[1].Unique() {
		t.Errorf("pairs: %+v %+v", pair[0], pair[1])
	}
}

// A column that is nearly always the same is given up, and the budget ends the looking: memory does not follow the data.
func TestKeysAreBounded(t *testing.T) {
	k := NewKeys([][]int{{0}, {1}})
	for i := range uint64(3_000_000) {
		k.Row(0, []uint64{i<<20 | 1, i%7 + 1}, 0)
	}
	rows, all := k.Rows()
	if all || rows > 2_000_000 {
		t.Errorf("looked at %d rows, all %v", rows, all)
	}
	if found := k.Found(); len(found) != 1 || !slices.Equal(found[0].Columns, []int{0}) || !found[0].Unique() {
		t.Errorf("found %+v", found)
	}
}

// objects is a Reader of {a:1,…} without anything nested or quoted in it.
type objects struct{}

func (objects) Members(object []byte, f func(string, []byte)) {
	for m := range strings.SplitSeq(strings.Trim(string(object), "{}"), ",") {
		key, value, _ := strings.Cut(m, ":")
		f(key, []byte(value))
	}
}
func (objects) Elements([]byte, func([]byte)) {}
func (objects) Unquote(text []byte) string    { return string(text) }

// An object whose members never end is text, and what is kept of it is bounded (promise 5); 65 are keys of a map.
func TestMembersAreBounded(t *testing.T) {
	for _, c := range []struct {
		members int
		want    string
	}{{2, `STRUCT("k0" BIGINT, "k1" BIGINT)`}, {65, "MAP(VARCHAR, BIGINT)"}, {1000, "VARCHAR"}} {
		var b Budget
		col := Column{Name: "o"}
		for i := range c.members {
			col.JSON(objects{}, &b, fmt.Appendf(nil, "{k%d:1}", i), Place{})
		}
		if got := col.Decide(true); got.Type != c.want || len(col.fields) > maxFields {
			t.Errorf("%d members: %s, %d kept", c.members, got.Type, len(col.fields))
		}
	}
	var b Budget
	for i := range 200 {
		col := Column{Name: "o"}
		for j := range 250 {
			col.JSON(objects{}, &b, fmt.Appendf(nil, "{k%d:1}", j), Place{})
		}
		if want := (i+1)*250 > maxNodes; want != (col.Decide(true).Type == "VARCHAR") {
			t.Fatalf("column %d is %s", i, col.Decide(true).Type)
		}
	}
	if b.nodes > maxNodes {
		t.Errorf("%d nodes", b.nodes)
	}
}
