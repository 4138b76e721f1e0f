package model

import (
	"context"
	"errors"
	"slices"
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
	{"select q.*, d.name from keyed q join dim d on d.id = q.k order by k, l limit 3", ""},
	{"select * from (select g, sum(a) as s from t group by g) order by s, g limit 3", ""},
	{"with keyed as (from t) select * from keyed order by k, l limit 3", "write ORDER BY ALL"},
	{"select k, sum(a) as s from keyed group by k order by s, k limit 3", ""},
}

func unwrap(err error) Mistakes {
	var many Mistakes
	errors.As(err, &many)
	return many
}

// keyedTables know of one table with a key, and of a history.
type keyedTables struct{}

func (keyedTables) Key(table string) []string {
	switch table {
	case "keyed", "s.keyed":
		return []string{"k", "l"}
	case "dim":
		return []string{"id"}
	case "past":
		return []string{"id", "valid_from"}
	}
	return nil
}

func (kt keyedTables) Apart(table string, by By) bool {
	if table == "past" && by.Has("id") && (by.True("is_current") || by.Within("valid_from", "valid_to")) {
		return true
	}
	key := kt.Key(table)
	return len(key) > 0 && !slices.ContainsFunc(key, func(k string) bool { return !by.Has(k) })
}

func TestLimitNeedsATotalOrder(t *testing.T) {
	d := newDuck(t)
	for _, c := range totals {
		_, err := Read(context.Background(), d, c.sql, nil, Keys([]string{"ID"}, keyedTables{}))
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

// warnings are statements, and the places and functions of what is warned of.
var warnings = []struct{ sql, want string }{
	{"select first(a), string_agg(b, ',') from t", "1:8 first() 1:18 string_agg()"},
	{"select list(a order by a), first(c order by d, c) from t", ""},
	{"select list(a order by b), first(c order by d) from t", "1:8 list() 1:28 first()"},
	{"select list_sort(list(a)), len(array_agg(b)) from t", ""},
	{"select any_value(a) as x from t group by b", "1:8 any_value()"},
	{"select sum(a), max(b), count(distinct c) from t", ""},
	{"select rank() over (partition by a), sum(a) over (), dense_rank() over (order by b), sum(c) over (order by b) from t", ""},
	{"select arg_max(a, b), max_by(a, b order by c), mode(a), mode(a order by a) from t", "1:8 arg_max() 1:23 max_by() 1:48 mode()"},
	{"select arg_max(a, (b, t)), arg_max(a, row(b, a)), min_by(b, b) from t", ""},
	{"select g, arg_max(a, k), first(a order by l, k) from keyed group by g", "1:11 arg_max()"},
	{"select l, arg_max(a, k) from keyed group by all", ""},
	{"select k, any_value(d.name), any_value(a) from keyed join dim d on d.id = k group by k", "1:30 any_value()"},
	{"select k, any_value(d.name) from keyed left join dim d on d.id = k group by rollup (k)", "1:11 any_value()"},
	{"from t pivot (first(a) for b in ('x'))", "1:15 first()"},
	// Windows over a table without a key.
	{"select *, row_number() over (partition by a order by b) from t", "1:11 row_number()"},
	{"select a, c from t qualify row_number() over (partition by a order by b) = 1", "1:28 row_number()"},
	{"select a, b, 1 as one, upper(b) as u from t qualify row_number() over (partition by a order by b) = 1", ""},
	{"select a, b, row_number() over (partition by a order by b) as r from t qualify r <= 3", ""},
	{"select *, row_number() over (order by b, t) as r from t", ""},
	{"select *, row_number() over w as r, lag(a) over w, ntile(4) over w from t window w as (order by a)", "1:11 row_number() 1:37 lag() 1:52 ntile()"},
	{"select *, first_value(b) over (partition by a order by b), last_value(c) over (partition by a order by b) from t", "1:60 last_value()"},
	{"select *, nth_value(b, 2) over (partition by a order by b rows 3 preceding) from t", "1:11 nth_value()"},
	{"select *, list(c) over (partition by a), arg_max(c, b) over (partition by a), list(a) over (partition by a) from t", "1:11 list() 1:42 arg_max()"},
	{"select *, first_value(c order by c) over (partition by a) from t", ""},
	{"select *, sum(c) over (order by a rows between 6 preceding and current row), sum(c) over (order by a range 3 preceding) from t", "1:11 sum()"},
	{"select *, sum(c) over (order by a rows between unbounded preceding and unbounded following) from t", ""},
	{"select *, count(*) over (rows 1 preceding) from t", "1:11 count()"},
	// The key of keyed is k and l, that of dim is id; past keeps versions.
	{"select *, row_number() over (partition by l order by a, k) as r from keyed", ""},
	{"select *, row_number() over (partition by l order by a) as r from keyed", "1:11 row_number()"},
	{"select k as x, row_number() over (order by x, l::varchar) from s.keyed q where a > 3", ""},
	{"select *, row_number() over (order by l) from keyed where k = 3", ""},
	{"select *, row_number() over (order by l) from keyed where k = 3 or k = 4", "1:11 row_number()"},
	{"select *, lag(a) over (order by q.k, q.l) from keyed q join dim d on q.k = d.id", ""},
	{"select *, lag(a) over (order by q.k, q.l) from keyed q left join dim d on q.k = d.id and d.x > 3", ""},
	{"select *, lag(a) over (order by d.id, l) from keyed q join dim d on q.k = d.id", ""},
	{"select *, lag(a) over (order by d.id, l) from keyed q left join dim d on q.k = d.id", "1:11 lag()"},
	{"select *, lag(a) over (order by id, l) from keyed q join dim d using (id)", "1:11 lag()"},
	{"select *, lag(a) over (order by k, l) from keyed q join dim d on q.x = d.id", ""},
	{"select *, lag(a) over (order by k, l) from keyed q, dim d", "1:11 lag()"},
	{"select *, lag(a) over (order by k, l) from keyed q, dim d where d.id = upper(q.x)", ""},
	{"select *, lag(a) over (order by k, l) from keyed where x in (select a from t)", ""},
	{"select *, lag(a) over (order by k, l) from keyed semi join t using (a)", ""},
	{"select *, lag(a) over (order by k, l) from keyed join past p on p.id = k and p.is_current", ""},
	{"select *, lag(a) over (order by k, l) from keyed join past p on p.id = k", "1:11 lag()"},
	{"select *, lag(a) over (order by k, l) from keyed join past p on p.id = k and ts >= valid_from and (ts < valid_to or valid_to is null)", ""},
	{"select *, lag(a) over (order by k, l, d) from keyed, range(3) g(d)", ""},
	{"select *, lag(a) over (order by k, l) from keyed join (values ('a', 1), ('b', 2)) v(code, n) on code = a", ""},
	{"select *, lag(a) over (order by k, l) from keyed join (values ('a', 1), ('a', 2)) v(code, n) on code = a", "1:11 lag()"},
	{"select *, lag(a) over (order by k, l) from keyed asof join dim on keyed.ts >= dim.id", ""},
	{"select a, b, name from t asof join dim on t.ts >= dim.id", ""},
	{"select t.a, q.x from t asof join keyed q on t.k = q.k and t.ts >= q.l", ""},
	{"select t.a, q.x from t asof left join keyed q on t.ts >= q.l", "1:24 ASOF"},
	{"select * from t asof join keyed using (k, l)", ""},
	{"select * from t asof join u using (k, ts)", "1:17 ASOF"},
	{"select * from t asof join past p on p.id = t.id and t.ts >= p.valid_from", ""},
	{"select * from t asof join (select id, max(ts) as ts from u group by id) p on p.id = t.id and t.ts >= p.ts", ""},
	// What a subquery, a CTE or GROUP BY gives.
	{"select g, sum(a) as s, row_number() over (order by sum(a) desc) as r from t group by g", "1:24 row_number()"},
	{"select g, sum(a) as s, row_number() over (order by sum(a) desc, g) as r from t group by 1", ""},
	{"select g, sum(a) as s, sum(sum(a)) over (order by g rows 6 preceding) as r from t group by g", ""},
	{"with s as (select a as g, sum(b) as s from t group by 1) select *, row_number() over (order by s, g) from s", ""},
	{"with s(x, y) as (select a as g, sum(b) as s from t group by 1) select *, row_number() over (order by x) from s q", ""},
	{"with s(x, y) as (select a as g, sum(b) as s from t group by 1) select *, row_number() over (order by y) from s q", "1:74 row_number()"},
	{"with s as (select k as x, l from keyed), u as (select x, l, 3 as z from s) select *, lag(z) over (partition by x order by l) from u", ""},
	{"with s as (select distinct a, b from t) select *, lag(a) over (partition by b order by a) from s", ""},
	{"with s as (select a, b from t union select a, b from u) select *, lag(a) over (partition by b order by a) from s", ""},
	{"with s as (select a, b from t union all select a, b from u) select a, b, lag(a) over (partition by b order by a) from s", ""},
	{"with s as (select a, b, c from t union all select a, b, c from u) select *, lag(a) over (partition by b order by a) from s", "1:77 lag()"},
	{"with s as (select 'x' as f, k, l from keyed union all select 'y', id, 1 from dim) select *, lag(l) over (order by f, k, l) from s", ""},
	{"with s as (select 'x' as f, k, l from keyed union all select 'x', id, 1 from dim) select f, lag(l) over (order by f, k) from s", "1:93 lag()"},
	{"with s as (from t qualify row_number() over (partition by a order by t) = 1) select *, lag(c) over (order by a) from s", ""},
	{"with s as (select *, row_number() over (partition by a order by t) as rn from t) select *, lag(c) over (order by a) from s where rn = 1", ""},
	{"with s as (select *, row_number() over (partition by a order by t) as rn from t) select *, lag(c) over (order by a) from s where rn < 3", "1:92 lag()"},
	{"with keyed as (from t) select *, lag(a) over (order by k, l) from keyed", "1:34 lag()"},
	{"with s as (select k, l, unnest(x) as x from keyed) select *, lag(x) over (order by k, l) from s", "1:62 lag()"},
	{"select *, lag(l) over (order by k) from (select * exclude (a) from keyed) where l = 1", ""},
	{"select (select arg_max(a, l) from keyed i where i.k = o.k) from t o", ""},
	{"select (select arg_max(a, l) from keyed i where i.k > o.k) from t o", "1:16 arg_max()"},
	{"with recursive r as (select 1 as x union all select x + 1 from r where x < 3) select x, lag(y) over (order by x) from r", "1:89 lag()"},
	// What may never end.
	{"with recursive c as (select id from t where boss is null union all select t.id from t join c on t.boss = c.id) from c", "1:16 the"},
	{"with recursive c as (select id from t where boss is null union select t.id from t join c on t.boss = c.id) from c", ""},
	{"with recursive e as (select 1 as a union all select 2), c as (select id, 0 as d from t union all select t.id, d + 1 from t join c on t.boss = c.id where d < 9) from c, e", ""},
	{"with recursive c as (select id from t union all select t.id from t join c on t.boss = c.id where t.kind = 'x') from c", "1:16 the"},
	{"with recursive c as (select id, [id] as way from t union all select t.id, [t.id] from t join c on t.boss = c.id and not list_contains(c.way, t.id)) from c", ""},
	{"with recursive c as (select parts from t union all select unnest(parts) from c) from c", ""},
	{"with recursive c as (select parts from t union all select p.parts from c, unnest(c.parts) u(p)) from c", ""},
	{"with recursive c as (select 1 as x union all select x * 2 + i from c, range(2) r(i)) from c", "1:16 the"},
	// DISTINCT ON.
	{"select distinct on (a) a, b from t order by a, b", ""},
	{"select distinct on (a) a, b, c from t order by a, b", "1:8 DISTINCT"},
	{"select distinct on (k) * from keyed order by k, a desc, l", ""},
	{"select distinct on (k) * from keyed order by k, a desc", "1:8 DISTINCT"},
}

func TestWarnings(t *testing.T) {
	d := newDuck(t)
	for _, c := range warnings {
		st, err := Read(context.Background(), d, c.sql, nil, Keys([]string{"ID"}, keyedTables{}))
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		var got []string
		for _, w := range st.Warnings {
			place, rest, _ := strings.Cut(w.Error(), ": ")
			got = append(got, place, strings.Fields(rest)[0])
			if w.Hint == "" {
				t.Errorf("%s: no hint", c.sql)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", c.sql, st.Warnings, c.want)
		}
	}
	for _, sql := range []string{"select arg_max(a, b), lag(a) over (order by b) from t", "select distinct on (a) a, b, c from t order by a, b"} {
		if st, err := Query(context.Background(), d, sql); err != nil || len(st.Warnings) > 0 {
			t.Errorf("a person's query: %v %v", err, st.Warnings)
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
