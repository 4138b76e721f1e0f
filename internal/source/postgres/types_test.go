package postgres_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/jackc/pgx/v5"

	"weir/internal/engine/duckdb"
	"weir/internal/job"
	"weir/internal/record"
	"weir/internal/source"
	"weir/internal/source/postgres"
	"weir/test/env"
)

// kept is what becomes of a value: the lake's text of it, "" for the server's own text, or with a ! in front a part of the
// reason why its row is rejected.
type kept struct{ value, as string }

// types is the type table, value by value: docs/postgres.md has the types of it.
var types = []struct {
	typ    string // of the server
	lake   string
	values []kept
}{
	{"boolean", "BOOLEAN", []kept{{"true", "true"}, {"false", "false"}}},
	{"smallint", "INTEGER", []kept{{"-32768", ""}, {"32767", ""}, {"0", ""}}},
	{"integer", "INTEGER", []kept{{"-2147483648", ""}, {"2147483647", ""}}},
	{"bigint", "BIGINT", []kept{{"-9223372036854775808", ""}, {"9223372036854775807", ""}}},
	{"oid", "BIGINT", []kept{{"0", ""}, {"4294967295", ""}}},
	{"real", "FLOAT", []kept{{"0.1", ""}, {"-0", "-0.0"}, {"NaN", "nan"}, {"Infinity", "inf"}, {"-Infinity", "-inf"}, {"1e-45", "1e-45"}, {"3.4028235e38", "3.4028235e+38"}}},
	{"double precision", "DOUBLE", []kept{{"0.1", ""}, {"-0", "-0.0"}, {"NaN", "nan"}, {"Infinity", "inf"}, {"5e-324", "5e-324"}, {"1.7976931348623157e308", "1.7976931348623157e+308"}, {"0.30000000000000004", ""}}},
	{"numeric(12,2)", "DECIMAL(12,2)", []kept{{"0", "0.00"}, {"12.5", "12.50"}, {"-9999999999.99", ""}, {"0.01", ""}, {"-0.01", ""}, {"100000000", "100000000.00"}, {"NaN", "!NaN or infinity"}}},
	{"numeric(18,0)", "DECIMAL(18,0)", []kept{{"999999999999999999", ""}, {"-999999999999999999", ""}, {"10000", ""}, {"0", ""}}},
	{"numeric(18,18)", "DECIMAL(18,18)", []kept{{"0.999999999999999999", ".999999999999999999"}, {"0.000000000000000001", ".000000000000000001"}, {"-0.00001", "-.000010000000000000"}}},
	{"numeric(38,10)", "DECIMAL(38,10)", []kept{{"9999999999999999999999999999.9999999999", ""}, {"-9999999999999999999999999999.9999999999", ""}, {"0.0000000001", ""}, {"12345678901234567890.5", "12345678901234567890.5000000000"}}},
	{"numeric(38,0)", "DECIMAL(38,0)", []kept{{"99999999999999999999999999999999999999", ""}, {"-99999999999999999999999999999999999999", ""}}},
	{"numeric(3,-2)", "DECIMAL(5,0)", []kept{{"12345", "12300"}, {"99900", ""}}},
	{"numeric(3,5)", "DECIMAL(5,5)", []kept{{"0.00123", ".00123"}, {"0.00999", ".00999"}}},
	{"numeric(39,2)", "VARCHAR", []kept{{"1234567890123456789012345678901234567.89", ""}, {"NaN", ""}}},
	{"numeric", "VARCHAR", []kept{{"1", ""}, {"1.50", ""}, {"-0.000000000000000000000000000001", ""}, {"NaN", ""}, {"Infinity", ""}, {"-Infinity", ""}, {"1e40", "10000000000000000000000000000000000000000"}, {"1234.5678", ""}, {"10000.0001", ""}, {"0", ""}, {"0.00", ""}}},
	{"money", "VARCHAR", []kept{{"1234567.89", ""}, {"-0.05", ""}}},
	{"date", "DATE", []kept{{"2026-11-25", ""}, {"1969-12-31", ""}, {"0001-01-01", ""}, {"0044-03-15 BC", "0044-03-15 (BC)"}, {"5874897-12-31", ""}, {"infinity", "!infinite"}, {"-infinity", "!infinite"}}},
	{"time", "TIME", []kept{{"00:00:00", ""}, {"23:59:59.999999", ""}, {"12:30:00.5", ""}, {"24:00:00", "!24:00:00"}}},
	{"time with time zone", "VARCHAR", []kept{{"12:30:00+02", ""}}},
	{"timestamp", "TIMESTAMP", []kept{{"2026-11-25 10:00:00.000001", ""}, {"1969-12-31 23:59:59.999999", ""}, {"4713-01-01 00:00:00 BC", "4713-01-01 (BC) 00:00:00"}, {"294246-12-31 00:00:00", ""}, {"294276-12-31 23:59:59.999999", "!after the last timestamp"}, {"infinity", "!infinite"}}},
	{"timestamp with time zone", "TIMESTAMP WITH TIME ZONE", []kept{{"2026-11-25 10:00:00.5+02", "2026-11-25 08:00:00.5+00"}, {"2026-07-29 01:30:00 Europe/London", "2026-07-29 00:30:00+00"}, {"-infinity", "!infinite"}}},
	{"interval", "VARCHAR", []kept{{"1 year 2 mons 3 days 04:05:06.789", ""}, {"-1 days", ""}}},
	{"text", "VARCHAR", []kept{{"", ""}, {"é'\"\\\n\t🙂", ""}}},
	{"varchar(5)", "VARCHAR", []kept{{"abcde", ""}}},
	{"char(5)", "VARCHAR", []kept{{"ab", "ab   "}}},
	{"name", "VARCHAR", []kept{{"pg", ""}}},
	{`"char"`, "VARCHAR", []kept{{"x", ""}}},
	{"json", "VARCHAR", []kept{{`{"a" : 1.0,"a":2}`, ""}}},
	{"jsonb", "VARCHAR", []kept{{`{"b": 1, "a": [null, "x"]}`, `{"a": [null, "x"], "b": 1}`}}},
	{"xml", "VARCHAR", []kept{{"<a>1</a>", ""}}},
	{"uuid", "UUID", []kept{{"00000000-0000-0000-0000-000000000000", ""}, {"ffffffff-ffff-ffff-ffff-fffffffffffe", ""}}},
	{"bytea", "BLOB", []kept{{`\x`, "(empty)"}, {`\x4100ff`, `A\x00\xFF`}}},
	{"inet", "VARCHAR", []kept{{"10.0.0.1/8", ""}, {"10.0.0.1", ""}, {"::1", ""}}},
	{"cidr", "VARCHAR", []kept{{"10.0.0.0/8", ""}}},
	{"macaddr", "VARCHAR", []kept{{"08:00:2b:01:02:03", ""}}},
	{"macaddr8", "VARCHAR", []kept{{"08:00:2b:01:02:03:04:05", ""}}},
	{"bit(3)", "VARCHAR", []kept{{"101", ""}}},
	{"bit varying", "VARCHAR", []kept{{"", ""}, {"1010", ""}}},
	{"int4range", "VARCHAR", []kept{{"[1,5)", ""}, {"empty", ""}}},
	{"tstzrange", "VARCHAR", []kept{{`["2026-01-01 00:00:00+00",)`, ""}}},
	{"int4multirange", "VARCHAR", []kept{{"{[1,2),[5,6)}", ""}}},
	{"tsvector", "VARCHAR", []kept{{"'a':1 'b':2", ""}}},
	{"point", "VARCHAR", []kept{{"(1,2)", ""}}},
	{"box", "VARCHAR", []kept{{"(3,4),(1,2)", ""}}},
	{"citext", "VARCHAR", []kept{{"aBc", ""}}},
	{"hstore", "VARCHAR", []kept{{`"a"=>"1", "b"=>NULL`, ""}}},
	{"pg_lsn", "VARCHAR", []kept{{"16/B374D848", ""}}},
	{"mood", "VARCHAR", []kept{{"sad", ""}, {"it's ok", ""}}},
	{"price", "DECIMAL(10,2)", []kept{{"1.5", "1.50"}}},
	{"nested_price", "DECIMAL(10,2)", []kept{{"2.25", ""}}},
	{"tags", "VARCHAR[]", []kept{{"{a,b}", "[a, b]"}}},
	{"moods", "VARCHAR", []kept{{"sad", ""}}},
	{"pair", "VARCHAR", []kept{{`(1,"a b")`, ""}}},
	{"integer[]", "INTEGER[]", []kept{{"{1,NULL,3}", "[1, NULL, 3]"}, {"{}", "[]"}, {"{{1,2},{3,4}}", "!dimensions"}, {"[2:3]={1,2}", "!begin"}}},
	{"text[]", "VARCHAR[]", []kept{{`{"a b","NULL",null,"",é,"\"\\"}`, `[a b, 'NULL', NULL, '', é, '"\\']`}}},
	{"numeric(6,2)[]", "DECIMAL(6,2)[]", []kept{{"{1.5,-2}", "[1.50, -2.00]"}, {"{NaN}", "!NaN or infinity"}}},
	{"numeric[]", "VARCHAR[]", []kept{{"{1.50,NaN}", "[1.50, NaN]"}}},
	{"timestamptz[]", "TIMESTAMP WITH TIME ZONE[]", []kept{{`{"2026-01-01 00:00:00+00"}`, "['2026-01-01 00:00:00+00']"}}},
	{"uuid[]", "UUID[]", []kept{{"{00000000-0000-0000-0000-000000000001}", "[00000000-0000-0000-0000-000000000001]"}}},
	{"boolean[]", "BOOLEAN[]", []kept{{"{t,f,NULL}", "[true, false, NULL]"}}},
	{"bytea[]", "BLOB[]", []kept{{`{"\\x41"}`, `[A]`}}},
	{"mood[]", "VARCHAR[]", []kept{{"{sad}", "[sad]"}}},
	{"smallint[]", "INTEGER[]", []kept{{"{-32768,NULL}", "[-32768, NULL]"}}},
	{"double precision[]", "DOUBLE[]", []kept{{"{NaN,-Infinity,0.1}", "[nan, -inf, 0.1]"}}},
	{"date[]", "DATE[]", []kept{{"{2026-11-25,NULL}", "[2026-11-25, NULL]"}, {"{infinity}", "!infinite"}}},
	{"price[]", "DECIMAL(10,2)[]", []kept{{"{1.5}", "[1.50]"}}},
	{"money[]", "VARCHAR", []kept{{"{1.5}", "{$1.50}"}}},
	{"box[]", "VARCHAR", []kept{{"{(3,4),(1,2);(1,1),(0,0)}", ""}}},
	{"interval[]", "VARCHAR", []kept{{`{"1 day"}`, ""}}},
	{"jsonb[]", "VARCHAR[]", []kept{{`{"{\"a\": 1}"}`, `['{"a": 1}']`}}},
}

