package model

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// totals are statements with a LIMIT, and the hint where its order is not total ("" where it is).
var totals = []struct{ sql, hint string }{
	{"select a, b from t order by a, b limit 3", ""},
	{"select a, b from t order by b desc nulls first, 1 limit 3", ""},
	{"select a, b + 1 as c from t order by c, a limit 3", ""},
	{"select a, b + 1 from t order by a, B + 1 limit 3 offset 1", ""},
	{"select * from t order by all limit 3", ""},
	{"select a, 'x' as x from t order by a limit 3", ""},
	{"select a, b from t order by a limit 3", "add to ORDER BY: b"},
	{"select a, b + 1, c as d from t order by a limit 3", "add to ORDER BY: 2, d"},
	{"select a, b from t order by a + b limit 3", "add to ORDER BY: a, b"},
	{"select * from t order by a limit 3", "write ORDER BY ALL"},
	{"select a.*, b from t a order by b limit 3", "write ORDER BY ALL"},
	{"select * from t order by columns('a.*') limit 3", "write ORDER BY ALL"},
	{"select a from t limit 3", "write ORDER BY ALL before it"},
	{"select a from t offset 3", "write ORDER BY ALL before it"},
	{"select max(a), count(*) + 1 from t limit 1", ""},
	{"select max(a) from t group by all limit 1", ""},
	{"select max(a) + b from t group by all limit 1", "write ORDER BY ALL before it"},
	{"select unnest(list(a order by a)) from t limit 1", "write ORDER BY ALL before it"},
	{"select max(a) over (), b from t limit 1", "write ORDER BY ALL before it"},
	{"select g, sum(a) as s from t group by g order by s desc, g limit 3", ""},
	{"select g, sum(a) as s from t group by g order by s desc limit 3", "add to ORDER BY: g"},
	{"select ts::date as day, sum(a) as s from t group by 1 order by 1 limit 3", ""},
	{"select ts::date as day, sum(a) as s from t group by day order by ts::date limit 3", ""},
	{"select g, h, sum(a) as s from t group by all order by g, h limit 3", ""},
	{"select g, h, sum(a) as s from t group by all order by g limit 3", "add to ORDER BY: h, s"},
	{"select g, h + sum(a) as s from t group by all order by g limit 3", "add to ORDER BY: s"},
	{"select g, sum(a) as s from t group by rollup (g) order by g limit 3", "add to ORDER BY: s"},
	{"select g, unnest([1, 1]) as u, sum(a) as s from t group by g order by g limit 3", "add to ORDER BY: u, s"},
	{"select distinct on (g) g, a from t order by g, a limit 3", ""},
	{"select * from (select a from t order by b limit 3)", "add to ORDER BY: a"},
	{"with x as (select a from t limit 3) select a from x", "write ORDER BY ALL before it"},
	{"select a from t union select a from u order by a limit 3", ""},
	{"select a, 1 as b from t union all select a, 2 from u order by a limit 3", "add to ORDER BY: b"},
	{"select * from t union select * from u order by 1 limit 3", "write ORDER BY ALL"},
	{"from t order by all limit 10%", ""},
	{"select a from t where exists (select 1 from u limit 1) order by a limit 3", ""},
	{"select (select max(b) from u limit 1) as m from t", ""},
	{"select (select b from u limit 1) as m from t", "write ORDER BY ALL before it"},
	// The key of the definition is id, that of keyed is k and l.
	{"select id, a from t order by a, id limit 3", ""},
	{"select a as id, b from t order by id limit 3", ""},
	{"select * from t order by a, t.id limit 3", ""},
	{"select a, b from t order by id limit 3", "add to ORDER BY: a, b"},
	{"select * from (select id, a from t order by id limit 3)", "add to ORDER BY: a"},
	{"select * from keyed order by a desc, k, l limit 3", ""},
	{"select k as x, l, a from keyed q order by x, q.l limit 3", ""},
	{"select * from keyed order by k limit 3", "write ORDER BY ALL"},
	{"select a as l, k, b from keyed order by k, l limit 3", "add to ORDER BY: b"},
	{"select k, l, unnest(a) as u from keyed order by k, l limit 3", "add to ORDER BY: u"},
	{"select q.* from keyed q join t using (k) order by k, l limit 3", "write ORDER BY ALL"},
	{"with keyed as (from t) select * from keyed order by k, l limit 3", "write ORDER BY ALL"},
	{"select k, sum(a) as s from keyed group by k order by s, k limit 3", ""},
}

