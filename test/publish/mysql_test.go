package publish

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/mysql"
	"weir/internal/mysql/wire"
	"weir/test/env"
)

// mysqlPlace is a project and the server of MySQL or MariaDB it publishes to.
type mysqlPlace struct {
	*place
	my *wire.Conn
}

func newMySQLPlace(t *testing.T, of string, files map[string]string) *mysqlPlace {
	t.Helper()
	server, err := (&mysql.Settings{URL: of}).Prepare("", nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := server.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	p := &mysqlPlace{place: &place{T: t, dir: t.TempDir()}, my: c}
	p.connection(fmt.Sprintf("{ type: mysql, url: %q }", of))
	for path, text := range files {
		files[path] = strings.ReplaceAll(text, "bi.public.", "bi.")
	}
	p.write(files)
	return p
}

func (p *mysqlPlace) there(sql string) []string {
	p.Helper()
	rows, err := p.my.Strings(p.Context(), sql)
	if err != nil {
		p.Fatalf("%s: %v", sql, err)
	}
	out := []string{}
	for _, r := range rows {
		var row []string
		for _, v := range r {
			text := "NULL"
			if v.Valid {
				text = v.Value
			}
			row = append(row, text)
		}
		out = append(out, strings.Join(row, "|"))
	}
	return out
}

func (p *mysqlPlace) exec(sql string) {
	p.Helper()
	if err := p.my.Exec(p.Context(), sql); err != nil {
		p.Fatalf("%s: %v", sql, err)
	}
}

func (p *mysqlPlace) holds(sql string, want ...string) {
	p.Helper()
	if got := p.there(sql); !slices.Equal(got, want) {
		p.Errorf("%s gives\n%s\nwant\n%s", sql, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (p *mysqlPlace) same(table, destination, columns string) {
	p.Helper()
	here, there := p.here(columns+" from "+table), p.there("SELECT "+columns+" FROM "+destination)
	slices.Sort(here)
	slices.Sort(there)
	if !slices.Equal(here, there) {
		p.Errorf("%s has %d rows, %s has %d, and they differ", table, len(here), destination, len(there))
	}
}

func (p *mysqlPlace) followed() {
	p.Helper()
	p.same("raw.orders", "upserted", "id, v, text")
	p.same("raw.orders", "replaced", "id, v, text")
	p.same("raw.events", "appended", "id, v, text")
	p.same("marts.by_v", "by_v", "v, n")
}

// TestMySQLKilled is TestKilled with a server whose definitions commit by themselves.
func TestMySQLKilled(t *testing.T) {
	env.EachMySQL(t, func(t *testing.T, of string) {
		p := newMySQLPlace(t, of, map[string]string{"tables/raw/orders.yaml": following["tables/raw/orders.yaml"], "tables/raw/events.yaml": following["tables/raw/events.yaml"], "tables/marts/by_v.sql": following["tables/marts/by_v.sql"]})
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewPCG(seed, 2))
		batch(p.place, 0, 2000)
		began := time.Now()
		p.weir(0, "run")
		p.followed()
		span := 2 * time.Since(began)
		killed := 0
		for n := 1; killed < 12; n++ {
			batch(p.place, n, 2000)
			for i := 0; i < 4 && killed < 12; i++ {
				if kill(p.place, time.Duration(rng.Int64N(int64(span)))) {
					killed++
				}
			}
			if n%3 == 0 {
				p.weir(0, "run")
				p.followed()
			}
		}
		p.weir(0, "run")
		p.followed()
		p.says(p.weir(0, "run"), "4 destinations up to date")
		p.holds("SELECT count(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()", "5") // and nothing is left over
	})
}

// TestMySQLNetworkBreaks is TestNetworkBreaks.
func TestMySQLNetworkBreaks(t *testing.T) {
	server := env.MariaDB(t)
	network := env.Proxy(t, server)
	files := map[string]string{}
	for path, text := range following {
		files[path] = text
	}
	p := newMySQLPlace(t, server, files)
	p.connection(fmt.Sprintf("{ type: mysql, url: %q }", network.URL))
	batch(p.place, 0, 500)
	p.weir(0, "run")
	n := 0
	for _, way := range []env.Direction{env.ToServer, env.FromServer} {
		for _, after := range []int64{1_500, 4_000, 9_000, 14_000, 30_000} {
			n++
			batch(p.place, n, 300)
			network.BreakAfter(t, way, after)
			p.weir(0, "run", "--jobs", "1")
			network.Heal(t)
			p.followed()
		}
	}
}

// mysqlValues are those of values that a server of MySQL shows in another way, or in another type.
var mysqlValues = map[string]struct{ typ, shown string }{
	"b": {"tinyint(1)", "1"}, "i": {"int", ""}, "f": {"float", "0.1"}, "d": {"double", "-1.7976931348623157e308"}, "d_tiny": {"double", "5e-324"}, "n_zero": {"decimal(12,2)", "0.00"},
	"day": {"date", "0001-01-01"}, "at": {"time(6)", ""}, "ts": {"datetime(6)", ""}, "tz": {"datetime(6)", "2026-03-29 00:30:00.000001"}, "t": {"longtext", ""}, "t_empty": {"longtext", ""}, "u": {"char(36)", ""},
	"x": {"longblob", "00FF41"}, "l": {"bigint", ""},
	"list": {"json", "[1,null,3]"}, "list_empty": {"json", "[]"}, "list_text": {"json", `["a,b",null,""]`}, "list_n": {"json", "[1.5,-0.001]"}, "list_u": {"json", `["f81d4fae-7dec-11d0-a765-00a0c91e6bf6"]`},
	"list_tz": {"json", `["2026-03-29 01:30:00+00"]`}, "deep": {"json", "[[1],[2,3]]"}, "s": {"json", `{"a":1,"b c":1234567890123456.7800,"d":"2026-03-01"}`}, "m": {"json", `{"k":9007199254740993}`},
}

// TestMySQLTypes publishes every type but for values that MySQL lacks, straight and through staging.
func TestMySQLTypes(t *testing.T) {
	of := env.MariaDB(t)
	var items, nulls []string
	for _, v := range values {
		if v.column != "f_nan" && v.column != "d_inf" {
			items = append(items, "("+v.sql+")::"+v.typ+" AS "+v.column)
			nulls = append(nulls, "NULL::"+v.typ+" AS "+v.column)
		}
	}
	p := newMySQLPlace(t, of, map[string]string{
		"tables/raw/r.yaml": "from: inbox\npath: \"*.csv\"\ncolumns: { id: bigint }\n", "inbox/1.csv": "id\n1\n2\n",
		"tables/marts/all.sql": "/* weir\nkey: id\npublish:\n  - bi.upserted\n  - { to: bi.replaced, mode: replace }\n  - { to: bi.appended, mode: append }\n*/\n" +
			"select r.id, v.* from (select " + strings.Join(items, ", ") + ") as v, raw.r as r where r.id = 1 union all select r.id, v.* from (select " + strings.Join(nulls, ", ") + ") as v, raw.r as r where r.id = 2 order by 1\n",
	})
	check := func() {
		t.Helper()
		for _, table := range []string{"upserted", "replaced", "appended"} {
			for _, v := range values {
				if v.column == "f_nan" || v.column == "d_inf" {
					continue
				}
				typ, shown, column := v.server, v.shown, v.column
				if my, ok := mysqlValues[v.column]; ok {
					typ = my.typ
					if my.shown != "" {
						shown = my.shown
					}
				}
				if v.typ == "blob" {
					column = "hex(" + column + ")"
				}
				if strings.HasPrefix(v.column, "n") {
					typ = strings.Replace(typ, "numeric", "decimal", 1)
				}
				if typ == "json" {
					typ = "longtext" // another name of it, which MariaDB shows
				}
				got := p.there("SELECT COLUMN_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '" + table + "' AND COLUMN_NAME = '" + v.column + "'")
				if len(got) != 1 || strings.TrimSuffix(strings.TrimSuffix(got[0], "(11)"), "(20)") != typ {
					t.Errorf("%s.%s is %q, want %s", table, v.column, got, typ)
				}
				p.holds("SELECT "+column+" FROM "+table+" ORDER BY id", shown, "NULL")
			}
		}
	}
	p.weir(0, "run")
	check()
	if t.Failed() {
		return
	}
	p.says(p.weir(0, "publish", "--full"), "bi.upserted: 2 rows, 0 written", "bi.replaced: 2 rows", "bi.appended: 2 rows")
	check()
	p.exec("CREATE TRIGGER keeps BEFORE INSERT ON replaced FOR EACH ROW SET new.id = new.id")
	p.exec("DELETE FROM upserted")
	p.weir(0, "publish", "--full")
	check()
	// The same by statements, where the server forbids LOAD DATA LOCAL.
	own := env.OwnMariaDB(t)
	server, err := (&mysql.Settings{URL: own.URL}).Prepare("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.my, err = server.Dial(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.my.Close() })
	for _, sql := range []string{"SET GLOBAL local_infile = 0", "CREATE DATABASE types", "USE types"} {
		p.exec(sql)
	}
	p.connection(fmt.Sprintf("{ type: mysql, url: %q }", strings.TrimSuffix(own.URL, "/")+"/types"))
	p.weir(0, "publish")
	check()
}

// What MySQL has no value for is a refused row, and what a column there cannot hold exactly is named.
func TestMySQLRefuses(t *testing.T) {
	p := newMySQLPlace(t, env.MariaDB(t), map[string]string{
		"tables/marts/odd.sql": "/* weir\nkey: id\npublish: { to: bi.odd, max_rejects: 10 }\n*/\n" +
			"select id, case id when 1 then 'nan'::double else 1 end as d, case id when 2 then timestamp '10000-01-01' else timestamp '2026-01-01' end as ts, case id when 3 then date '0044-03-15 (BC)' else date '2026-01-01' end as day, case id when 4 then {'x': 'inf'::double} else {'x': 1.5::double} end as s, repeat('k', case id when 5 then 300 else 3 end) || id as k from range(1, 8) r(id)\n",
		"tables/marts/keyed.sql": "/* weir\nkey: k\npublish: { to: bi.keyed, max_rejects: 10 }\n*/\nselect k, id from marts.odd\n",
		"tables/raw/o.yaml":      "from: inbox\npath: \"*.csv\"\nkey: id\ncolumns: { id: bigint, n: bigint, price: \"decimal(12,4)\", code: varchar, e: varchar }\npublish: { to: bi.o, max_rejects: 10 }\n",
		"inbox/1.csv":            "id,n,price,code,e\n1,1,1.5000,abc,red\n2,3000000000,1,abc,red\n3,1,1,abcdef,red\n4,1,1,abc,blue\n5,1,12345678,abc,red\n6,1,1,\"abc   \",red\n",
	})
	p.exec("CREATE TABLE o (id bigint PRIMARY KEY, n int, price decimal(8,4), code varchar(4), e enum('red', 'green'))")
	out := p.weir(0, "run")
	p.says(out, "published to bi.odd: 7 rows, 3 written", "published to bi.keyed: 7 rows, 6 written", "published to bi.o: 6 rows, 1 written")
	p.holds("SELECT id FROM odd ORDER BY 1", "5", "6", "7")
	p.says(p.weir(0, "rejects", "show", "marts.odd"), "d: the number is not finite", "ts: the date lies outside MySQL's calendar", "day: the date lies outside MySQL's calendar", "Infinity")
	p.holds("SELECT * FROM o", "1|1|1.5000|abc|red")
	p.says(p.weir(0, "rejects", "show", "raw.o"), "Out of range value for column 'n'", "Data too long for column 'code'", "column 'e'", "Out of range value for column 'price'", "spaces at the end")
	p.exec("ALTER TABLE o MODIFY n bigint, MODIFY code varchar(8), MODIFY e varchar(9)")
	p.says(p.weir(0, "rejects", "replay", "raw.o"), "raw.o to bi.o: 5 rows sent again, 1 refused again")
	p.holds("SELECT id, e FROM o ORDER BY 1", "1|red", "2|red", "3|red", "4|blue", "6|red")
	p.exec("DROP TABLE o")
	p.exec("CREATE TABLE o (id bigint PRIMARY KEY, n float, price decimal(12,2), code int, e text)")
	p.says(p.weir(2, "publish", "raw.o"), "column n is float there, which does not hold every bigint", "column price is decimal(12,2) there", "column code is int(11) there")
}