const typesSQL = `CREATE TYPE mood AS ENUM ('sad', 'it''s ok'); CREATE DOMAIN price AS numeric(10,2); CREATE DOMAIN nested_price AS price CHECK (VALUE > 0);
CREATE DOMAIN tags AS text[]; CREATE TYPE pair AS (a int, b text); CREATE DOMAIN moods AS mood; CREATE EXTENSION citext; CREATE EXTENSION hstore`

// TestTypes reads every value by COPY and, written as a stream of changes writes it, through the stream's decoder: both give
// the same, and what cannot be kept is a reject that says why.
func TestTypes(t *testing.T) {
	of := env.Postgres(t)
	c := connect(t, of)
	exec(t, c, typesSQL)
	s := session(t)
	for i, typ := range types {
		t.Run(typ.typ, func(t *testing.T) {
			name := fmt.Sprintf("t%d", i)
			exec(t, c, fmt.Sprintf("CREATE TABLE %s (id int PRIMARY KEY, v %s)", name, typ.typ))
			for id, v := range typ.values {
				if _, err := c.Exec(t.Context(), fmt.Sprintf("INSERT INTO %s VALUES (%d, '%s')", name, id, strings.ReplaceAll(v.value, "'", "''")), pgx.QueryExecModeSimpleProtocol); err != nil {
					t.Fatal(err)
				}
			}
			exec(t, c, fmt.Sprintf("INSERT INTO %s VALUES (-1, NULL)", name))
			rows := open(t, of, "public."+name, nil)
			cols := rows.Columns()
			if cols[1].Type != typ.lake {
				t.Errorf("is read as %s, not %s", cols[1].Type, typ.lake)
			}
			got, rejects := taken(t, s, rows)
			streamed := stream(t, s, c, name, typ.lake)
			if got["-1"] != "(null)" || streamed["-1"] != "(null)" {
				t.Errorf("a null became %q and %q", got["-1"], streamed["-1"])
			}
			for id, v := range typ.values {
				key, want := fmt.Sprint(id), v.as
				switch want {
				case "":
					want = v.value
				case "(empty)":
					want = ""
				}
				if reason, rejected := strings.CutPrefix(want, "!"); rejected {
					at := slices.IndexFunc(rejects, func(r record.Reject) bool { return strings.Contains(r.Raw, fmt.Sprintf(`"id":"%d"`, id)) })
					if at < 0 || !strings.Contains(rejects[at].Reason, reason) || !strings.Contains(streamed[key], reason) {
						t.Errorf("%s: rejects %+v, streamed %q", v.value, rejects, streamed[key])
					}
					continue
				}
				if got[key] != want || streamed[key] != want {
					t.Errorf("%s: copied %q, streamed %q, want %q", v.value, got[key], streamed[key], want)
				}
			}
		})
	}
}

