package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/jackc/pgx/v5"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/record"
	"weir/internal/sink"
	"weir/test/env"
)

// brought is a delivery of ids with a name each.
func brought(t testing.TB, mode sink.Mode, ids ...int64) sink.Delivery {
	t.Helper()
	d := sink.Delivery{Mode: mode, Columns: []sink.Column{{Column: job.Column{Name: "id", Type: "BIGINT", ID: 1}}, {Column: job.Column{Name: "name", Type: "VARCHAR", ID: 2}}}}
	if mode == sink.Upsert {
		d.Key = []string{"id"}
	}
	d.Rows = func(context.Context) (record.Reader, error) {
		schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "name", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		defer b.Release()
		for _, id := range ids {
			b.Field(0).(*array.Int64Builder).Append(id)
			b.Field(1).(*array.StringBuilder).Append(fmt.Sprintf("n%d", id))
		}
		return &once{schema: schema, batch: b.NewRecordBatch()}, nil
	}
	return d
}

func apply(t testing.TB, s *Sink, schema, table string, d sink.Delivery) (sink.Loaded, error) {
	t.Helper()
	l, err := s.Begin(t.Context(), sink.Target{Name: "bi." + table, Schema: schema, Table: table})
	if err != nil {
		return sink.Loaded{}, err
	}
	defer l.Close(context.Background())
	out, err := l.Apply(t.Context(), d)
	if err != nil {
		return out, err
	}
	return out, l.Commit(t.Context(), sink.Position{Table: "t", UUID: "u", Snapshot: 1, At: time.Now()})
}

