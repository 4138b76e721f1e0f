package model

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func meaningOf(t testing.TB, p Parser, sql string) (text, tree string) {
	t.Helper()
	st, err := Read(t.Context(), p, sql, nil)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return st.Text, st.Tree
}

// TestTreeIsOfTheMeaning: what SQL may be written as, and what is another statement.
func TestTreeIsOfTheMeaning(t *testing.T) {
	p := newDuck(t)
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"select a from r.t", "SELECT\n  A -- note\nFROM R.T /* x */", true},
		{"select a::int as x from r.t", "select cast(a as integer) x from r.t", true},
		{"select a from r.t where a != 1", "select (a) from r.t where (a <> 1)", true},
		{"select t.a from r.t join r.u using (a)", "select T.A from r.t t inner join r.u using(A)", false}, // another name of a table's
		{"select o.a from r.t o join r.u using (a)", "select O.A from r.t as O inner join r.u using(A)", true},
		{"with c as (select 1 as a) select a from c", "WITH C AS (SELECT 1 AS a) SELECT a FROM C", true},
		{"select SUM(a) as s from r.t", "select sum(a) as s from r.t", true},
		{"select extract(YEAR from d) as y from r.t", "select extract(year from d) as y from r.t", true},
		{"select a as x from r.t", "select a as X from r.t", false},
		{"select {'a': 1} as s", "select {'A': 1} as s", false},
		{`select 'A  b' as x`, `select 'A b' as x`, false},
		{"select a from r.t order by a", "select a from r.t order by a limit 5", false},
		{"select a from r.t", "select distinct a from r.t", false},
		{"select a, b from r.t", "select b, a from r.t", false},
		{"select a from r.t where a < 1", "select a from r.t where a <= 1", false},
		{"select 1 as a union all select 2", "select 1 as a union select 2", false},
		{"select a from r.t order by a", "select a from r.t order by a desc", false},
		{"select $x as a", "select $y as a", false},
		{"select a::decimal(12,2) as a from r.t", "select a::decimal(12,3) as a from r.t", false},
		{"select 1.50 as a", "select 1.5 as a", false},
	} {
		_, a := meaningOf(t, p, c.a)
		_, b := meaningOf(t, p, c.b)
		if (a == b) != c.same {
			t.Errorf("%s\n%s\nmean the same: %t\n%s\n%s", c.a, c.b, a == b, a, b)
		}
	}
}

// TestLayoutMeansNothing writes statements anew with other gaps, comments and case of keywords.
func TestLayoutMeansNothing(t *testing.T) {
	p := newDuck(t)
	statements := []string{
		`select o . id , sum ( total ) filter ( where total > 0 ) as "Sum" , 'x -- y' as note from raw . orders as o where o . ts < $run_time group by all order by 2 desc`,
		`with big as ( select * from raw . orders where total > 1e3 ) select id , row_number ( ) over ( partition by store order by ts ) as n from big qualify n = 1`,
		`select case when a is null then $$ it''s $$ else 'no' end as t , [ 1 , 2 ] as l , { 'k' : 1 } as s from raw . a left join raw . b using ( id ) union all select null , [ ] , null`,
	}
	keywords := map[string]bool{}
	for _, k := range strings.Fields("select sum filter where as from group by all order desc with row_number over partition qualify case when is null then else end left join using union") {
		keywords[k] = true
	}
	gaps := []string{" ", "\n", "\t ", " -- a comment, 'with' signs\n", " /* one /* in */ another */ ", "\r\n"}
	want := map[string]string{}
	rapid.Check(t, func(rt *rapid.T) {
		sql := rapid.SampledFrom(statements).Draw(rt, "statement")
		var b strings.Builder
		for _, word := range splitTokens(sql) {
			if keywords[word] && rapid.Bool().Draw(rt, "upper") {
				word = strings.ToUpper(word)
			}
			b.WriteString(word + rapid.SampledFrom(gaps).Draw(rt, "gap"))
		}
		b.WriteString(rapid.SampledFrom([]string{"", ";", " ; -- end"}).Draw(rt, "end"))
		st, err := Read(t.Context(), p, b.String(), nil)
		if err != nil {
			rt.Fatalf("%q: %v", b.String(), err)
		}
		if want[sql] == "" {
			want[sql] = st.Tree
		}
		if st.Tree != want[sql] {
			rt.Fatalf("%q means something else:\n%s\n%s", b.String(), st.Tree, want[sql])
		}
	})
}

func splitTokens(sql string) (out []string) {
	for _, t := range scan(sql) {
		out = append(out, sql[t.start:t.end])
	}
	return out
}