// onPage are the words of docs/postgres.md for types that it does not write as here.
var onPage = map[string]string{
	"numeric(12,2)": "numeric(p,s), up to 38 digits", "numeric(18,0)": "numeric(p,s), up to 38 digits", "numeric(18,18)": "numeric(p,s), up to 38 digits",
	"numeric(38,10)": "numeric(p,s), up to 38 digits", "numeric(38,0)": "numeric(p,s), up to 38 digits",
	"numeric(3,-2)": "numeric(p,-s), up to 38 digits", "numeric(3,5)": "numeric(p,s), s > p, up to 38 digits", "numeric(39,2)": "numeric(p,s), more digits",
	"varchar(5)": "varchar", "char(5)": "char(n)", "bit(3)": "bit(n)", "mood": "an enum", "pair": "a composite type",
	"int4range": "ranges and multiranges", "tstzrange": "ranges and multiranges", "int4multirange": "ranges and multiranges",
	"price": "a domain", "nested_price": "a domain", "tags": "a domain", "moods": "a domain", "citext": "all other types", "hstore": "all other types",
	"box": "point", "box[]": "any other array", "interval[]": "any other array", "money[]": "any other array",
}

// inLake are the words of the page for types of the lake that depend on the type of the source.
var inLake = map[string]string{"decimal(p,s)": "decimal", "decimal(p+s,0)": "decimal", "decimal(s,s)": "decimal", "timestamptz": "timestamp with time zone"}