func exec(t testing.TB, c *pgx.Conn, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := c.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

func rowsAre(t testing.TB, c *pgx.Conn, sql string, want ...string) {
	t.Helper()
	got, err := rowTexts(t.Context(), c, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s gives\n%s\nwant\n%s", sql, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// looks is what a table is, but for its rows and its object id.
const looks = `SELECT 'column ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '-') || ' ' || coalesce(col_description(a.attrelid, a.attnum), '-')
		FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = 'public.t'::regclass AND a.attnum > 0 AND NOT a.attisdropped
	UNION ALL SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'public.t'::regclass
	UNION ALL SELECT 'index ' || pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'public.t'::regclass
	UNION ALL SELECT 'table ' || pg_get_userbyid(relowner) || ' ' || coalesce(obj_description(oid, 'pg_class'), '-') || ' ' || coalesce(reloptions::text, '-') FROM pg_class WHERE oid = 'public.t'::regclass
	UNION ALL SELECT 'grant ' || pg_get_userbyid(a.grantee) || ' ' || a.privilege_type || ' ' || a.is_grantable FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = 'public.t'::regclass AND a.grantee <> c.relowner
	ORDER BY 1`

// TestSwapKeepsLooks replaces a table that has what a table can have: afterwards it is another one that looks the same.
func TestSwapKeepsLooks(t *testing.T) {
	url := env.Postgres(t)
	c, s := session(t, url), openURL(t, url)
	role := roles(t, c, 2)
	exec(t, c, `CREATE TABLE ref (id bigint PRIMARY KEY)`, `INSERT INTO ref SELECT generate_series(1, 100)`,
		`CREATE TABLE t (id bigint CONSTRAINT "The key" PRIMARY KEY, name varchar(40) NOT NULL DEFAULT 'x', more timestamptz DEFAULT now(), twice bigint GENERATED ALWAYS AS (id * 2) STORED,
			CONSTRAINT positive CHECK (id > 0), CONSTRAINT pair UNIQUE (id, name), CONSTRAINT known FOREIGN KEY (id) REFERENCES ref, EXCLUDE USING btree (name WITH =)) WITH (fillfactor = 70)`,
		`CREATE INDEX "odd USING index" ON t USING btree (lower(name) DESC NULLS LAST) WHERE id > 5`, `CREATE UNIQUE INDEX named ON t (name, id) INCLUDE (more)`,
		`COMMENT ON TABLE t IS 'what it''s for'`, `COMMENT ON COLUMN t.name IS 'a name'`,
		"GRANT SELECT, INSERT ON t TO "+role[0]+" WITH GRANT OPTION", "GRANT SELECT ON t TO PUBLIC", "ALTER TABLE t OWNER TO "+role[1],
		"ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO "+role[0])
	want, err := rowTexts(t.Context(), c, looks)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := rowTexts(t.Context(), c, "SELECT 't'::regclass::oid")
	out, err := apply(t, s, "public", "t", brought(t, sink.Replace, 1, 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	if out.How != "swapped" || out.Written != 3 {
		t.Errorf("says %+v", out)
	}
	after, _ := rowTexts(t.Context(), c, "SELECT 't'::regclass::oid")
	if before[0] == after[0] {
		t.Error("it is the same table still")
	}
	rowsAre(t, c, looks, want...)
	rowsAre(t, c, "SELECT id, name, twice, more IS NOT NULL FROM t ORDER BY 1", "1|n1|2|t", "2|n2|4|t", "3|n3|6|t")
	rowsAre(t, c, "SELECT relname FROM pg_class WHERE relname LIKE '\\_weir%' AND relkind <> 'i' ORDER BY 1", "_weir_loads")
	// Rows that its constraints refuse are found although the constraints come after the rows.
	if out, err = apply(t, s, "public", "t", brought(t, sink.Replace, 4, 500, 6, -7)); !errors.Is(err, sink.ErrTooMany) || out.Refused != 1 {
		t.Errorf("refused %d: %v", out.Refused, err)
	}
	rowsAre(t, c, "SELECT id FROM t ORDER BY 1", "1", "2", "3")
	d := brought(t, sink.Replace, 4, 500, 6, -7)
	d.Limit = func(n, _ int64) bool { return n > 2 }
	if out, err = apply(t, s, "public", "t", d); err != nil || out.Refused != 2 {
		t.Errorf("refused %+v: %v", out.Rejects, err)
	}
	rowsAre(t, c, looks, want...)
	rowsAre(t, c, "SELECT id FROM t ORDER BY 1", "4", "6")
}

// roles makes roles of the test's own.
func roles(t testing.TB, c *pgx.Conn, n int) (names []string) {
	t.Helper()
	for i := range n {
		name := fmt.Sprintf("weir_t_%d_%d", time.Now().UnixNano(), i)
		exec(t, c, "CREATE ROLE "+name)
		t.Cleanup(func() {
			if _, err := c.Exec(context.Background(), "DROP OWNED BY "+name+" CASCADE; DROP ROLE "+name); err != nil {
				t.Errorf("drop role: %v", err)
			}
		})
		names = append(names, name)
	}
	return names
}

// TestReplaceInPlace replaces tables on which something hangs that only the table itself can keep.
func TestReplaceInPlace(t *testing.T) {
	for name, c := range map[string]struct {
		hang, how, check string
		want             []string
	}{
		"view":         {"CREATE VIEW v AS SELECT name FROM t", "in place", "SELECT * FROM v ORDER BY 1", []string{"n2", "n3"}},
		"function":     {"CREATE FUNCTION f() RETURNS SETOF t LANGUAGE sql AS 'SELECT * FROM t'", "in place", "SELECT id FROM f() ORDER BY 1", []string{"2", "3"}},
		"trigger":      {"CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.name := upper(new.name); RETURN new; END $$; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION g()", "in place", "SELECT name FROM t ORDER BY 1", []string{"N2", "N3"}},
		"referenced":   {"CREATE TABLE child (id bigint REFERENCES t); INSERT INTO child VALUES (2)", "merged", "SELECT child.id FROM child JOIN t USING (id)", []string{"2"}},
		"itself":       {"ALTER TABLE t ADD up bigint REFERENCES t", "in place", "SELECT id FROM t ORDER BY 1", []string{"2", "3"}},
		"sequence":     {"ALTER TABLE t ADD n bigserial", "in place", "SELECT n > 1 FROM t", []string{"t", "t"}},
		"policy":       {"ALTER TABLE t ENABLE ROW LEVEL SECURITY", "in place", "SELECT id FROM t ORDER BY 1", []string{"2", "3"}},
		"column right": {"GRANT SELECT (name) ON t TO PUBLIC", "in place", "SELECT id FROM t ORDER BY 1", []string{"2", "3"}},
		"published":    {"CREATE PUBLICATION p FOR TABLE t", "in place", "SELECT tablename FROM pg_publication_tables", []string{"t"}},
		"inherited":    {"CREATE TABLE heir () INHERITS (t)", "in place", "SELECT id FROM ONLY t ORDER BY 1", []string{"2", "3"}},
		"unlogged":     {"ALTER TABLE t SET UNLOGGED", "in place", "SELECT relpersistence FROM pg_class WHERE oid = 't'::regclass", []string{"u"}},
		"nothing":      {"SELECT 1", "swapped", "SELECT id FROM t ORDER BY 1", []string{"2", "3"}},
	} {
		t.Run(name, func(t *testing.T) {
			url := env.Postgres(t)
			session, s := session(t, url), openURL(t, url)
			exec(t, session, "CREATE TABLE t (id bigint PRIMARY KEY, name text)", "INSERT INTO t VALUES (1, 'n1'), (2, 'old')", c.hang)
			out, err := apply(t, s, "public", "t", brought(t, sink.Replace, 2, 3))
			if err != nil {
				t.Fatal(err)
			}
			if out.How != c.how || out.Brought != 2 {
				t.Errorf("says %+v", out)
			}
			rowsAre(t, session, c.check, c.want...)
			rowsAre(t, session, "SELECT id FROM t ORDER BY 1", "2", "3")
		})
	}
}

func TestReplaceReferencedWithoutKey(t *testing.T) {
	url := env.Postgres(t)
	c, s := session(t, url), openURL(t, url)
	exec(t, c, "CREATE TABLE t (other int PRIMARY KEY DEFAULT 7, id bigint, name text)", "CREATE TABLE child (id int REFERENCES t)")
	_, err := apply(t, s, "public", "t", brought(t, sink.Replace, 1))
	if fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), "foreign keys refer to it") {
		t.Errorf("says %v", err)
	}
	// A row that others refer to cannot go.
	exec(t, c, "DROP TABLE t CASCADE", "DROP TABLE child", "CREATE TABLE t (id bigint PRIMARY KEY, name text)", "CREATE TABLE child (id bigint REFERENCES t)", "INSERT INTO t VALUES (1, 'a'), (5, 'b')", "INSERT INTO child VALUES (5)")
	out, err := apply(t, s, "public", "t", brought(t, sink.Replace, 1))
	if len(out.Rejects) != 1 || !out.Rejects[0].Delete || out.Rejects[0].Key != "(id) = (5)" || !strings.Contains(out.Rejects[0].Reason, "child") {
		t.Errorf("refused %+v: %v", out.Rejects, err)
	}
}

func TestNotATable(t *testing.T) {
	url := env.Postgres(t)
	c, s := session(t, url), openURL(t, url)
	exec(t, c, "CREATE VIEW t AS SELECT 1 AS id")
	if _, err := apply(t, s, "public", "t", brought(t, sink.Replace, 1)); fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), "is a view there") {
		t.Errorf("a view: %v", err)
	}
	if _, err := apply(t, s, "public", strings.Repeat("long", 16), brought(t, sink.Replace, 1)); fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), "64 bytes") {
		t.Errorf("a long name: %v", err)
	}
}

// TestPartitioned upserts into a partitioned table, and replaces one.
func TestPartitioned(t *testing.T) {
	url := env.Postgres(t)
	c, s := session(t, url), openURL(t, url)
	exec(t, c, "CREATE TABLE t (id bigint PRIMARY KEY, name text) PARTITION BY RANGE (id)", "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10)", "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (20)")
	for _, mode := range []sink.Mode{sink.Upsert, sink.Replace} {
		if _, err := apply(t, s, "public", "t", brought(t, mode, 1, 11)); err != nil {
			t.Fatal(err)
		}
		rowsAre(t, c, "SELECT id FROM t ORDER BY 1", "1", "11")
	}
	out, err := apply(t, s, "public", "t", brought(t, sink.Upsert, 2, 99))
	if len(out.Rejects) != 1 || out.Rejects[0].Key != "(id) = (99)" {
		t.Errorf("a row without a partition: %+v, %v", out.Rejects, err)
	}
}