func unwrap(err error) Mistakes {
	var many Mistakes
	errors.As(err, &many)
	return many
}

func keysOfTest(table string) []string {
	if table == "keyed" {
		return []string{"k", "l"}
	}
	return nil
}

func TestLimitNeedsATotalOrder(t *testing.T) {
	d := newDuck(t)
	for _, c := range totals {
		_, err := Read(context.Background(), d, c.sql, nil, Keys([]string{"ID"}, keysOfTest))
		if c.hint == "" {
			if err != nil {
				t.Errorf("%s: %v", c.sql, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s: taken", c.sql)
			continue
		}
		if all := unwrap(err); len(all) != 1 || !strings.HasPrefix(all[0].Hint, c.hint) || !strings.Contains(all[0].Message, "LIMIT") {
			t.Errorf("%s: %+v, want %q", c.sql, all, c.hint)
		}
	}
	if _, err := Query(context.Background(), d, "select a from t limit 3"); err != nil {
		t.Errorf("a person's query: %v", err)
	}
}

func TestRowsInNoOrder(t *testing.T) {
	d := newDuck(t)
	for _, c := range []struct{ sql, place, message string }{
		{"select distinct on (a) a, b from t", "1:8", "DISTINCT ON keeps another row"},
		{"select distinct on (a) a, b from t order by a", "1:8", "DISTINCT ON keeps another row"},
		{"select a, row_number() over (partition by b) from t", "1:11", "row_number() OVER without ORDER BY"},
		{"select a, lag(b) over () from t", "1:11", "lag() OVER without ORDER BY"},
		{"select a from t qualify first_value(b) over (partition by a) = 1", "1:25", "first_value() OVER without ORDER BY"},
	} {
		_, err := Read(context.Background(), d, c.sql, nil)
		if err == nil {
			t.Errorf("%s: taken", c.sql)
			continue
		}
		all := unwrap(err)
		if got := all[0]; len(all) != 1 || !strings.HasPrefix(got.Error(), c.place+": "+c.message) || got.Hint == "" {
			t.Errorf("%s: %+v", c.sql, all)
		}
	}
}

func TestWarnings(t *testing.T) {
	d := newDuck(t)
	for _, c := range []struct{ sql, want string }{
		{"select first(a), string_agg(b, ',') from t", "1:8 first() 1:18 string_agg()"},
		{"select list(a order by b), first(c order by d) from t", ""},
		{"select list_sort(list(a)), len(array_agg(b)) from t", ""},
		{"select any_value(a) as x from t group by b", "1:8 any_value()"},
		{"select sum(a), max(b), count(distinct c) from t", ""},
		{"select rank() over (partition by a), sum(a) over () from t", ""},
	} {
		st, err := Read(context.Background(), d, c.sql, nil)
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		var got []string
		for _, w := range st.Warnings {
			place, rest, _ := strings.Cut(w.Error(), ": ")
			got = append(got, place, strings.Fields(rest)[0])
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", c.sql, st.Warnings, c.want)
		}
	}
}

// TestVolatileFunctions asks DuckDB which functions are not the same for the same arguments, and finds each of them refused.
func TestVolatileFunctions(t *testing.T) {
	d := newDuck(t)
	var list string
	err := d.db.QueryRow("SELECT string_agg(DISTINCT function_name, ' ') FROM duckdb_functions() WHERE stability <> 'CONSISTENT' AND function_type IN ('scalar', 'aggregate')").Scan(&list)
	names := strings.Fields(list)
	if err != nil || len(names) < 10 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		if name == "error" {
			continue // ends the query, the same every time
		}
		if _, err := Read(context.Background(), d, "select "+name+"()", nil); err == nil {
			t.Errorf("%s() is taken", name)
		}
	}
}
