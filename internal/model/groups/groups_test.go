package groups_test

import (
	"errors"
	"strings"
	"testing"

	"weir/internal/engine/duckdb"
	"weir/internal/model/groups"
)

// session has the empty table stub behind the view raw.orders, and other behind raw.stores.
func session(t *testing.T) *duckdb.Session {
	e, err := duckdb.Open(t.Context(), duckdb.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	s, err := e.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for _, q := range []string{
		"CREATE TABLE stub (id INTEGER, ts TIMESTAMP, seen TIMESTAMPTZ, store_id INTEGER, total DECIMAL(12,2), tags VARCHAR[], parent INTEGER, note VARCHAR)",
		"CREATE TABLE other (store_id INTEGER, name VARCHAR, day DATE)",
		"CREATE SCHEMA raw", "CREATE VIEW raw.orders AS SELECT * FROM stub", "CREATE VIEW raw.stores AS SELECT * FROM other",
		"CREATE MACRO bucket(x) AS x % 7",
	} {
		if err := s.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// TestKeys has queries and the expressions that give a row's group, or a word of why there are none.
func TestKeys(t *testing.T) {
	s := session(t)
	for _, c := range []struct {
		sql  string
		by   []int
		want string // expressions joined by ;, further keys after |, or !word of the reason
	}{
		{"SELECT ts::date AS day, store_id, sum(total) FROM raw.orders GROUP BY ALL", []int{0, 1}, `CAST("ts" AS DATE); "store_id"`},
		{"SELECT ts::date AS day, sum(total) FROM raw.orders WHERE total > 0 GROUP BY 1 HAVING count(*) > 2 ORDER BY 2", []int{0}, `CAST("ts" AS DATE)`},
		{"SELECT date_trunc('month', day) AS m, sum(n) FROM (SELECT ts::date AS day, store_id, count(*) AS n FROM raw.orders GROUP BY 1, 2) GROUP BY 1", []int{0}, `"date_trunc"('month', CAST("ts" AS DATE))`},
		{"SELECT count(*), sum(total) FROM raw.orders", []int{0}, "!groups by"},
		{"SELECT ts::date AS day, count(*) AS n FROM raw.orders GROUP BY 1", []int{1}, "!groups by"},
		{"SELECT store_id, count(*) FROM (SELECT * FROM raw.orders QUALIFY row_number() OVER (PARTITION BY id ORDER BY ts DESC) = 1) GROUP BY 1", []int{0}, "!PARTITION BY"},
		{"SELECT store_id, count(*) FROM (SELECT * FROM raw.orders QUALIFY row_number() OVER (PARTITION BY id, store_id ORDER BY ts DESC) = 1) GROUP BY 1", []int{0}, `"store_id"`},
		{"SELECT store_id, row_number() OVER (PARTITION BY store_id ORDER BY id) AS r FROM raw.orders", []int{1}, "!window"},
		{"SELECT bucket(store_id) AS b, max(id) FROM raw.orders GROUP BY 1", []int{0}, `"%"("store_id", CAST('7' AS INTEGER))`},
		{"SELECT id % 10 AS b, store_id + 1 AS s FROM raw.orders LIMIT 5", []int{0}, "!LIMIT"},
		{"SELECT DISTINCT store_id, note FROM raw.orders", []int{0}, `"store_id"`},
		{"SELECT DISTINCT ON (id) id, store_id FROM raw.orders ORDER BY id, ts", []int{1}, "!DISTINCT ON"},
		{"SELECT DISTINCT ON (id) id, store_id FROM raw.orders ORDER BY id, ts", []int{0}, `"id"`},
		{"SELECT ts::date AS day, store_id, sum(total) FROM raw.orders GROUP BY ROLLUP (1, 2)", []int{0}, "!ROLLUP"},
		{"SELECT o.store_id, s.name, sum(total) FROM raw.orders o JOIN raw.stores s USING (store_id) GROUP BY ALL", []int{0}, `"store_id"`},
		{"SELECT s.store_id, sum(total) FROM raw.orders o JOIN raw.stores s ON o.store_id + 1 = s.store_id GROUP BY ALL", []int{0}, `"+"("store_id", CAST('1' AS INTEGER))`},
		{"SELECT s.name, sum(total) FROM raw.orders o JOIN raw.stores s USING (store_id) GROUP BY ALL", []int{0}, "!another table"},
		{"SELECT o.store_id, s.name, sum(total) FROM raw.orders o LEFT JOIN raw.stores s USING (store_id) GROUP BY ALL", []int{0}, `"store_id"`},
		{"SELECT s.store_id, sum(total) FROM raw.orders o LEFT JOIN raw.stores s USING (store_id) GROUP BY ALL", []int{0}, "!left join"},
		{"SELECT s.store_id, count(o.id) FROM raw.stores s LEFT JOIN raw.orders o USING (store_id) GROUP BY ALL", []int{0}, `"store_id"`},
		{"SELECT o.store_id, count(o.id) FROM raw.stores s LEFT JOIN raw.orders o ON s.store_id = o.store_id GROUP BY ALL", []int{0}, "!left join"},
		{"SELECT coalesce(o.store_id, s.store_id) AS k, count(*) FROM raw.stores s FULL JOIN raw.orders o ON s.store_id = o.store_id GROUP BY ALL", []int{0}, "!full join"},
		{"SELECT store_id, count(*) FROM raw.stores s WHERE store_id IN (SELECT store_id FROM raw.orders) GROUP BY 1", []int{0}, "!subquery"},
		{"SELECT store_id, count(*) FROM raw.stores s SEMI JOIN raw.orders o USING (store_id) GROUP BY 1", []int{0}, `"store_id"`},
		{"SELECT store_id, count(*) FROM raw.stores s ANTI JOIN raw.orders o USING (store_id) GROUP BY 1", []int{0}, `"store_id"`},
		{"SELECT store_id, count(*) FROM raw.orders o WHERE EXISTS (FROM raw.stores s WHERE s.store_id = o.store_id AND s.name <> o.note) GROUP BY 1", []int{0}, `"store_id"`},
		{"SELECT store_id, (SELECT max(name) FROM raw.stores s WHERE s.store_id = o.store_id) AS n, count(*) FROM raw.orders o GROUP BY ALL", []int{0}, `"store_id"`},
		{"SELECT store_id, (SELECT max(total) FROM raw.orders p WHERE p.id = o.parent) AS m FROM raw.orders o", []int{0}, "!reads the input"},
		{"SELECT a.store_id, count(*) FROM raw.orders a JOIN raw.orders b ON a.store_id = b.store_id GROUP BY 1", []int{0}, `"store_id"`},
		{"SELECT a.store_id, count(*) FROM raw.orders a JOIN raw.orders b ON a.parent = b.id GROUP BY 1", []int{0}, "!another table"},
		{"SELECT a.store_id, count(*) FROM raw.orders a JOIN raw.orders b ON a.store_id = b.parent GROUP BY 1", []int{0}, `"store_id"|"parent"`},
		{"SELECT store_id AS k, total FROM raw.orders UNION ALL SELECT parent, total FROM raw.orders", []int{0}, `"store_id"|"parent"`},
		{"SELECT store_id AS k, id FROM raw.orders UNION SELECT store_id, 1 FROM raw.stores", []int{0}, `"store_id"`},
		{"SELECT store_id AS k FROM raw.orders EXCEPT SELECT store_id FROM raw.stores", []int{0}, `"store_id"`},
		{"WITH a AS (SELECT *, ts::date AS day FROM raw.orders), b AS (SELECT day, sum(total) AS t FROM a GROUP BY 1) SELECT a.day, count(*), any_value(b.t) FROM a JOIN b ON a.day = b.day GROUP BY 1", []int{0}, `CAST("ts" AS DATE)`},
		{"WITH RECURSIVE r AS (SELECT id, store_id FROM raw.orders UNION ALL SELECT o.id, r.store_id FROM raw.orders o JOIN r ON o.parent = r.id) SELECT store_id, count(*) FROM r GROUP BY 1", []int{0}, "!recursive"},
		{"SELECT unnest(tags) AS tag, store_id FROM raw.orders", []int{0}, "!unnest"},
		{"SELECT tag, count(*) FROM (SELECT unnest(tags) AS tag, store_id FROM raw.orders) GROUP BY 1", []int{0}, "!unnest"},
		{"SELECT store_id, count(*) FROM (SELECT unnest(tags) AS tag, store_id FROM raw.orders) GROUP BY 1", []int{0}, `"store_id"`},
		{"SELECT CASE WHEN total BETWEEN 1 AND 2.5 THEN 'é''x' ELSE coalesce(note, 'none') END AS c, count(*) FROM raw.orders GROUP BY 1", []int{0}, `(CASE WHEN`},
		{"SELECT (seen AT TIME ZONE 'Europe/London')::date AS d, count(*) FROM raw.orders GROUP BY 1", []int{0}, `CAST("timezone"('Europe/London', "seen") AS DATE)`},
		{"SELECT {'a': store_id} AS s, count(*) FROM raw.orders GROUP BY 1", []int{0}, "!plain expression"},
		{"SELECT len(list_filter(tags, lambda x: x = 'a')) AS n, count(*) FROM raw.orders GROUP BY 1", []int{0}, "!plain expression"},
		{"SELECT tags[1] AS tag, strftime(ts, '%Y') AS y, count(*) FROM raw.orders GROUP BY ALL", []int{0, 1}, `"array_extract"("tags", CAST(CAST('1' AS INTEGER) AS BIGINT)); "strftime"("ts", '%Y')`},
		{"FROM (SELECT store_id, note, total FROM raw.orders) PIVOT (sum(total) FOR note IN ('a', 'b')) ", []int{0}, `"store_id"`},
		{"SELECT store_id, 1 AS one FROM raw.stores", []int{0}, "!does not read"},
	} {
		plan, err := s.PlanJSON(t.Context(), c.sql)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := groups.Keys(plan, "stub", c.by)
		var texts []string
		for _, k := range keys {
			texts = append(texts, strings.Join(k.Exprs, "; "))
		}
		got := strings.Join(texts, "|")
		var refused *groups.Refused
		switch {
		case errors.As(err, &refused):
			got = "!" + refused.Reason
			if !strings.HasPrefix(c.want, "!") || !strings.Contains(got, c.want[1:]) {
				t.Errorf("%s\n  gives %s\n  want  %s", c.sql, got, c.want)
			}
		case err != nil:
			t.Errorf("%s: %v", c.sql, err)
		case got != c.want && !(strings.HasPrefix(got, c.want) && strings.HasSuffix(c.want, "WHEN")):
			t.Errorf("%s\n  gives %s\n  want  %s", c.sql, got, c.want)
		default:
			for _, x := range keys[0].Exprs {
				if _, err := s.Describe(t.Context(), "SELECT "+x+" FROM stub"); err != nil {
					t.Errorf("%s: %v", x, err)
				}
			}
		}
	}
}

// TestLocal has queries and a word of why they are not row-local, "" where they are.
func TestLocal(t *testing.T) {
	s := session(t)
	for sql, want := range map[string]string{
		"SELECT id, upper(note) AS n FROM raw.orders WHERE total > 1":                                                 "",
		"SELECT o.id, s.name FROM raw.orders o LEFT JOIN raw.stores s USING (store_id) ORDER BY id":                   "",
		"SELECT o.id, s.name FROM raw.stores s JOIN raw.orders o USING (store_id)":                                    "",
		"SELECT id, unnest(tags) AS tag FROM raw.orders":                                                              "",
		"WITH a AS (FROM raw.orders) SELECT id FROM a UNION ALL SELECT parent FROM a":                                 "",
		"SELECT id FROM raw.orders WHERE store_id NOT IN (SELECT store_id FROM raw.stores)":                           "",
		"SELECT id, (SELECT max(name) FROM raw.stores s WHERE s.store_id = o.store_id) AS m FROM raw.orders o":        "",
		"SELECT o.id, l.n FROM raw.orders o, LATERAL (SELECT name AS n FROM raw.stores s WHERE s.day = o.ts::date) l": "",
		"SELECT count(*) FROM raw.orders":                                                                             "count(*)",
		"SELECT store_id, sum(total) FROM raw.orders GROUP BY 1":                                                      "sum(…)",
		"SELECT id, row_number() OVER (ORDER BY id) AS r FROM raw.orders":                                             "window",
		"SELECT DISTINCT store_id FROM raw.orders":                                                                    "DISTINCT",
		"SELECT id FROM raw.orders ORDER BY id LIMIT 3":                                                               "LIMIT",
		"SELECT id FROM raw.orders UNION SELECT 1":                                                                    "DISTINCT",
		"SELECT id FROM raw.orders UNION ALL SELECT store_id FROM raw.stores":                                         "another table",
		"SELECT s.name, o.id FROM raw.stores s LEFT JOIN raw.orders o USING (store_id)":                               "left join",
		"SELECT s.name FROM raw.stores s WHERE s.store_id IN (SELECT store_id FROM raw.orders)":                       "mark join",
		"SELECT s.name FROM raw.stores s ANTI JOIN raw.orders o USING (store_id)":                                     "anti join",
		"SELECT a.id FROM raw.orders a JOIN raw.orders b ON a.id = b.parent":                                          "second time",
		"SELECT id FROM raw.orders WHERE total > (SELECT avg(total) FROM raw.orders)":                                 "second time",
		"SELECT id FROM raw.orders EXCEPT ALL SELECT store_id FROM raw.stores":                                        "EXCEPT",
		"SELECT store_id FROM raw.stores":                                                                             "does not read",
	} {
		plan, err := s.PlanJSON(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		var refused *groups.Refused
		switch err := groups.Local(plan, "stub"); {
		case err == nil && want != "":
			t.Errorf("%s is taken for row-local", sql)
		case err != nil && (want == "" || !errors.As(err, &refused) || !strings.Contains(refused.Reason, want)):
			t.Errorf("%s: %v, want %q", sql, err, want)
		}
	}
}
