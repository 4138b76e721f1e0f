package publish

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/test/env"
)

const orders = "from: inbox\npath: \"orders*.csv\"\nkey: id\ncolumns: { id: bigint, store: varchar, total: \"decimal(12,2)\" }\n"

func TestUpsertFollows(t *testing.T) {
	p := newPlace(t, env.Postgres(t), map[string]string{
		"tables/raw/orders.yaml": orders + "publish: bi.public.orders\n",
		"inbox/orders1.csv":      "id,store,total\n1,London,1.50\n2,Leeds,2.50\n3,York,3.50\n",
	})
	p.says(p.weir(0, "run"), "raw.orders                published to bi.public.orders: 3 rows · all rows: first load", "1 built, 1 published")
	p.holds("SELECT * FROM orders ORDER BY 1", "1|London|1.50", "2|Leeds|2.50", "3|York|3.50")
	p.says(p.weir(0, "run"), "skipped  bi.public.orders is up to date: unchanged since run 1", "1 destination up to date")

	p.write(map[string]string{"inbox/orders2.csv": "id,store,total\n2,Leeds,9.99\n4,Hull,4.50\n"})
	p.says(p.weir(0, "publish", "--dry-run"), "skip")
	p.says(p.weir(0, "run"), "published to bi.public.orders: 2 rows")
	p.holds("SELECT * FROM orders ORDER BY 1", "1|London|1.50", "2|Leeds|9.99", "3|York|3.50", "4|Hull|4.50")
	p.says(p.weir(0, "publish"), "up to date")

	// Several commits, of which the last wins, are one difference.
	for i, total := range []string{"7.00", "8.00", "9.00"} {
		p.write(map[string]string{"inbox/orders" + string(rune('a'+i)) + ".csv": "id,store,total\n1,London," + total + "\n"})
		p.bare(0, "run")
	}
	p.says(p.weir(0, "publish", "--dry-run"), "bi.public.orders  publish  1 row")
	p.says(p.weir(0, "publish"), "1 row")
	p.holds("SELECT total FROM orders WHERE id = 1", "9.00")
	p.same("raw.orders", "orders", "id, store, total")
}

func TestDeletesFollow(t *testing.T) {
	p := newPlace(t, env.Postgres(t), map[string]string{
		"tables/raw/orders.yaml":  "from: inbox\npath: \"orders*.csv\"\ncolumns: { id: bigint, store: varchar, total: \"decimal(12,2)\" }\n",
		"tables/marts/stores.sql": "/* weir\nkey: store\ndeletes: remove\npublish: { to: bi.marts.stores }\n*/\nselect store, sum(total)::decimal(18,2) as total from raw.orders group by 1\n",
		"inbox/orders1.csv":       "id,store,total\n1,London,1.50\n2,Leeds,2.50\n",
	})
	p.weir(0, "run")
	p.holds("SELECT * FROM marts.stores ORDER BY 1", "Leeds|2.50", "London|1.50")
	p.write(map[string]string{"inbox/orders1.csv": "id,store,total\n1,London,5.50\n"})
	p.says(p.weir(0, "run"), "published to bi.marts.stores: 1 row, 1 deleted")
	p.holds("SELECT * FROM marts.stores ORDER BY 1", "London|5.50")
}

func TestAppend(t *testing.T) {
	p := newPlace(t, env.Postgres(t), map[string]string{
		"tables/raw/events.yaml": "from: inbox\npath: \"*.csv\"\ncolumns: { id: bigint }\npublish: { to: bi.public.events, mode: append }\n",
		"inbox/1.csv":            "id\n1\n1\n",
	})
	p.weir(0, "run")
	p.write(map[string]string{"inbox/2.csv": "id\n2\n"})
	p.says(p.weir(0, "run"), "published to bi.public.events: 1 row")
	p.holds("SELECT id FROM events ORDER BY 1", "1", "1", "2")
	// Compaction is no change.
	for i := 3; i < 9; i++ {
		p.write(map[string]string{fmt.Sprintf("inbox/%d.csv", i): fmt.Sprintf("id\n%d\n", i)})
		p.bare(0, "run")
	}
	p.says(p.weir(0, "run"), "6 rows")
	p.says(p.weir(0, "maintain", "--yes"), "compact")
	p.says(p.weir(0, "run"), "up to date")
	p.write(map[string]string{"inbox/9.csv": "id\n9\n"})
	p.says(p.weir(0, "run"), "published to bi.public.events: 1 row")
	p.holds("SELECT count(*), count(DISTINCT id) FROM events", "10|9")
	// A changed file replaces its rows in the lake. What was added there before cannot be taken back.
	p.write(map[string]string{"inbox/1.csv": "id\n1\n3\n"})
	out := p.weir(5, "run")
	p.says(out, "1 rows of raw.events changed or went since run", "and mode append takes none back", "weir publish raw.events --full", "1 built, 1 destination failed")
	p.holds("SELECT count(*), count(DISTINCT id) FROM events", "10|9")
	p.says(p.weir(3, "run", "--failed"), "changed or went")
	p.says(p.weir(0, "publish", "--full"), "10 rows", "all rows: asked for")
	p.same("raw.events", "events", "id")
	p.says(p.weir(0, "run"), "up to date")
}

