package profile

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestColumns(t *testing.T) {
	p, d := of(t, `SELECT i AS id, (i % 7)::INTEGER AS day, CASE WHEN i % 10 = 0 THEN NULL ELSE (i * 1.5)::DECIMAL(12,2) END AS price,
		['red', 'green', 'blue'][(i % 3)::INTEGER + 1] AS colour, 'AB-' || (1000 + i) AS code, DATE '2026-01-01' + (i % 400)::INTEGER AS on_day,
		i % 2 = 0 AS even, CASE i % 4 WHEN 0 THEN '' WHEN 1 THEN '  ' ELSE 'x' || i END AS note
		FROM range(5000) r(i)`)
	if p.Rows != 5000 || !p.Whole() {
		t.Errorf("%d rows, %d looked at", p.Rows, p.Looked)
	}
	if len(d.asked) != 4 {
		t.Errorf("%d queries, want count, look, frequencies, sums:\n%s", len(d.asked), strings.Join(d.asked, "\n"))
	}
	id := p.column(t, "id")
	if id.Distinct != 5000 || !id.DistinctExact || id.Number.Mean != 2499.5 || *id.Min != "0" || *id.Max != "4999" || id.Number.Zeros != 1 {
		t.Errorf("id: %+v %+v", id, id.Number)
	}
	if want := math.Sqrt((5000*5000 - 1) / 12.0); math.Abs(*id.Number.StdDev-want) > 1e-6 {
		t.Errorf("deviation of id %v, want %v", *id.Number.StdDev, want)
	}
	if q := id.Quantiles[2]; q.Q != 0.5 || q.Value != 2499 {
		t.Errorf("median of id %+v", q)
	}
	day := p.column(t, "day")
	if !day.Listed || len(day.Top) != 7 || len(day.Histogram) != 7 || day.Histogram[0].Count != 715 || day.Top[0].Count != 715 {
		t.Errorf("day: %+v", day)
	}
	price := p.column(t, "price")
	if price.Missing != 500 || price.Completeness != 0.9 || price.Distinct != 4500 || *price.Max != "7498.50" {
		t.Errorf("price: %+v", price)
	}
	colour := p.column(t, "colour")
	if colour.Distinct != 3 || colour.Text.MinLength != 3 || colour.Text.MaxLength != 5 || *colour.Min != "blue" || *colour.Max != "red" {
		t.Errorf("colour: %+v %+v", colour, colour.Text)
	}
	code := p.column(t, "code")
	if len(code.Patterns) != 1 || code.Patterns[0].Value != "AA-9999" || code.Meaning == nil || code.Meaning.Kind != "identifier" {
		t.Errorf("code: %+v %+v", code.Patterns, code.Meaning)
	}
	if on := p.column(t, "on_day"); *on.Min != "2026-01-01" || *on.Max != "2027-02-04" || len(on.Histogram) != bins {
		t.Errorf("on_day: %+v", on)
	}
	note := p.column(t, "note")
	if note.Text.Empty != 1250 || note.Text.Blank != 1250 || note.Distinct != 2502 {
		t.Errorf("note: %+v %+v", note, note.Text)
	}
	if c := p.Correlations[0]; c.A != "id" || c.B != "price" || c.R < 0.999 {
		t.Errorf("correlations: %+v", p.Correlations[:2])
	}
}

