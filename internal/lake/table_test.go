package lake_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
)

const everyType = `SELECT i::INTEGER AS i, i::BIGINT * 10000000000 AS l, (i % 2 = 0) AS b, (i / 3)::FLOAT AS f, (i / 7)::DOUBLE AS d,
	(i / 4)::DECIMAL(9,2) AS d9, (i / 4)::DECIMAL(18,4) AS d18, (i * 1000003)::DECIMAL(38,6) AS d38, 'text ' || i || ' ü''"' AS s,
	DATE '2024-02-28' + i::INTEGER AS day, TIME '12:00:01.000005' + to_seconds(i) AS t, TIMESTAMP '2024-02-28 23:59:59.123456' + to_hours(i) AS ts,
	TIMESTAMPTZ '2024-02-28 23:59:59.123456+00' + to_hours(i) AS tz, uuid() AS u, ('\xAA\x00' || chr(65 + i::INTEGER % 26))::BLOB AS bin,
	i::UTINYINT AS tiny, (i * 1000)::UINTEGER AS ui, i::UBIGINT AS ub, i::HUGEINT AS hu, ['a', 'b' || i, NULL] AS list,
	{'a': i::INTEGER, 'b c': {'x': [i::BIGINT], 'y': NULL::DATE}} AS st, MAP {'k' || i: {'v': i / 2}} AS m, [[1, 2], [i::INTEGER]] AS ll, NULL::VARCHAR AS "Odd ""name"
	FROM range(200) AS r(i)
	UNION ALL SELECT COLUMNS(*) FROM (SELECT NULL::INTEGER, NULL::BIGINT, NULL::BOOLEAN, NULL::FLOAT, NULL::DOUBLE, NULL::DECIMAL(9,2), NULL::DECIMAL(18,4), NULL::DECIMAL(38,6), NULL::VARCHAR,
	NULL::DATE, NULL::TIME, NULL::TIMESTAMP, NULL::TIMESTAMPTZ, NULL::UUID, NULL::BLOB, NULL::UTINYINT, NULL::UINTEGER, NULL::UBIGINT, NULL::HUGEINT, NULL::VARCHAR[],
	NULL::STRUCT(a INTEGER, "b c" STRUCT(x BIGINT[], y DATE)), NULL::MAP(VARCHAR, STRUCT(v DOUBLE)), NULL::INTEGER[][], NULL)`

func TestRoundTrip(t *testing.T) {
	r := localRig(t)
	r.exec("CREATE TABLE src AS " + everyType)
	done := r.append("raw.every", "000001-a", "FROM src")
	if done.Already || done.Attempts != 1 || done.Snapshot.RunID != "000001-a" || done.Snapshot.Counts.After != 201 {
		t.Fatalf("committed %+v", done)
	}
	tb := r.table("raw.every")
	cols := tb.Columns()
	items := make([]string, len(cols))
	for i, c := range cols {
		items[i] = "CAST(" + job.Quote(c.Name) + " AS " + c.Type + ") AS " + job.Quote(c.Name)
	}
	r.same("SELECT "+strings.Join(items, ", ")+" FROM src", "FROM "+r.scan("raw.every", lake.ScanOptions{}))
	for i, c := range r.describe("FROM " + r.scan("raw.every", lake.ScanOptions{})) {
		if c.Type != cols[i].Type || c.Name != cols[i].Name {
			t.Errorf("column %d is %+v in the scan, %+v in the table", i, c, cols[i])
		}
	}
	if n := r.count("raw.every"); n != 201 {
		t.Fatalf("%d rows", n)
	}
	files, err := tb.Files(t.Context())
	ok(t, err)
	if len(files) != 1 || files[0].Rows != 201 || !strings.HasPrefix(files[0].Path, tb.Location()+"/data/weir-") {
		t.Fatalf("files %+v", files)
	}
	lo, hi, found := files[0].Bounds("day")
	if !found || lo != "2024-02-28" || hi != "2024-09-14" {
		t.Errorf("bounds of day: %s, %s, %v", lo, hi, found)
	}
}

func TestAppendAndTravel(t *testing.T) {
	r := localRig(t)
	var snaps []lake.Snapshot
	for i, q := range []string{"SELECT 1 AS a", "SELECT 2 AS a", "SELECT 3 AS a"} {
		snaps = append(snaps, r.append("a.b.c", "run"+string(rune('0'+i)), q).Snapshot)
		time.Sleep(3 * time.Millisecond)
	}
	tb := r.table("a.b.c")
	if got := tb.Snapshots(); len(got) != 3 || got[2].ID != snaps[2].ID || got[2].Parent != snaps[1].ID || got[1].Foreign {
		t.Fatalf("snapshots %+v", got)
	}
	past, err := tb.At(t.Context(), snaps[1].ID)
	ok(t, err)
	if n, err := past.RowCount(t.Context()); err != nil || n != 2 {
		t.Fatalf("as of the second: %d, %v", n, err)
	}
	l, err := past.Ledger(t.Context())
	ok(t, err)
	if l.HasRun("run2") || !l.HasRun("run1") {
		t.Fatalf("ledger of the second %+v", l)
	}
	past, err = tb.AsOf(t.Context(), snaps[0].At)
	ok(t, err)
	rel, err := past.Scan(t.Context(), lake.ScanOptions{})
	ok(t, err)
	if got := r.rows(rel.SQL); len(got) != 1 || got[0] != "1" {
		t.Fatalf("as of the first: %v", got)
	}
	_, err = tb.At(t.Context(), 12)
	_, aerr := tb.AsOf(t.Context(), snaps[0].At.Add(-time.Hour))
	if fault.ClassOf(err) != fault.Usage || fault.ClassOf(aerr) != fault.Usage {
		t.Fatalf("got %v, %v", err, aerr)
	}
}