func TestHistory(t *testing.T) {
	p := newPlace(t, env.Postgres(t), map[string]string{
		"tables/raw/customers.yaml": "from: inbox\npath: \"*.csv\"\nmode: history\nkey: id\norder_by: at\ncolumns: { id: bigint, city: varchar, at: timestamp }\npublish: bi.public.customers\n",
		"inbox/1.csv":               "id,city,at\n1,Leeds,2026-03-01 00:00:00\n2,York,2026-03-01 00:00:00\n",
	})
	const rows = "SELECT id, city, valid_from, valid_to, is_current FROM customers ORDER BY 1, 3"
	p.weir(0, "run")
	p.write(map[string]string{"inbox/2.csv": "id,city,at\n1,Hull,2026-03-05 00:00:00\n"})
	p.weir(0, "run")
	p.holds(rows, "1|Leeds|2026-03-01 00:00:00|2026-03-05 00:00:00|f", "1|Hull|2026-03-05 00:00:00|NULL|t", "2|York|2026-03-01 00:00:00|NULL|t")
	// A row that comes late parts a version.
	p.write(map[string]string{"inbox/3.csv": "id,city,at\n1,Bath,2026-03-03 00:00:00\n"})
	p.says(p.weir(0, "run"), "2 rows")
	p.holds(rows, "1|Leeds|2026-03-01 00:00:00|2026-03-03 00:00:00|f", "1|Bath|2026-03-03 00:00:00|2026-03-05 00:00:00|f", "1|Hull|2026-03-05 00:00:00|NULL|t", "2|York|2026-03-01 00:00:00|NULL|t")
	p.same("raw.customers", "customers", "id, city")
	if cols := strings.Join(p.there("SELECT attname FROM pg_attribute WHERE attrelid = 'customers'::regclass AND attnum > 0 ORDER BY attnum"), " "); cols != "id city at valid_from valid_to is_current" {
		t.Errorf("columns %s", cols)
	}
}

// Where changes cannot be told all rows are brought, and it is said why; where the lake is older than the destination nothing is.
func TestFallsBack(t *testing.T) {
	p := newPlace(t, env.Postgres(t), map[string]string{
		"tables/raw/orders.yaml": orders + "publish: { to: bi.public.orders }\n",
		"inbox/orders1.csv":      "id,store,total\n1,London,1.50\n2,Leeds,2.50\n",
	})
	p.weir(0, "run")
	p.write(map[string]string{"inbox/orders2.csv": "id,store,total\n2,Leeds,9.00\n3,York,3.00\n"})
	p.weir(0, "run")
	p.weir(0, "rollback", "raw.orders", "--to", "1", "--yes")
	p.says(p.weir(0, "publish"), "all rows: raw.orders was rolled back behind snapshot")
	p.holds("SELECT * FROM orders ORDER BY 1", "1|London|1.50", "2|Leeds|2.50")

	// A table that is made anew is another one.
	p.weir(0, "drop", "raw.orders", "--yes")
	p.write(map[string]string{"inbox/orders2.csv": "id,store,total\n3,York,3.00\n"})
	p.says(p.weir(0, "run"), "all rows: raw.orders was made anew since")
	p.same("raw.orders", "orders", "id, store, total")

	// What another table publishes is not overwritten.
	p.write(map[string]string{"tables/raw/other.yaml": orders + "publish: { to: bi.public.orders }\n", "tables/raw/orders.yaml": orders})
	p.says(p.weir(5, "run"), "the destination holds table raw.orders")
	p.says(p.weir(0, "publish", "raw.other", "--full"), "all rows: asked for")
	p.says(p.weir(0, "run"), "up to date")
}

// TestExpiry lets snapshots expire: those that a destination has yet to follow stay, as far as the journal knows.
func TestExpiry(t *testing.T) {
	p := newPlace(t, env.Postgres(t), map[string]string{
		"tables/raw/orders.yaml": orders + "keep: { snapshots: 0s, at_least: 1 }\npublish: bi.public.orders\n",
		"inbox/orders1.csv":      "id,store,total\n1,London,1.50\n2,Leeds,2.50\n",
	})
	p.weir(0, "run")
	changes := func(n int) {
		for i := range 3 {
			p.write(map[string]string{fmt.Sprintf("inbox/orders%d%d.csv", n, i): fmt.Sprintf("id,store,total\n1,London,%d.%d\n", n, i)})
			p.bare(0, "run")
		}
	}
	changes(1)
	p.weir(0, "maintain", "--yes")
	p.says(p.weir(0, "run"), "published to bi.public.orders: 1 row  ") // and not all rows
	p.holds("SELECT total FROM orders WHERE id = 1", "1.20")
	changes(2)
	p.bare(0, "maintain", "--yes") // its journal knows of no destination
	p.says(p.weir(0, "run"), "2 rows, 1 written", "which has expired")
	p.holds("SELECT total FROM orders WHERE id = 1", "2.20")
}

