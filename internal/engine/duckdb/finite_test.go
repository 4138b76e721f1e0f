package duckdb

import (
	"os"
	"testing"

	"weir/internal/fault"
	"weir/internal/job"
)

func TestStageRefusesInfiniteDates(t *testing.T) {
	for typ, value := range map[string]string{"DATE": "-infinity", "TIMESTAMP": "infinity", "TIMESTAMP WITH TIME ZONE": "infinity"} {
		e, err := Open(t.Context(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := e.Session(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		w := job.Write{SQL: "SELECT CAST('" + value + "' AS " + typ + ") AS at, 'infinity' AS word", Dir: dir, Prefix: "part",
			Columns: []job.Column{{Name: "at", Type: typ, ID: 1}, {Name: "word", Type: "VARCHAR", ID: 2}}}
		if _, err := s.Stage(t.Context(), w, "", nil); fault.ClassOf(err) != fault.Data {
			t.Errorf("%s %s: %v, want an error of class data", typ, value, err)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s: %d files left", typ, len(left))
		}
		w.SQL = "SELECT CAST('2026-01-01' AS " + typ + ") AS at, 'infinity' AS word"
		if _, err := s.Stage(t.Context(), w, "", nil); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}
