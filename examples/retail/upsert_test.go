package retail_test

import (
	"database/sql"
	"fmt"
	"testing"

	"weir/examples/retail/generate"
)

// The generator's books of raw.orders, day by day, are what an upsert by hand finds in the files.
func TestOrdersDayByDay(t *testing.T) {
	const scale = 2
	dir := t.TempDir()
	if err := generate.Days(dir, 1, generate.Last, scale); err != nil {
		t.Fatal(err)
	}
	truth, err := generate.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	exec := func(statement string) {
		t.Helper()
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%v\n%s", err, statement)
		}
	}
	exec("create table stored (id bigint, changed timestamp)")
	for _, d := range truth.Days {
		exec(fmt.Sprintf("create or replace table file as select * from read_csv('%s/inbox/orders/%s.csv', all_varchar = true)", dir, d.Date))
		exec(`create or replace table good as select order_id::bigint as id, updated_at::timestamp as changed from file
			where try_cast(ordered_at as timestamp) is not null and total::decimal(12,2) >= 0`)
		exec("create or replace table newest as select id, max(changed) as changed from good group by id")
		got := generate.Count{
			Read:        one[int64](t, db, "select count(*) from file"),
			Rejected:    one[int64](t, db, "select count(*) from file where try_cast(ordered_at as timestamp) is null"),
			Quarantined: one[int64](t, db, "select count(*) from file where total::decimal(12,2) < 0"),
			Superseded:  one[int64](t, db, "select (select count(*) from good) - (select count(*) from newest)"),
			Stale:       one[int64](t, db, "select count(*) from newest n join stored s using (id) where n.changed < s.changed"),
			Updated:     one[int64](t, db, "select count(*) from newest n join stored s using (id) where n.changed > s.changed"),
			Inserted:    one[int64](t, db, "select count(*) from newest n anti join stored s using (id)"),
			Copies:      one[int64](t, db, "select count(*) - count(distinct f) from file f"),
			Late:        one[int64](t, db, fmt.Sprintf("select count(distinct order_id) from file anti join stored on stored.id = order_id::bigint where try_cast(ordered_at as timestamp) < '%s'", d.Date)),
		}
		exec("delete from stored where id in (select n.id from newest n join stored s using (id) where n.changed > s.changed)")
		exec("insert into stored select * from newest n anti join stored s using (id)")
		got.After = one[int64](t, db, "select count(*) from stored")
		want := d.Tables["raw.orders"]
		want.Reasons = nil
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("day %d\n got %+v\nwant %+v", d.Day, got, want)
		}
	}
}