// TestOlderLake publishes from a copy of the lake that was left behind.
func TestOlderLake(t *testing.T) {
	url := env.Postgres(t)
	p := newPlace(t, url, map[string]string{
		"tables/raw/orders.yaml": orders + "publish: { to: bi.public.orders }\n",
		"inbox/orders1.csv":      "id,store,total\n1,London,1.50\n",
	})
	p.weir(0, "run")
	before := p.copy()
	p.write(map[string]string{"inbox/orders2.csv": "id,store,total\n1,London,2.50\n"})
	p.weir(0, "run")
	p.lake(before, ".before")
	p.says(p.weir(3, "publish"), "the destination holds version 2 of raw.orders", "this lake only has 1", "older copy of the lake")
	p.holds("SELECT total FROM orders", "2.50")
	p.lake(p.dir+"/.before", ".again")
	p.says(p.weir(0, "publish"), "up to date")
}

func TestColumns(t *testing.T) {
	p := newPlace(t, env.Postgres(t), map[string]string{
		"tables/raw/people.yaml": "from: inbox\npath: \"*.csv\"\nkey: id\ncolumns: { id: integer, name: varchar, secret: varchar }\npublish: { to: bi.public.people, columns: [id, name] }\n",
		"inbox/1.csv":            "id,name,secret\n1,Ada,x\n2,Bob,y\n",
	})
	p.weir(0, "run")
	p.holds("SELECT * FROM people ORDER BY 1", "1|Ada", "2|Bob")
	p.write(map[string]string{"tables/marts/m.sql": "/* weir\npublish: { to: bi.public.m, key: naem, columns: [naem] }\n*/\nselect id, name from raw.people\n"})
	p.says(p.weir(2, "validate"), `tables/marts/m.sql:2:12: publish: column "naem" is not in marts.m; nearest: name`)
	if err := os.Remove(filepath.Join(p.dir, "tables/marts/m.sql")); err != nil {
		t.Fatal(err)
	}
	// A change in a column that is not published is none there.
	p.write(map[string]string{"inbox/2.csv": "id,name,secret\n2,Bob,z\n"})
	p.says(p.weir(0, "run"), "published to bi.public.people: 0 rows")
	// A column that is chosen later has values in rows that did not change.
	p.write(map[string]string{"tables/raw/people.yaml": "from: inbox\npath: \"*.csv\"\nkey: id\ncolumns: { id: integer, name: varchar, secret: varchar }\npublish: { to: bi.public.people }\n"})
	p.says(p.weir(0, "run"), "all rows: column secret was not published before", "new column secret")
	p.holds("SELECT * FROM people ORDER BY 1", "1|Ada|x", "2|Bob|z")
	// A renamed column is renamed there; a wider one is wider; a new one comes.
	p.exec("CREATE VIEW names AS SELECT id FROM people")
	p.write(map[string]string{
		"tables/raw/people.yaml": "from: inbox\npath: \"*.csv\"\nkey: id\ncolumns: { id: integer, full_name: { type: varchar, was: name }, secret: varchar, born: date }\npublish: { to: bi.public.people }\n",
		"inbox/3.csv":            "id,full_name,secret,born\n3,Cyd,w,2001-02-03\n",
	})
	p.says(p.weir(0, "run"), "renamed column name → full_name", "new column born", "published to bi.public.people: 1 row")
	p.holds("SELECT id, full_name, born FROM people ORDER BY 1", "1|Ada|NULL", "2|Bob|NULL", "3|Cyd|2001-02-03")
}

func TestKeyTellsRowsApart(t *testing.T) {
	p := newPlace(t, env.Postgres(t), map[string]string{
		"tables/raw/a.yaml": "from: inbox\npath: \"*.csv\"\ncolumns: { id: bigint, name: varchar }\npublish: { to: bi.public.a, key: id }\n",
		"inbox/1.csv":       "id,name\n1,a\n1,b\n",
	})
	p.says(p.weir(5, "run"), "2 rows have the key (id) = (1)")
	p.write(map[string]string{"inbox/1.csv": "id,name\n1,a\n,b\n"})
	p.says(p.weir(5, "run"), "key (id) of a row is null: (null)")
	p.write(map[string]string{"inbox/1.csv": "id,name\n1,a\n2,b\n"})
	p.weir(0, "run")
	p.holds("SELECT * FROM a ORDER BY 1", "1|a", "2|b")
}

