package model

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
	"pgregory.net/rapid"

	"weir/internal/fault"
)

// duck is a Parser on a plain DuckDB.
type duck struct{ db *sql.DB }

func newDuck(t testing.TB) duck {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return duck{db}
}

func (d duck) Parse(ctx context.Context, text string) (string, error) {
	out := ""
	err := d.db.QueryRowContext(ctx, "SELECT json_serialize_sql(?::VARCHAR, skip_null := true, skip_empty := true)::VARCHAR", text).Scan(&out)
	return out, err
}

func inputNames(st *Statement) string {
	names := make([]string, len(st.Inputs))
	for i, in := range st.Inputs {
		names[i] = in.Name
	}
	return strings.Join(names, " ")
}

// accepted are statements and the inputs they have.
var accepted = []struct{ sql, inputs string }{
	{"select 1", ""},
	{"select 1;", ""},
	{";; select 1 ; ; -- the end", ""},
	{"from raw.orders", "raw.orders"},
	{"table raw.orders", "raw.orders"},
	{"values (1), ((select max(id) from a))", "a"},
	{"select * from raw.orders o join raw.lines as l using (id) left join marts.x.y z on z.id = o.id, bare", "raw.orders raw.lines marts.x.y bare"},
	{`select * from "Raw"."Order Lines", RAW.ORDERS, raw.orders`, "Raw.Order Lines RAW.ORDERS"},
	{"with a as (select * from raw.x), b as (from a) select * from b, a", "raw.x"},
	{"with a as (from b), b as (from c) from a, b", "b c"},
	{"with a as (from a) from a", "a"},
	{"with a as (with b as (from t1) from b) select * from a, b", "t1 b"},
	{"with a as (select 1) select * from (with a as (from t) from a) x, a", "t"},
	{"with A as (select 1) from a, main2.a", "main2.a"},
	{"with recursive r as (select id from t union all select id + 1 from r, u where id < 3) from r", "t u"},
	{"with recursive r as (select id from t union select id from r) from r union all from r2", "t r2"},
	{"with a as materialized (from t), b as not materialized (from a) from b", "t"},
	{"select (select max(x) from a) from b where exists (from c where c.id = b.id) and id in (select id from d) having 1 > any (select q from e) order by (select 1 from f), 1 limit (select 2 from g)", "a b c d e f g"},
	{"from a union (from b except select * from c) union by name from d", "a b c d"},
	{"select * from a, lateral (select * from b where b.x = a.x) l", "a b"},
	{"select * from a pivot (sum(y) for x in (1, 2) group by z)", "a"},
	{"from (pivot (from a) on x in ('u', 'v') using sum(y))", "a"},
	{"select * from a unpivot (v for k in (c, d))", "a"},
	{"select * from a asof join b using (t) cross join c semi join d using (t) anti join e using (t)", "a b c d e"},
	{"select unnest(tags), x.y.z, struct_pack(a := 1), [i * 2 for i in l if i > 1], list_transform(l, lambda q: q + (select max(n) from b)) from a", "b a"},
	{"select sum(v) over (partition by k order by (select 1 from w)) from a qualify row_number() over (order by v) = 1", "w a"},
	{"select sum(v) filter (where v > (select avg(v) from b)) from a group by grouping sets ((k), ()), rollup (z)", "b a"},
	{"select * from range(10) t(i), generate_series(1, 3), unnest([1, 2]), a, unnest(a.list), json_each(a.doc), repeat(1, 3)", "a"},
	{"select * from my_macro(1, (select 2 from a)), b", "a b"},
	{"select columns('x.*'), * exclude (a) replace (b + 1 as b) from t", "t"},
	{"select case when a then 'from raw.x' else $$ from raw.y $$ end /* from raw.z */ -- from raw.w\n from t", "t"},
	{"select t.current_date, t.user, cast(x as date), timestamp '2026-01-01', interval 3 day, age(a, b) from t", "t"},
	{"select try_cast(a as integer), a::decimal(12,2), a[1:2], a -> 'b', a ->> '$.c' from t where a like 'x%' and b between 1 and (select 2 from u)", "t u"},
	{"select distinct on (k) * from t order by k, v desc nulls last limit 10 offset 2", "t"},
	{"select date_trunc('day', $run_time), $currency from t where x > $n", "t"},
	{"(select 1) union all (from t)", "t"},
	{"select * from t as x(a, b), (values (1, 2)) as v(c, d)", "t"},
	{"with t(a, b) as (from u) select é.ü from \"é ü\".tbl as é, t", "u é ü.tbl"},
	{"select first(x order by y), string_agg(z, ',') from data.t group by all", "data.t"},
	{"select count(*) from raw.csv", "raw.csv"},
	{"describe_me.x", "!"},
	// TPC-H 2, 15, 17, 20, 21, 22
	{`select s_acctbal, s_name from part, supplier, partsupp, nation, region where p_partkey = ps_partkey and ps_supplycost = (
		select min(ps_supplycost) from partsupp, supplier, nation, region where p_partkey = ps_partkey and r_name = 'EUROPE') order by 1 desc, 2 limit 100`, "part supplier partsupp nation region"},
	{`with revenue as (select l_suppkey as supplier_no, sum(l_extendedprice * (1 - l_discount)) as total_revenue from lineitem
		where l_shipdate >= date '1996-01-01' and l_shipdate < date '1996-01-01' + interval 3 month group by supplier_no)
		select s_suppkey from supplier, revenue where total_revenue = (select max(total_revenue) from revenue)`, "lineitem supplier"},
	{"select sum(l_extendedprice) / 7.0 from lineitem, part where l_quantity < (select 0.2 * avg(l_quantity) from lineitem where l_partkey = p_partkey)", "lineitem part"},
	{`select s_name from supplier, nation where s_suppkey in (select ps_suppkey from partsupp where ps_partkey in (select p_partkey from part where p_name like 'forest%')
		and ps_availqty > (select 0.5 * sum(l_quantity) from lineitem)) and n_name = 'CANADA'`, "supplier nation partsupp part lineitem"},
	{`select s_name, count(*) as numwait from supplier, lineitem l1, orders where exists (select * from lineitem l2 where l2.l_orderkey = l1.l_orderkey)
		and not exists (select * from lineitem l3 where l3.l_receiptdate > l3.l_commitdate) group by s_name`, "supplier lineitem orders"},
	{`select cntrycode, count(*) from (select substring(c_phone from 1 for 2) as cntrycode from customer where c_acctbal > (select avg(c_acctbal) from customer)
		and not exists (select * from orders where o_custkey = c_custkey)) as custsale group by cntrycode`, "customer orders"},
}

