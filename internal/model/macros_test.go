package model

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestMacros(t *testing.T) {
	d := newDuck(t)
	const text = `
-- money
create macro net(total, tax := 0.2) as total / (1 + tax);
CREATE OR REPLACE TEMP MACRO "Odd ""name"(a DECIMAL(12, 2), b VARCHAR := 'x;y') AS a || b;
create function add(a) as a, (a, b) as a + b, (a, b, c) as [a, b, (c)];
create macro if not exists recent(n) as table select *, (n) as n2 from raw.orders o join dims.a.b using (id) where net(o.total) > n;
create macro both(a) as table select a, (from marts.x), (a, b) as table with t as (from raw.y) from t, recent(3);
`
	macros, err := Macros(context.Background(), d, "macros/money.sql", text)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range macros {
		var in []string
		for _, i := range m.Inputs {
			in = append(in, i.Name)
			if !strings.HasPrefix(text[i.Offset:], i.Name) {
				t.Errorf("%s is said to stand at %q", i.Name, text[i.Offset:])
			}
		}
		got = append(got, fmt.Sprintf("%s %v %v %v", m.Name, m.Table, in, m.Macros))
	}
	want := []string{"net false [] []", `Odd "name false [] []`, "add false [] []", "recent true [raw.orders dims.a.b] [net]", "both true [marts.x raw.y] [recent]"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, s := range statements(text) { // what is taken here is taken by DuckDB
		if strings.Contains(text[s.start:s.end], "raw.") {
			continue
		}
		if _, err := d.db.Exec(text[s.start:s.end]); err != nil {
			t.Errorf("%s: %v", text[s.start:s.end], err)
		}
	}
}

func TestMacrosRefused(t *testing.T) {
	d := newDuck(t)
	for _, c := range []struct{ sql, place, message string }{
		{"select 1", "1:1", "only CREATE MACRO"},
		{"create table x(i int)", "1:8", "only CREATE MACRO"},
		{"create or", "1:10", "REPLACE is missing"},
		{"create macro", "1:13", "name is missing"},
		{"create macro x.y() as 1", "1:15", "one part"},
		{"create macro f(a as 1", "1:22", "not closed"},
		{"create macro f(a)", "1:18", "AS is missing"},
		{"create macro f(a) as", "1:21", "body is missing"},
		{"create macro f(a) as ;", "1:21", "body is missing"},
		{"create macro f(a) as , (b) as 1", "1:24", "body is missing"},
		{"create macro f(a := getenv('x')) as a", "1:21", "plain value"},
		{"create macro f(a := current_date) as a", "1:21", "plain value"},
		{"create macro f(a := (select 1)) as a", "1:21", "plain value"},
		{"create macro ok(a) as a;\ncreate macro f(é)\nas getenv(é)", "3:4", "getenv()"},
		{"create macro f(a)\nas\na + now()", "3:5", "now()"},
		{"create macro é(é) as é + now()", "1:26", "now()"},
		{"create macro f() as table from read_csv('x')", "1:32", "read_csv"},
		{"create macro f() as table from 'x.csv'", "1:32", "file x.csv"},
		{"create macro f() as 1), (select getenv('x')", "1:", ""},
		{"create macro f() as 1; attach 'x'", "1:24", "only CREATE MACRO"},
		{"create macro f(a) as a, (a, b) as getenv(a)", "1:35", "getenv()"},
		{"create macro f() as table select 1, (a) as table from glob('*')", "1:55", "glob"},
		{"create macro f() as $x", "1:21", "cannot be used in a macro"},
		{"create macro f() as 1 +", "1:", "syntax error"},
		{"create macro getenv(a) as a", "1:20", "DuckDB's own"},
		{"create macro read_csv(a) as table select 1", "1:22", "DuckDB's own"},
		{"create macro f() as table from g()", "1:32", "g(…)"},
	} {
		_, err := Macros(context.Background(), d, "macros/x.sql", c.sql)
		var one *Mistake
		if !errors.As(err, &one) {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		place := fmt.Sprintf("%d:%d", one.Line, one.Col)
		if !strings.HasPrefix(place, c.place) || !strings.Contains(one.Message, c.message) {
			t.Errorf("%s: %v; want %s %s", c.sql, one, c.place, c.message)
		}
	}
	if _, err := Macros(context.Background(), d, "macros/x.sql", "create macro f() as table from g()", KnownMacros(map[string]bool{"G": true})); err != nil {
		t.Error(err)
	}
}

func TestOrder(t *testing.T) {
	got, err := Order(map[string][]string{"c": {"b", "a"}, "b": {"a", "outside"}, "a": nil, "z": nil, "d": {"c", "c"}})
	if err != nil || strings.Join(got, " ") != "a b c d z" {
		t.Errorf("%v, %v", got, err)
	}
	for want, tables := range map[string]map[string][]string{
		"tables need each other: a -> a":           {"a": {"a"}},
		"tables need each other: b -> c -> d -> b": {"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"b"}},
	} {
		_, err := Order(tables)
		var c *Cycle
		if !errors.As(err, &c) || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