// TestTypesOfPage holds the type table of docs/postgres.md to the cases above: each has a type of the page, with the lake's type
// and a word on rejects if there are any, and no type of the page is without a case.
func TestTypesOfPage(t *testing.T) {
	text, err := os.ReadFile("../../../docs/postgres.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| in PostgreSQL ")
	_, table, _ = strings.Cut(table, "|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	type line struct{ lake, rejects string }
	page, used := map[string]line{}, map[string]bool{}
	for _, row := range strings.Split(table, "\n") {
		cells := strings.Split(strings.Trim(row, "|"), "|")
		lake := strings.Trim(strings.TrimSpace(cells[1]), "`")
		names := strings.ReplaceAll(strings.TrimSpace(cells[0]), "`", "")
		list := []string{names}
		if !strings.Contains(names, "digits") && !strings.HasPrefix(names, "an array") {
			list = strings.Split(names, ", ")
		}
		for _, n := range list {
			page[n] = line{cmp.Or(inLake[lake], lake), strings.TrimSpace(cells[2])}
		}
	}
	const list = "an array of a type that does not become text, of text or of an enum"
	for _, typ := range types {
		name := cmp.Or(onPage[typ.typ], typ.typ)
		if strings.HasSuffix(name, "[]") {
			name = list
		}
		if name == "point" {
			name = "point and other shapes"
		}
		used[name] = true
		p, ok := page[name]
		got := strings.ToLower(typ.lake)
		switch {
		case !ok:
			t.Errorf("docs/postgres.md has no %s", name)
		case p.lake == "what it stands on":
		case p.lake == "a list":
			if !strings.HasSuffix(got, "[]") {
				t.Errorf("%s is %s, on the page a list", typ.typ, got)
			}
		case !strings.HasPrefix(got, p.lake) || strings.HasSuffix(got, "[]"):
			t.Errorf("%s is %s, on the page %s", typ.typ, got, p.lake)
		}
		for _, v := range typ.values {
			if strings.HasPrefix(v.as, "!") && p.rejects == "" {
				t.Errorf("%s rejects %s, and the page does not say so", typ.typ, v.value)
			}
		}
	}
	for name := range page {
		if !used[name] {
			t.Errorf("docs/postgres.md has %s, of which there is no case", name)
		}
	}
}

// TestDeclaredText keeps what no other type holds.
func TestDeclaredText(t *testing.T) {
	of := env.Postgres(t)
	c := connect(t, of)
	exec(t, c, `CREATE TABLE x (id int PRIMARY KEY, n numeric(10,2), d date, a int[], b boolean, f float8);
		INSERT INTO x VALUES (1, 'NaN', 'infinity', '{{1,2},{3,4}}', true, 'Infinity')`)
	var declared []job.Column
	for _, name := range []string{"n", "d", "a", "b", "f"} {
		declared = append(declared, job.Column{Name: name, Type: "VARCHAR"})
	}
	rows := open(t, of, "public.x", declared)
	s := session(t)
	release, err := s.Batches(t.Context(), "weir_in", rows)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	got, err := s.Strings(t.Context(), "SELECT n, d, a, b, f, id FROM weir_in")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"NaN", "infinity", "{{1,2},{3,4}}", "true", "Infinity"} {
		if got[0][i].Value != want {
			t.Errorf("column %d is %q, not %q", i, got[0][i].Value, want)
		}
	}
}