// A column is told of alike whether it was summed up or counted value by value.
func TestBothWaysTellTheSame(t *testing.T) {
	query := "SELECT CASE WHEN i %% 9 = 0 THEN NULL ELSE ((i * 7919) %% %d - 20)::DOUBLE / 4 END AS v, 'k' || (i %% %d) AS k FROM range(4000) r(i)"
	few, _ := of(t, fmt.Sprintf(query, 190, 190))
	p, d := of(t, fmt.Sprintf(query, 190, 190))
	if !few.Columns[0].Listed {
		t.Fatal("not counted by value")
	}
	for i := range p.Columns {
		p.Columns[i] = Column{Name: p.Columns[i].Name, Type: p.Columns[i].Type, Kind: p.Columns[i].Kind}
	}
	m := &profiler{q: d, relation: "t", out: p, looks: make([]look, 2)}
	p.Looked = 0
	if err := m.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.summed(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Correlations = nil
	m.settle()
	for i := range p.Columns {
		a, b := few.Columns[i], p.Columns[i]
		if a.Missing != b.Missing || a.Distinct != b.Distinct || *a.Min != *b.Min || *a.Max != *b.Max || a.Top[0] != b.Top[0] {
			t.Errorf("%s: %+v and %+v", a.Name, a, b)
		}
		if x, y := a.Number, b.Number; x != nil && (math.Abs(x.Mean-y.Mean) > 1e-9 || math.Abs(*x.StdDev-*y.StdDev) > 1e-9 || x.Zeros != y.Zeros || x.Negative != y.Negative || x.Count != y.Count) {
			t.Errorf("%s: %+v and %+v", a.Name, x, y)
		}
		if x, y := a.Text, b.Text; x != nil && *x != *y {
			t.Errorf("%s: %+v and %+v", a.Name, x, y)
		}
		if fmt.Sprint(a.Histogram) != fmt.Sprint(b.Histogram) || fmt.Sprint(a.Quantiles) != fmt.Sprint(b.Quantiles) {
			t.Errorf("%s: %v and %v", a.Name, a.Histogram, b.Histogram)
		}
	}
}

// Of many rows some are looked at: figures of all rows stay exact, and what is estimated comes near.
func TestManyRowsAreEstimated(t *testing.T) {
	p, _ := of(t, "SELECT i AS id, (hash(i) % 120000)::BIGINT AS customer, i % 3 AS few, (i % 1000) / 10.0 AS v FROM range(1500000) r(i)")
	if p.Looked < 10_000 || p.Looked > 40_000 {
		t.Errorf("%d rows looked at", p.Looked)
	}
	near := func(what string, got, want, off float64) {
		if math.Abs(got-want) > off*math.Abs(want) {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	id := p.column(t, "id")
	near("different ids", float64(id.Distinct), 1.5e6, 0.03)
	near("mean id", id.Number.Mean, 749999.5, 1e-12)
	near("median id", id.Quantiles[2].Value, 750000, 0.05)
	if id.DistinctExact || !id.Estimated || *id.Max != "1499999" || id.Meaning == nil || id.Meaning.Kind != "identifier" {
		t.Errorf("id: %+v", id)
	}
	near("different customers", float64(p.column(t, "customer").Distinct), 120000, 0.03)
	if few := p.column(t, "few"); !few.Listed || few.Estimated || few.Top[0].Count != 500000 {
		t.Errorf("few: %+v", few)
	}
	var all int64
	for _, b := range p.column(t, "v").Histogram {
		all += b.Count
	}
	near("rows of the histogram", float64(all), 1.5e6, 0.001)
}

// A column that the rows looked at show as one of few values may have many: sorted, with a long tail.
func TestMoreValuesThanSeen(t *testing.T) {
	p, _ := of(t, "SELECT CASE WHEN i < 1496000 THEN 0 ELSE i END AS v FROM range(1500000) r(i)")
	v := p.column(t, "v")
	if v.Missing != 0 || *v.Max != "1499999" || v.Distinct != 4001 {
		t.Errorf("%+v", v)
	}
}

func TestOddInput(t *testing.T) {
	huge := "repeat('y', 10000000)"
	for _, c := range []struct {
		name, query string
		check       func(t *testing.T, p *Profile)
	}{
		{"no rows", "SELECT 1 AS a, 'x' AS b, [1] AS l WHERE false", func(t *testing.T, p *Profile) {
			if p.Rows != 0 || p.Columns[0].Completeness != 0 || p.Columns[0].Number != nil {
				t.Errorf("%+v", p.Columns[0])
			}
		}},
		{"one row", "SELECT 1 AS a, 'x' AS b", func(t *testing.T, p *Profile) {
			if a := p.Columns[0]; a.Distinct != 1 || *a.Number.StdDev != 0 || len(a.Histogram) != 1 {
				t.Errorf("%+v", a)
			}
		}},
		{"all null", "SELECT NULL::INTEGER AS a, NULL::VARCHAR AS b, NULL::DATE AS c, NULL::INTEGER[] AS d FROM range(3)", func(t *testing.T, p *Profile) {
			for _, c := range p.Columns {
				if c.Missing != 3 || c.Distinct != 0 || c.Number != nil || c.Text != nil || c.Min != nil || c.Meaning != nil {
					t.Errorf("%+v", c)
				}
			}
		}},
		{"NaN and infinity", "SELECT unnest(['NaN'::DOUBLE, 'Infinity'::DOUBLE, '-Infinity'::DOUBLE, 1, 3, NULL]) AS a", func(t *testing.T, p *Profile) {
			if n := p.Columns[0].Number; n.NaN != 1 || n.Infinite != 2 || n.Count != 2 || n.Mean != 2 || n.Max != 3 || *p.Columns[0].Max != "3.0" {
				t.Errorf("%+v", n)
			}
		}},
		{"many NaN", "SELECT CASE WHEN i % 2 = 0 THEN 'NaN'::DOUBLE ELSE i END AS a FROM range(3000) r(i)", func(t *testing.T, p *Profile) {
			if n := p.Columns[0].Number; n.NaN != 1500 || n.Count != 1500 || n.Max != 2999 || n.StdDev == nil {
				t.Errorf("%+v", n)
			}
		}},
		{"more than a deviation holds", "SELECT CASE WHEN i % 2 = 0 THEN -1.7e308 + i ELSE 1.7e308 - i END AS a, i AS b FROM range(3000) r(i)", func(t *testing.T, p *Profile) {
			if p.Columns[0].Number.StdDev != nil || p.Columns[1].Number.Max != 2999 {
				t.Errorf("%+v", p.Columns[0].Number)
			}
		}},
		{"infinite times", "SELECT unnest(['infinity'::TIMESTAMP, '2026-03-01'::TIMESTAMP, NULL]) AS a", func(t *testing.T, p *Profile) {
			if a := p.Columns[0]; *a.Max != "2026-03-01 00:00:00" || a.Distinct != 2 {
				t.Errorf("%+v", a)
			}
		}},
		{"texts of 10 MB", "SELECT i, " + huge + " || i AS a FROM range(5) r(i)", func(t *testing.T, p *Profile) {
			if a := p.Columns[1]; a.Text.MaxLength != 10_000_001 || len(*a.Max) > clip || len(a.Top[0].Value) > clip {
				t.Errorf("%+v", a.Text)
			}
		}},
		{"nested and binary", `SELECT {'a': i, 'b': 'x'} AS s, [i, i + 1] AS l, MAP {'k': i} AS m, 'abc'::BLOB AS b, [{'x': [i]}] AS deep,
			INTERVAL 1 DAY AS iv, uuid() AS u, TIME '12:00:00' AS t, '101'::BIT AS bits, i::UHUGEINT AS h, 'a'::ENUM('a', 'b') AS e,
			TIMESTAMPTZ '2026-03-01 00:00:00+00' AS z FROM range(4) r(i)`, func(t *testing.T, p *Profile) {
			if l, b := p.column(t, "l"), p.column(t, "b"); l.Text.MaxLength != 2 || b.Text.MinLength != 3 || l.Distinct != 4 || p.column(t, "s").Distinct != 4 {
				t.Errorf("%+v %+v", l, b)
			}
			if u := p.column(t, "u"); u.Meaning != nil && u.Meaning.Personal || u.Distinct != 4 {
				t.Errorf("%+v", u)
			}
		}},
		{"names", `SELECT 1 AS "a ""b"" c", 'x' AS "select", 2 AS "ä'"`, func(t *testing.T, p *Profile) {
			if p.Columns[0].Distinct != 1 || p.Columns[2].Distinct != 1 {
				t.Errorf("%+v", p.Columns)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, _ := of(t, c.query)
			c.check(t, p)
			if _, err := json.Marshal(p); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestManyColumns(t *testing.T) {
	var items []string
	for i := range 1500 {
		items = append(items, fmt.Sprintf("(i * %d) %% 1009 AS c%d", i+1, i))
	}
	p, d := of(t, "SELECT "+strings.Join(items, ", ")+" FROM range(100) r(i)")
	if len(p.Columns) != 1500 || p.Columns[1499].Number == nil || p.Columns[1499].Distinct == 0 {
		t.Errorf("%+v", p.Columns[1499])
	}
	if len(d.asked) > 70 {
		t.Errorf("%d queries", len(d.asked))
	}
}

// Properties of histogram and quantiles, for any values.
func TestSpread(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		places := rapid.SliceOfN(rapid.Float64(), 1, 60).Draw(t, "places")
		c := Column{Kind: Numbers, Type: "DOUBLE"}
		var values []frequency
		var total int64
		for i, at := range places {
			n := int64(i%3 + 1)
			values = append(values, frequency{place: at, count: n})
			if !math.IsInf(at, 0) && !math.IsNaN(at) {
				total += n
			}
		}
		c.spread(values)
		var sum int64
		for i, b := range c.Histogram {
			sum += b.Count
			if b.From > b.To || math.IsNaN(b.From) || math.IsInf(b.To, 0) || i > 0 && b.From < c.Histogram[i-1].From {
				t.Fatalf("bins %+v", c.Histogram)
			}
		}
		if sum != total {
			t.Fatalf("%d values in the histogram of %d", sum, total)
		}
		for i, q := range c.Quantiles {
			if i > 0 && q.Value < c.Quantiles[i-1].Value {
				t.Fatalf("quantiles %+v", c.Quantiles)
			}
		}
	})
}