func TestRefusedRows(t *testing.T) {
	p := newPlace(t, env.Postgres(t), map[string]string{
		"tables/raw/orders.yaml": orders + "publish: { to: bi.public.orders, max_rejects: 1 }\n",
		"inbox/orders1.csv":      "id,store,total\n1,London,1.50\n2,Leeds,-2.50\n",
	})
	p.exec("CREATE TABLE orders (id bigint PRIMARY KEY, store text, total numeric(12,2) CHECK (total >= 0))")
	p.says(p.weir(0, "run"), "2 rows, 1 written", "1 row refused and left out there: weir rejects show raw.orders")
	p.holds("SELECT * FROM orders", "1|London|1.50")
	p.says(p.weir(0, "rejects", "show", "raw.orders"), "bi.public.orders  publish  run 1", "orders_total_check", `"total": -2.50`)
	p.write(map[string]string{"inbox/orders2.csv": "id,store,total\n3,York,-3.00\n4,York,-4.00\n5,York,5.00\n"})
	out := p.weir(5, "run")
	p.says(out, "nothing was published: row (id) = (", "2 refused, limit 1", "raw.orders                built")
	p.holds("SELECT * FROM orders", "1|London|1.50")
	p.says(p.weir(0, "rejects", "list"), "raw.orders         0            0                0           3")
	p.exec("ALTER TABLE orders DROP CONSTRAINT orders_total_check")
	p.says(p.weir(0, "run", "--failed"), "published to bi.public.orders: 3 rows")
	p.says(p.weir(0, "publish", "--full"), "5 rows, 1 written")
	p.same("raw.orders", "orders", "id, store, total")
	p.says(p.weir(0, "rejects", "list"), "no open rejects")
}

// TestRefusedRowsAreSentAgain replays what a destination refused: rows as the table has them now, once, and what it refuses again stays.
func TestRefusedRowsAreSentAgain(t *testing.T) {
	p := newPlace(t, env.Postgres(t), map[string]string{
		"tables/raw/orders.yaml": orders + "publish: { to: bi.public.orders, max_rejects: 5 }\n",
		"inbox/orders1.csv":      "id,store,total\n1,London,1.50\n2,Leeds,-2.50\n3,York,-3.50\n4,Hull,-4.50\n",
	})
	p.exec("CREATE TABLE orders (id bigint PRIMARY KEY, store text, total numeric(12,2) CONSTRAINT floor CHECK (total >= 0))")
	p.weir(0, "run")
	p.holds("SELECT id FROM orders", "1")
	p.says(p.weir(0, "rejects", "list", "--by", "step"), "raw.orders  loading        3")
	p.says(p.weir(2, "rejects", "edit", "raw.orders", "--set", "total=1"), "rows of raw.orders and are not edited")
	// Refused again: they wait, from this run on.
	p.says(p.weir(0, "rejects", "replay", "raw.orders"), "3 rows sent again, 3 refused again")
	p.says(p.weir(0, "rejects", "show", "raw.orders"), "publish  run 2")
	// The table has a newer row of one key, which is what is sent; another is refused still.
	p.write(map[string]string{"inbox/orders2.csv": "id,store,total\n2,Leeds,2.75\n"})
	p.bare(0, "run")
	p.exec("ALTER TABLE orders DROP CONSTRAINT floor, ADD CONSTRAINT floor CHECK (total > -4)")
	p.says(p.weir(0, "rejects", "replay", "raw.orders", "--json"), `"refused": 1`)
	p.holds("SELECT id, total FROM orders ORDER BY 1", "1|1.50", "2|2.75", "3|-3.50")
	p.says(p.weir(0, "rejects", "list"), "raw.orders         0            0                0           1")
	p.says(p.weir(0, "rejects", "discard", "raw.orders", "--all", "--why", "no order"), "1 reject discarded")
	p.says(p.weir(0, "rejects", "list"), "no open rejects")
	p.says(p.weir(0, "run"), "up to date")
}

func TestOffUnlessSaid(t *testing.T) {
	p := newPlace(t, env.Postgres(t), map[string]string{
		"tables/raw/orders.yaml": orders + "publish: bi.public.orders\n", "inbox/orders1.csv": "id,store,total\n1,London,1.50\n",
	})
	p.bare(0, "run")
	p.says(p.bare(2, "publish", "--dry-run"), "an environment has to say publish: on")
	p.weir(0, "run", "--branch", "b")
	p.holds("SELECT to_regclass('orders')", "NULL")
	p.says(p.weir(2, "publish", "--to", "bi.public.order"), "nearest: bi.public.orders")
	p.weir(0, "publish", "--to", "bi.public.orders")
	p.holds("SELECT count(*) FROM orders", "1")
}