func connect(t *testing.T, of string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), of)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	exec(t, c, "SET timezone = 'UTC'; SET lc_monetary = 'C'; SET datestyle = 'ISO'; SET bytea_output = 'hex'")
	return c
}

func exec(t *testing.T, c *pgx.Conn, sql string) {
	t.Helper()
	if _, err := c.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func session(t *testing.T) *duckdb.Session {
	t.Helper()
	e, err := duckdb.Open(t.Context(), duckdb.Options{Memory: 512 << 20, TempDir: t.TempDir(), Timezone: "UTC"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(s.Close(), e.Close()) })
	return s
}

// open begins to read a dataset whole.
func open(t *testing.T, of, dataset string, declared []job.Column) source.Rows {
	t.Helper()
	o, err := (&postgres.Config{}).WithURL(of).Open(t.Context(), source.Env{Root: t.TempDir(), Scratch: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	reader := &postgres.Reader{}
	reader.SetDataset(dataset, "", "")
	reader.SetColumns(declared)
	src, err := o.Dataset(reader)
	if err != nil {
		t.Fatal(err)
	}
	scan, err := src.Begin(t.Context(), job.Read{Table: "raw.t"})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := scan.(source.Batched).Rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(rows.Close(), scan.Close(), src.Close(), o.Close()) })
	return rows
}

// taken reads rows of id and v into the engine and gives each v as the engine writes it.
func taken(t *testing.T, s *duckdb.Session, rows source.Rows) (map[string]string, []record.Reject) {
	t.Helper()
	release, err := s.Batches(t.Context(), "weir_in", rows)
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Strings(t.Context(), "SELECT id, v FROM weir_in")
	if err = errors.Join(err, release()); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range out {
		if got[r[0].Value] = r[1].Value; !r[1].Valid {
			got[r[0].Value] = "(null)"
		}
	}
	return got, rows.Rejects()
}

// one is a reader of one batch.
type one struct {
	batch arrow.RecordBatch
	given bool
}

func (o *one) Schema() *arrow.Schema { return o.batch.Schema() }
func (o *one) Close() error          { return nil }
func (o *one) Next(context.Context) (arrow.RecordBatch, error) {
	if o.given {
		return nil, io.EOF
	}
	o.given = true
	return o.batch, nil
}

// stream decodes the values of a table as a stream of changes writes them: by the output functions of their types. A value that
// does not fit is its reason.
func stream(t *testing.T, s *duckdb.Session, c *pgx.Conn, name, lake string) map[string]string {
	t.Helper()
	decode, typ, err := postgres.TextDecoder(t.Context(), c, name, "v")
	if err != nil {
		t.Fatal(err)
	}
	if typ != lake {
		t.Errorf("is streamed as %s, not %s", typ, lake)
	}
	rows, err := c.Query(t.Context(), "SELECT id, v IS NULL, concat(v) FROM "+name+" ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	pool := record.NewPool()
	defer pool.Close()
	b, err := record.NewBuilder([]job.Column{{Name: "id", Type: "BIGINT"}, {Name: "v", Type: lake}}, pool)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	got := map[string]string{}
	for rows.Next() {
		var id int64
		var null bool
		var text string
		if err := rows.Scan(&id, &null, &text); err != nil {
			t.Fatal(err)
		}
		b.Columns[0].Int64(id)
		if null {
			b.Columns[1].Null()
		} else if err := decode(&b.Columns[1], []byte(text)); err != nil {
			got[fmt.Sprint(id)] = err.Error()
			b.Undo()
			continue
		}
		b.EndRow()
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	release, err := s.Batches(t.Context(), "weir_in", &one{batch: b.Take()})
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Strings(t.Context(), "SELECT id, v FROM weir_in")
	if err = errors.Join(err, release()); err != nil {
		t.Fatal(err)
	}
	for _, r := range out {
		if got[r[0].Value] = r[1].Value; !r[1].Valid {
			got[r[0].Value] = "(null)"
		}
	}
	return got
}
