package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/record"
	"weir/internal/source"
)

func TestChangedFile(t *testing.T) {
	for policy, want := range map[string]string{changedReplace: "replaces", changedAppend: "appends", changedStop: "stops"} {
		t.Run(policy, func(t *testing.T) {
			dir := inbox(t, map[string]string{"a.csv": "id\n1\n", "b.csv": "id\n2\n"})
			r := Reader{Path: "*.csv", OnChangedFile: policy}
			first, err := begin(t, dir, r, job.Read{})
			if err != nil {
				t.Fatal(err)
			}
			put(t, filepath.Join(dir, "a.csv"), "id\n1\n5\n")
			s, err := begin(t, dir, r, job.Read{From: first.End()})
			switch {
			case want == "stops":
				if fault.ClassOf(err) != fault.Data || fault.HintOf(err) == "" || !strings.Contains(err.Error(), "a.csv changed") {
					t.Fatalf("got %v (%s)", err, fault.ClassOf(err))
				}
			case err != nil:
				t.Fatal(err)
			case len(s.Splits()) != 1 || s.Splits()[0].Name != "a.csv" || s.Splits()[0].Replaces != (want == "replaces"):
				t.Fatalf("splits %+v", s.Splits())
			}
		})
	}
}

// A file of equal size with other content at an equal time is the only change that is not seen; at another time it is.
func TestSameSizeOtherContent(t *testing.T) {
	dir := inbox(t, map[string]string{"a.csv": "id\n1\n"})
	r := Reader{Path: "*.csv"}
	first, err := begin(t, dir, r, job.Read{})
	if err != nil {
		t.Fatal(err)
	}
	was := first.End()
	put(t, filepath.Join(dir, "a.csv"), "id\n2\n")
	s, err := begin(t, dir, r, job.Read{From: was})
	if err != nil || len(s.Splits()) != 1 {
		t.Fatalf("splits %v, %v", s, err)
	}
}

func TestChangesWhileReading(t *testing.T) {
	dir := inbox(t, map[string]string{"a.csv": "id\n1\n"})
	s, err := begin(t, dir, Reader{Path: "*.csv"}, job.Read{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.(*scan).Unchanged(t.Context()); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "a.csv"), "id\n1\n22\n")
	_, rerr := s.(source.Scannable).Relation(t.Context(), newEngine(t))
	for _, err := range []error{rerr, s.(*scan).Unchanged(t.Context())} {
		if fault.ClassOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "a.csv changed while it was read") {
			t.Errorf("got %v (%s)", err, fault.ClassOf(err))
		}
	}
}

func TestDamagedFiles(t *testing.T) {
	whole := string(pack(t, "x.gz", "id,name\n"+strings.Repeat("1,some name or other\n", 5000)))
	packed := string(pack(t, "x.zst", "id,name\n"+strings.Repeat("1,some name or other\n", 5000)))
	for name, text := range map[string]string{
		"short.csv.gz": whole[:len(whole)-3], "half.csv.gz": whole[:len(whole)/2], "not.csv.gz": "id\n1\n", "bits.csv.gz": whole[:len(whole)-6] + "xx" + whole[len(whole)-4:],
		"half.csv.zst": packed[:len(packed)-3], "not.csv.zst": "id\n1\n", "half.ndjson.gz": whole[:len(whole)/2],
	} {
		dir := inbox(t, nil)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := readAll(t, dir, Reader{Path: "*"}, job.Read{})
		if fault.ClassOf(err) != fault.Data || fault.HintOf(err) == "" || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v (%s)", name, err, fault.ClassOf(err))
		}
	}
}

func TestMissingFolder(t *testing.T) {
	dir := inbox(t, map[string]string{"orders/a.csv": "id\n", "clicks/b.csv": "id\n"})
	_, err := begin(t, dir, Reader{Path: "order/*.csv"}, job.Read{})
	if fault.ClassOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "clicks, orders") {
		t.Errorf("got %v, hint %q", err, fault.HintOf(err))
	}
	_, err = begin(t, filepath.Join(dir, "none"), Reader{Path: "*.csv"}, job.Read{})
	if fault.ClassOf(err) != fault.Usage || fault.HintOf(err) == "" {
		t.Errorf("got %v, hint %q", err, fault.HintOf(err))
	}
}

// Rejects come back under their own header, good ones as rows, bad ones with the id they had.
func TestReplay(t *testing.T) {
	typed := cols("id", "INTEGER", "total", "DECIMAL(12,2)")
	dir := inbox(t, map[string]string{
		"dt=2026-01-02/a.csv": "total;id\n1,5;1\nx;2\n1.239;3\n", "b.ndjson": `{"id":"x"}` + "\n" + `{"id":4`,
	})
	r := Reader{Path: "**/*.*"}
	r.SetColumns(typed)
	got, err := readAll(t, dir, r, job.Read{})
	if err != nil {
		t.Fatal(err)
	}
	var rejects []record.Reject
	for _, row := range got.full {
		x := record.Reject{ID: row[0].Value, Kind: row[1].Value, Dataset: row[2].Value, Line: int64(row[3].Value[0] - '0'), Raw: row[8].Value, Header: row[9].Value}
		switch x.Raw {
		case "1,5;1":
			x.Raw = "1.5;1" // mended
		case `{"id":4`:
			x.Raw = `{"id":4}`
		}
		rejects = append(rejects, x)
	}
	if len(rejects) != 5 {
		t.Fatalf("rejects %v", got.rejects)
	}
	s, err := begin(t, dir, r, job.Read{Known: append(typed, cols("dt", "DATE")...)})
	if err != nil {
		t.Fatal(err)
	}
	e := newEngine(t)
	rel, err := s.(source.Scannable).Replay(t.Context(), e, rejects)
	if err == nil {
		err = e.Exec(t.Context(), "CREATE TABLE got AS "+rel.SQL)
	}
	if err != nil {
		t.Fatal(err)
	}
	again, err := finish(t, e, rel, outcome{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "rows", again.rows, []string{"1|1.50|2026-01-02|dt=2026-01-02/a.csv", "4|∅|∅|b.ndjson"})
	same(t, "rejects", again.rejects, []string{
		`b.ndjson:1 id: "x" is not INTEGER | {"id":"x"}`, `dt=2026-01-02/a.csv:3 total: "x" is not DECIMAL(12,2) | x;2`, `dt=2026-01-02/a.csv:4 total: "1.239" is not DECIMAL(12,2) | 1.239;3`,
	})
	for _, row := range again.full {
		found := false
		for _, x := range rejects {
			found = found || x.ID == row[0].Value
		}
		if !found {
			t.Errorf("the id of %s changed", row[8].Value)
		}
	}
}

// The same record in the same place has one id, whether the engine rejected it or careful reading did.
func TestRejectIDs(t *testing.T) {
	r := Reader{Path: "*.csv"}
	r.SetColumns(cols("id", "INTEGER"))
	fast, err := readAll(t, inbox(t, map[string]string{"a.csv": "id\n1\nx\n"}), r, job.Read{})
	if err != nil {
		t.Fatal(err)
	}
	careful, err := readAll(t, inbox(t, map[string]string{"a.csv": "id\n1\nx\n1.5\n"}), r, job.Read{})
	if err != nil {
		t.Fatal(err)
	}
	if fast.careful || !careful.careful {
		t.Fatal("the cases are not what they should be")
	}
	for _, row := range careful.full {
		if row[8].Value == "x" && row[0].Value != fast.full[0][0].Value {
			t.Errorf("ids %s and %s", row[0].Value, fast.full[0][0].Value)
		}
	}
}