func TestTablesAndDrop(t *testing.T) {
	r := localRig(t)
	names, err := r.l.Tables(t.Context())
	if err != nil || len(names) != 0 {
		t.Fatalf("empty lake has %v, %v", names, err)
	}
	if _, err := r.l.Table(t.Context(), "raw.x"); !errors.Is(err, lake.ErrNoTable) || fault.ClassOf(err) != fault.Usage {
		t.Fatalf("got %v", err)
	}
	r.append("raw.x", "r1", "SELECT 1 AS a")
	r.append("marts.deep.x", "r1", "SELECT 1 AS a")
	names, err = r.l.Tables(t.Context())
	if err != nil || strings.Join(names, " ") != "marts.deep.x raw.x" {
		t.Fatalf("%v, %v", names, err)
	}
	folder := strings.TrimPrefix(r.table("raw.x").Location(), "file://")
	ok(t, r.l.Drop(t.Context(), "raw.x", true))
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("purged folder is there: %v", err)
	}
	if err := r.l.Drop(t.Context(), "raw.x", false); !errors.Is(err, lake.ErrNoTable) {
		t.Fatalf("got %v", err)
	}
	r.append("raw.x", "r1", "SELECT 'again' AS b")
	if r.count("raw.x") != 1 || r.count("marts.deep.x") != 1 {
		t.Fatal("rows after making it again")
	}
	for _, bad := range []string{"x", "a..b", "a/b.c", "_stages.x", ".a", "a.", "a. b", "a.b\x00", "a.b%", "a.#"} {
		if _, err := r.l.Table(t.Context(), bad); fault.ClassOf(err) != fault.Usage || errors.Is(err, lake.ErrNoTable) {
			t.Errorf("%q gave %v", bad, err)
		}
	}
}

func TestScanOptions(t *testing.T) {
	r := localRig(t)
	r.append("raw.x", "r1", "SELECT i AS a FROM range(5) t(i)")
	r.append("raw.x", "r2", "SELECT i AS a FROM range(5, 9) t(i)")
	files, err := r.table("raw.x").Files(t.Context())
	ok(t, err)
	for _, f := range files {
		got := r.rows("SELECT count(*), min(__weir_file_row), max(__weir_file_row), any_value(__weir_file) FROM " + r.scan("raw.x", lake.ScanOptions{Files: []string{f.Path}, Filename: true}))
		want := map[int64]string{5: "5|0|4|", 4: "4|0|3|"}[f.Rows] + f.Path
		if got[0] != want {
			t.Errorf("got %s, want %s", got[0], want)
		}
	}
	if got := r.rows("FROM " + r.scan("raw.x", lake.ScanOptions{Files: []string{}, Filename: true})); len(got) != 0 {
		t.Errorf("no files gave %v", got)
	}
	if _, err := r.table("raw.x").Scan(t.Context(), lake.ScanOptions{Files: []string{"file:///none"}}); fault.ClassOf(err) != fault.Conflict {
		t.Errorf("got %v", err)
	}
}

// A lake whose folder has spaces and signs in its name, and names that mean something to SQL or URLs.
func TestOddPlaces(t *testing.T) {
	r := newRig(t, lake.Config{Location: filepath.Join(t.TempDir(), "My lake's [x] ü + &")})
	r.append("raw.o'dd name+ü", "r 1/2", "SELECT 1 AS a")
	r.append("raw.o'dd name+ü", "r 2/2", "SELECT 2 AS a")
	if got := r.rows("SELECT sum(a) FROM " + r.scan("raw.o'dd name+ü", lake.ScanOptions{})); got[0] != "3" {
		t.Fatalf("got %v", got)
	}
	if n := r.count("raw.o'dd name+ü"); n != 2 {
		t.Fatalf("%d rows", n)
	}
	for _, bad := range []string{"/lake 50%", "/lake #1", "/lake?", "relative"} {
		if _, err := lake.Open(t.Context(), lake.Config{Location: bad}); fault.ClassOf(err) != fault.Usage {
			t.Errorf("%q gave %v", bad, err)
		}
	}
}
