package locality

import (
	"context"
	"strings"
	"testing"

	"weir/internal/engine/duckdb"
	"weir/internal/model/boundplan"
)

// duck is a session with the tables that the queries of these tests read.
func duck(t *testing.T) *duckdb.Session {
	t.Helper()
	ctx := context.Background()
	e, err := duckdb.Open(ctx, duckdb.Options{Memory: 512 << 20, Threads: 1, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Session(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Exec(ctx, `
		create table d(id integer, k integer, g integer, v integer, t varchar, l integer[], ts timestamp);
		create table s(id integer, k integer, name varchar, v integer);
		create macro twice(x) as x * 2;
		create macro of_k(n) as table select * from d where k = n;
		create view big as select id, k, g, v, l from d where v > 1`); err != nil {
		t.Fatal(err)
	}
	return s
}

func bound(t *testing.T, s *duckdb.Session, sql string) *boundplan.Plan {
	t.Helper()
	p, err := boundplan.Read(context.Background(), s, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return p
}

// queries are SELECTs with what the judgement says of them: why they are not row-local in d ("" where they are), and the
// expressions of the groups by the first column, "!" and the reason where there are none.
var queries = []struct{ sql, local, groups string }{
	{"select k, id, v from d", "", `"k"`},
	{"select * from d", "", `"id"`},
	{"select twice(k) as k, upper(t) from d where v > 1 order by 2", "", `"*"("k", 2)`},
	{"select ts::date as day, v from d where t like 'a%'", "", `CAST("ts" AS DATE)`},
	{"select date_trunc('month', ts), v + 1 from of_k(1)", "", `"date_trunc"('month', "ts")`},
	{"select case when big.v > 1 then d.g else d.k end, t from big join d using (id)", "d is read twice", "!d is read twice, and joined"},
	{"select k, v from big", "", `"k"`},
	{"select g, s.name from d join s on d.k = s.k", "", `"g"`},
	{"select s.k, s.name from d join s on d.k = s.k", "", `"k"`},
	{"select s.name, d.v from d join s on d.k = s.k", "", "!a column of by stems from another input"},
	{"select g, s.name from d left join s on d.k = s.k and d.v > s.v", "", `"g"`},
	{"select s.k, d.v from s left join d on d.k = s.k", "an outer join keeps rows", `"k"`},
	{"select s.name, d.v from s left join d on d.k = s.k", "an outer join keeps rows", "!an outer join keeps rows"},
	{"select d.k, s.name from s left join d on d.k = s.k", "an outer join keeps rows", "!an outer join keeps rows"},
	{"select d.k, s.name from d right join s on d.k = s.k", "an outer join keeps rows", "!an outer join keeps rows"},
	{"select s.k, s.name, sum(v2) from s right join (select k, v as v2 from d) x on x.k = s.k group by all", "sum() puts rows together", "!a column of by stems from another input"},
	{"select coalesce(d.k, s.k), s.name from d full join s on d.k = s.k", "FULL JOIN keeps rows", "!FULL JOIN keeps rows"},
	{"select d.k, s.k from d, s", "", `"k"`},
	{"select d.k from d, s where d.k = s.k and d.id < s.id", "", `"k"`},
	{"select k from d where k in (select k from s)", "", `"k"`},
	{"select k from d where k not in (select k from s)", "", `"k"`},
	{"select k from d where exists (select 1 from s where s.k = d.k and s.v > d.v)", "", `"k"`},
	{"select k from d semi join s using (k)", "", `"k"`},
	{"select k from d anti join s using (k)", "", `"k"`},
	{"select k from s where k in (select k from d)", "d is read by a subquery", "!d is read by a subquery"},
	{"select s.k from s anti join d using (k)", "d is read by a subquery", `"k"`},
	{"select k, (select max(s.v) from s where s.k = d.k) as m from d", "", `"k"`},
	{"select k, (select max(v) from s) as m from d", "", `"k"`},
	{"select k, (select max(v) from d) as m from s", "the answer of a subquery", "!"},
	{"select k, v - (select avg(v) from d) from d", "d is read twice", "!d is read twice"},
	{"select d.k, x.m from d, lateral (select max(v) as m from s where s.k = d.k) x", "", `"k"`},
	{"select d.k, s.name from d asof join s on d.k = s.k and d.v >= s.v", "", `"k"`},
	{"select d.k, s.name from s asof join d on d.k = s.k and s.v >= d.v", "ASOF JOIN looks", "!ASOF JOIN looks"},
	{"select k, unnest(l) from d", "", `"k"`},
	{"select k, u from d, unnest(l) x(u)", "", `"k"`},
	{"select u, k from d, unnest(l) x(u)", "", "!"},
	{"select unnest(l), k from d", "", "!a column of by is computed by unnest()"},
	{"select k, i from d, range(v) r(i)", "", `"k"`},
	{"select k, v from d union all select g, id from d", "", `"k"; "g"`},
	{"select k, v from d union all select k, v from s", "UNION ALL adds rows that do not stem from d", `"k"`},
	{"select k, v from d union select g, id from d", "DISTINCT leaves out", `"k"; "g"`},
	{"select k, v from d except select k, v from s", "DISTINCT leaves out", `"k"`},
	{"select k, v from s intersect all select k, v from d", "INTERSECT compares", `"k"`},
	{"select distinct k, v from d", "DISTINCT leaves out", `"k"`},
	{"select distinct on (k) k, v from d order by k, id", "DISTINCT leaves out", `"k"`},
	{"select distinct on (g) k, v from d order by g, id", "DISTINCT leaves out", "!DISTINCT ON chooses"},
	{"select k, v from d limit 3", "LIMIT counts rows", "!LIMIT counts rows"},
	{"select k, v from (from d order by id limit 3)", "LIMIT counts rows", "!LIMIT counts rows"},
	{"select k, sum(v), count(*) from d group by k", "sum() puts rows together", `"k"`},
	{"select ts::date as day, k, sum(v) from d group by all having count(*) > 1", "count() puts rows together", `CAST("ts" AS DATE)`},
	{"select k from d group by k, g", "GROUP BY puts rows together", `"k"`},
	{"select sum(v), k from d group by k", "sum() puts rows together", "!a column of by is computed by sum()"},
	{"select count(*) from d", "count() puts rows together", "!a column of by is computed by count()"},
	{"select k, g, sum(v) from d group by rollup (k, g)", "sum() puts rows together", "!ROLLUP"},
	{"select k, sum(v) from d group by rollup (k)", "sum() puts rows together", "!ROLLUP"},
	{"select k, g, sum(v) from d group by grouping sets ((k), (k, g))", "sum() puts rows together", `"k"`},
	{"select k, row_number() over (partition by k order by id) from d", "row_number() OVER looks", `"k"`},
	{"select k, sum(v) over (partition by g, k) from d", "sum() OVER looks", `"k"`},
	{"select k % 2, sum(v) over (partition by k) from d", "sum() OVER looks", `"%"("k", 2)`},
	{"select k, sum(v) over () from d", "sum() OVER looks", "!sum() OVER looks at rows of several groups"},
	{"select k, v from d qualify row_number() over (partition by k order by id) = 1", "row_number() OVER looks", `"k"`},
	{"select row_number() over (partition by k order by id), k from d", "row_number() OVER looks", "!a column of by is computed by row_number() OVER"},
	{"with a as (select k, sum(v) as v from d group by k), b as (select k, max(v) as m from d group by k) select a.k, v, m from a join b using (k)", "d is read twice", `"k"; "k"`},
	{"with a as (select k, sum(v) as v from d group by k) select a.k, a.v, b.v from a left join a b on b.k = a.k", "d is read twice", `"k"; "k"`},
	{"with a as (select k, sum(v) as v from d group by k) select a.k, a.v, b.v from a left join a b on b.k = a.k + 1", "d is read twice", "!"},
	{"with a as materialized (select k, v from d) select k, v from a", "", `"k"`},
	{"with recursive r as (select k from d union all select k + 1 from r where k < 3) select k from r", "a recursive CTE", "!a recursive CTE"},
	{"select k, list_transform(l, lambda x: x + v) from d", "", `"k"`},
	{"select list_transform(l, lambda x: x + v), k from d", "", "!column 1 of by is computed in a way"},
	{"select {'a': k}.a, v from d", "", "!column 1 of by is computed in a way"},
	{"select coalesce(k, -1), v in (1, 2), k is null from d where not (k > 3)", "", `COALESCE("k", CAST(-1 AS INTEGER))`},
	{"select d.k, s.name from d positional join s", "POSITIONAL JOIN puts", "!"},
	{"from d pivot (sum(v) for g in (1, 2) group by k)", "sum() puts rows together", `"k"`},
	{"select k, name from s", "d is not among what it reads", "!d is not among what it reads"},
	{"select 1, v from d", "", `1`},
}

func TestJudgements(t *testing.T) {
	s := duck(t)
	for _, c := range queries {
		p := bound(t, s, c.sql)
		got := ""
		if r := RowLocal(p, "D"); r != nil {
			got = strings.ReplaceAll(r.Text, "D", "d")
			if c.local == "" {
				t.Errorf("%s: refused: %s", c.sql, r.Text)
			}
		}
		if low := strings.ToLower(c.local); c.local != "" && !strings.HasPrefix(strings.ToLower(got), low) {
			t.Errorf("%s: %q, want %q", c.sql, got, c.local)
		}
		if got := groupsOf(t, s, p); c.groups == "!" && !strings.HasPrefix(got, "!") || !strings.HasPrefix(got, c.groups) {
			t.Errorf("%s: groups %s, want %s", c.sql, got, c.groups)
		}
	}
}

func groupsOf(t *testing.T, s *duckdb.Session, p *boundplan.Plan) string {
	t.Helper()
	items, r := Groups(p, "d", []int{0})
	if r != nil {
		return "!" + r.Text
	}
	var out []string
	for _, item := range items {
		texts, err := SQL(context.Background(), s, "d", item)
		if err != nil {
			return "!" + err.Error()
		}
		out = append(out, texts[0])
	}
	return strings.Join(out, "; ")
}