func TestInputs(t *testing.T) {
	d := newDuck(t)
	for _, c := range accepted {
		st, err := Read(context.Background(), d, c.sql, map[string]bool{"My_Macro": true})
		if c.inputs == "!" {
			if err == nil {
				t.Errorf("%s: taken", c.sql)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		if got := inputNames(st); got != c.inputs {
			t.Errorf("%s: inputs %q, want %q", c.sql, got, c.inputs)
		}
		for _, in := range st.Inputs {
			plain := strings.NewReplacer(`"`, "", " ", "").Replace(c.sql[in.Offset:])
			if !strings.HasPrefix(plain, strings.ReplaceAll(in.Name, " ", "")) {
				t.Errorf("%s: input %s is said to stand at %q", c.sql, in.Name, c.sql[in.Offset:])
			}
		}
	}
}

func TestStatement(t *testing.T) {
	d := newDuck(t)
	for _, c := range []struct{ sql, want string }{
		{"select a from t", "[] [] false false false false"},
		{"select $b, $a, $b, $Run_Time from t", "[b a Run_Time] [] false false false false"},
		{"select count(*) from t", "[] [] true false false false"},
		{"select k from t group by k", "[] [] true false false false"},
		{"from (select max(x) from t)", "[] [] true false false false"},
		{"select list(x) from t", "[] [] true false false false"},
		{"select sum(x) over () from t", "[] [] false true false false"},
		{"select row_number() over (order by x) from t", "[] [] false true false false"},
		{"select distinct a from t", "[] [] false false true false"},
		{"select a from t order by a limit 3", "[] [] false false false true"},
		{"select a from t order by all limit 10%", "[] [] false false false true"},
		{"select clean(a), m(1), clean(b) from m(2)", "[] [clean m] false false false false"},
	} {
		st, err := Read(context.Background(), d, "/* é */ "+c.sql+" ; -- end", map[string]bool{"clean": true, "M": true})
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		if got := fmt.Sprint(st.Params, " ", st.Macros, " ", st.Aggregates, st.Windows, st.Distinct, st.Limit); got != c.want {
			t.Errorf("%s: %s, want %s", c.sql, got, c.want)
		}
		if st.SQL != "/* é */ "+c.sql {
			t.Errorf("text %q", st.SQL)
		}
	}
}

// refused are statements, the place of the first mistake and part of its message.
var refused = []struct{ sql, place, message string }{
	{"", "1:1", "no statement"},
	{" -- nothing\n", "1:1", "no statement"},
	{"select 1;\n select 2", "2:2", "second statement"},
	{"select 1; drop table x", "1:11", "second statement"},
	{"select * from", "1:14", "syntax error"},
	{"select\n  é, , b from t", "2:5", "syntax error"},
	{"create table x as select 1", "1:1", "CREATE is not allowed"},
	{"\n\ninsert into x values (1)", "3:1", "INSERT is not allowed"},
	{"/* é */ copy (select 1) to 'x.csv'", "1:9", "COPY is not allowed"},
	{"attach 'x.db'", "1:1", "ATTACH is not allowed"},
	{"install httpfs", "1:1", "INSTALL is not allowed"},
	{"load httpfs", "1:1", "LOAD is not allowed"},
	{"set memory_limit = '1GB'", "1:1", "SET is not allowed"},
	{"pragma database_list", "1:1", "PRAGMA is not allowed"},
	{"call pragma_version()", "1:1", "CALL is not allowed"},
	{"export database 'x'", "1:1", "EXPORT is not allowed"},
	{"import database 'x'", "1:1", "IMPORT is not allowed"},
	{"update x set a = 1", "1:1", "UPDATE is not allowed"},
	{"delete from x", "1:1", "DELETE is not allowed"},
	{"merge into x using y on true when matched then delete", "1:1", "MERGE is not allowed"},
	{"explain select 1", "1:1", "EXPLAIN is not allowed"},
	{"use x", "1:1", "USE is not allowed"},
	{"begin", "1:1", "BEGIN is not allowed"},
	{"prepare v as select 1", "1:1", "PREPARE is not allowed"},
	{"execute v", "1:1", "EXECUTE is not allowed"},
	{"vacuum", "1:1", "VACUUM is not allowed"},
	{"checkpoint", "1:1", "CHECKPOINT is not allowed"},
	{"detach x", "1:1", "DETACH is not allowed"},
	{"create secret s (type s3)", "1:1", "CREATE is not allowed"},
	{"comment on table x is 'y'", "1:1", "COMMENT is not allowed"},
	{"describe t", "1:", "DESCRIBE"},
	{"show tables", "1:", "DESCRIBE"},
	{"summarize t", "1:", "DESCRIBE"},
	{"from (describe t)", "1:", "DESCRIBE"},
	{"from (show all tables)", "1:", "DESCRIBE"},
	{"pivot t on x using sum(y)", "1:1", "PIVOT without a list"},
	{"from (pivot t on x using sum(y))", "1:7", "PIVOT without a list"},
	{"select * from read_csv('x.csv')", "1:15", "read_csv(…) is not allowed"},
	{"select * from READ_PARQUET('x')", "1:15", "read_parquet(…) is not allowed"},
	{"select * from main.read_text('/etc/passwd')", "1:15", "read_text(…) is not allowed"},
	{"select * from system.main.read_blob('/etc/passwd')", "1:15", "read_blob(…) is not allowed"},
	{"select * from parquet_scan('x'), glob('*'), sniff_csv('x'), parquet_metadata('x')", "1:15", "parquet_scan"},
	{"from a, (select * from (select * from read_json('x')))", "1:39", "read_json"},
	{"with c as (from glob('/*')) select 1", "1:17", "glob"},
	{"select (select content from read_text('x'))", "1:29", "read_text"},
	{"from query('select 1')", "1:6", "query(…)"},
	{"from query_table('raw.orders')", "1:6", "query_table(…)"},
	{"from duckdb_settings()", "1:6", "duckdb_settings(…)"},
	{"from pragma_table_info('x')", "1:6", "pragma_table_info(…)"},
	{"from json_execute_serialized_sql('x')", "1:6", "json_execute_serialized_sql(…)"},
	{"from sql_auto_complete('x')", "1:6", "sql_auto_complete(…)"},
	{"from histogram(t, x)", "1:6", "histogram(…)"},
	{"from summary((from t))", "1:6", "summary(…)"},
	{"from unknown_function(1)", "1:6", "unknown_function(…)"},
	{"from seq_scan(1)", "1:6", "seq_scan(…)"},
	{"from 'x.parquet'", "1:6", "file x.parquet"},
	{`from "data/x.CSV.gz"`, "1:6", "file data/x.CSV.gz"},
	{"from 's3://bucket/x'", "1:6", "file s3://bucket/x"},
	{"from 'https://x/y.json'", "1:6", "file"},
	{"from '*'", "1:6", "file"},
	{"from data.'x.csv'", "1:", ""},
	{`from raw."x.parquet"`, "1:6", "file"},
	{`from "raw.orders"`, "1:6", "one name with a dot"},
	{"from information_schema.tables", "1:6", "information_schema.tables is not allowed"},
	{"from system.information_schema.tables", "1:6", "is not allowed"},
	{"from pg_catalog.pg_class", "1:6", "is not allowed"},
	{"from Sqlite_Master", "1:6", "is not allowed"},
	{"from duckdb_tables", "1:6", "is not allowed"},
	{"from pg_tables", "1:6", "is not allowed"},
	{"from temp.x", "1:6", "is not allowed"},
	{"from memory.main.x", "1:6", "is not allowed"},
	{"from weir_session_3.raw.orders", "1:6", "is not allowed"},
	{"from a.b.c.d", "1:1", "more parts"},
	{"select getenv('HOME')", "1:8", "getenv() is not allowed"},
	{"select main.GETENV('HOME') from t", "1:8", "getenv() is not allowed"},
	{"select current_setting('x')", "1:8", "current_setting"},
	{"select getvariable('x')", "1:8", "getvariable()"},
	{"select nextval('s')", "1:8", "nextval()"},
	{"select x.getenv()", "1:", "getenv()"},
	{"select ('HOME').getenv()", "1:", "getenv()"},
	{"select list_transform(['HOME'], lambda v: getenv(v))", "1:43", "getenv()"},
	{"select [getenv(v) for v in ['HOME']]", "1:9", "getenv()"},
	{"select 1 from t order by getenv('x')", "1:26", "getenv()"},
	{"select 1 from t order by all limit (select getenv('x')::int)", "1:44", "getenv()"},
	{"select sum(x) over (order by getenv('x')) from t", "1:30", "getenv()"},
	{"select * replace (getenv('x') as a) from t", "1:19", "getenv()"},
	{"select columns(c -> getenv(c) = 'x') from t", "1:21", "getenv()"},
	{"select json_serialize_plan('select 1')", "1:8", "json_serialize_plan()"},
	{"from (values (getenv('x')))", "1:15", "getenv()"},
	{"from range(getenv('x')::int)", "1:12", "getenv()"},
	{"from t pivot (sum(getenv('x')::int) for k in (1))", "1:19", "getenv()"},
	{"from t join u on getenv('x') = t.a", "1:18", "getenv()"},
	{"select now()", "1:8", "now() is another value in every run"},
	{"select\n current_date", "2:2", "current_date is another value"},
	{"select Current_Timestamp, localtime", "1:8", "current_timestamp is another value"},
	{"select current_date() from t", "1:8", "current_date"},
	{"select today()", "1:8", "today()"},
	{"select get_current_timestamp()", "1:8", "get_current_timestamp()"},
	{"select age(x) from t", "1:8", "age(x)"},
	{"select ago(interval 1 day)", "1:8", "ago()"},
	{"select random(), uuid()", "1:8", "random()"},
	{"select gen_random_uuid()", "1:8", "gen_random_uuid()"},
	{"select uuidv7()", "1:8", "uuidv7()"},
	{"select setseed(0.5)", "1:8", "setseed()"},
	{"from t order by random()", "1:17", "random()"},
	{"from t using sample 10%", "1:", "sample"},
	{"from t tablesample 10%", "1:", "sample"},
	{"from (from t) as x tablesample reservoir(10 rows)", "1:", "sample"},
	{"from t at (version => 3)", "1:6", "AT is not allowed"},
	{"select ? from t", "1:8", "parameters have names"},
	{"select $1 from t", "1:8", "parameters have names"},
	{"select $a, ? from t", "1:1", "parameters have names"},
	{"with x as (delete from t returning *) from x", "1:", ""},
	{"select 'é', '🙂', getenv('x')", "1:18", "getenv()"},
	{"with recursive n as (select 1 as x union all select x + 1 from n) from n", "1:16", "the recursive CTE n never ends"},
}

func TestRefused(t *testing.T) {
	d := newDuck(t)
	for _, c := range refused {
		_, err := Read(context.Background(), d, c.sql, nil)
		var many Mistakes
		var one *Mistake
		if !errors.As(err, &many) || !errors.As(err, &one) || fault.ClassOf(err) != fault.Usage {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		place := fmt.Sprintf("%d:%d", one.Line, one.Col)
		if !strings.HasPrefix(place, c.place) || !strings.Contains(one.Message, c.message) {
			t.Errorf("%s: %v; want %s %s", c.sql, one, c.place, c.message)
		}
		if strings.ContainsAny(one.Message, "\n") {
			t.Errorf("%s: more than a line: %q", c.sql, one.Message)
		}
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	_, err := Read(context.Background(), newDuck(t), "select getenv('a'), now()\nfrom glob('x'), 'y.csv'", nil)
	var many Mistakes
	if !errors.As(err, &many) || len(many) != 4 {
		t.Fatalf("%v", err)
	}
	for i, want := range []string{"1:8", "1:21", "2:6", "2:17"} {
		if got := fmt.Sprintf("%d:%d", many[i].Line, many[i].Col); got != want || many[i].Hint == "" {
			t.Errorf("mistake %d at %s, hint %q", i, got, many[i].Hint)
		}
	}
	if fault.HintOf(err) == "" {
		t.Error("no hint")
	}
}

func TestAllowClock(t *testing.T) {
	d := newDuck(t)
	for _, q := range []string{"select now(), current_date, random()", "from t using sample 3", "select uuid() from t where age(x) > interval 1 day"} {
		if _, err := Read(context.Background(), d, q, nil, AllowClock()); err != nil {
			t.Errorf("%s: %v", q, err)
		}
	}
	if _, err := Query(context.Background(), d, "select now()"); err != nil {
		t.Error(err)
	}
	if _, err := Query(context.Background(), d, "select getenv('x'), setseed(1)"); err == nil {
		t.Error("getenv is allowed")
	}
}

// Space and comments between tokens change nothing but places.
func TestLayoutDoesNotMatter(t *testing.T) {
	d := newDuck(t)
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(accepted).Draw(t, "statement")
		if c.inputs == "!" {
			return
		}
		gap := rapid.SampledFrom([]string{" ", "\n", "\t", " /* from raw.hidden */ ", " -- ; from raw.hidden é\n", "/* a /* nested */ ' */", "\r\n"})
		var b strings.Builder
		b.WriteString(gap.Draw(t, "before"))
		last := 0
		for _, tok := range scan(c.sql) {
			between := c.sql[last:tok.start]
			b.WriteString(between)
			if between != "" && rapid.Bool().Draw(t, "here") {
				b.WriteString(gap.Draw(t, "gap"))
			}
			b.WriteString(c.sql[tok.start:tok.end])
			last = tok.end
		}
		st, err := Read(context.Background(), d, b.String(), map[string]bool{"my_macro": true})
		if err != nil {
			t.Fatalf("%s: %v", b.String(), err)
		}
		if got := inputNames(st); got != c.inputs {
			t.Fatalf("%s: inputs %q, want %q", b.String(), got, c.inputs)
		}
	})
}

// The tree's form is DuckDB's own and may change with its version: then this test fails, and walk.go has to be read again.
func TestTreeGolden(t *testing.T) {
	d := newDuck(t)
	var b strings.Builder
	var version string
	if err := d.db.QueryRow("SELECT version()").Scan(&version); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(&b, version)
	for _, q := range []string{
		"with a as materialized (from r.t), b as (select 1) select x.y, $p, f(x), s.m.g(1), sum(z) filter (where w) over (partition by k order by l rows 3 preceding), (select 1 from c) from a, x.b.c as d(e), lateral (from l) where q in (from i) group by all having true qualify true order by 1 limit 3 offset 2",
		"with recursive r as (select 1 i union all select i + 1 from r) from r union all by name (select distinct on (a) * exclude (b) from t using sample 3)",
		"from t tablesample 10%, range(3) f, (values (1, 'x')) v, t2 pivot (sum(y) for x in (1, 2)), t3 unpivot (a for b in (c)), (describe t), t4 at (version => 1)",
		"select lambda x: x + 1, [i for i in l], columns('a'), case when a then b end, a::integer, current_date, a is null, a between 1 and 2, a collate nocase",
	} {
		text, err := d.Parse(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n%s\n", q, text)
	}
	golden(t, "testdata/tree.golden", b.String())
}

// Every function of this DuckDB has been looked at: a new one shows up here, and allow.go has to say what it is.
func TestFunctionsGolden(t *testing.T) {
	d := newDuck(t)
	rows, err := d.db.Query(`SELECT DISTINCT CASE WHEN function_type IN ('table', 'table_macro', 'pragma') THEN 'table' ELSE function_type END || ' ' || function_name
		FROM duckdb_functions() ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var b strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, line)
		kind, name, _ := strings.Cut(line, " ")
		if kind == "table" && !allowedTableFunctions[name] && !systemFunctions[name] {
			t.Errorf("table function %s is in neither list", name)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/functions.golden", b.String())
	views, err := d.db.Query("SELECT DISTINCT view_name FROM duckdb_views() WHERE internal AND schema_name <> 'information_schema'")
	if err != nil {
		t.Fatal(err)
	}
	defer views.Close()
	for views.Next() {
		var name string
		if err := views.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if !systemViews[name] {
			t.Errorf("view %s is not in the list", name)
		}
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; look at what is new, then run with UPDATE_GOLDEN=1", file)
	}
}
