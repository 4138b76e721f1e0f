package crash

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/internal/lake"
)

// tidy checks that the runs that were killed left nothing behind: no scratch, no stage, and no file of rows, rejects or
// changes that no snapshot names.
func tidy(t *testing.T, dir string) {
	t.Helper()
	spare, err := filepath.Glob(filepath.Join(dir, ".weir", "scratch", "*"))
	if err != nil || len(spare) > 0 {
		t.Errorf("scratch holds %v (%v)", spare, err)
	}
	l, err := lake.Open(t.Context(), lake.Config{Location: filepath.Join(dir, "lake"), State: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	stages, err := l.Stages(t.Context(), "")
	if err != nil || len(stages) > 0 {
		t.Errorf("stages left behind: %+v (%v)", stages, err)
	}
	named := map[string]bool{}
	for _, name := range tables {
		table, err := l.Table(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		addNamed(t, table, named)
	}
	found := 0
	err = filepath.WalkDir(filepath.Join(dir, "lake"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".parquet") {
			return err
		}
		found++
		if !named[path] {
			t.Errorf("%s belongs to no snapshot", path)
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Errorf("%d files in the lake (%v)", found, err)
	}
	for path := range named {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("a snapshot names a file that is gone: %v", err)
		}
	}
}

// addNamed adds the paths that a table's snapshots and ledgers name.
func addNamed(t *testing.T, table *lake.Table, named map[string]bool) {
	t.Helper()
	add := func(location string) { named[strings.TrimPrefix(location, "file://")] = true }
	for _, s := range table.Snapshots() {
		at, err := table.At(t.Context(), s.ID)
		if err != nil {
			t.Fatal(err)
		}
		files, err := at.Files(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ledger, err := at.Ledger(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			add(f.Path)
		}
		for _, r := range ledger.Rejects {
			add(r.Path)
		}
		for _, c := range ledger.Changes {
			for _, f := range c.Files {
				add(f)
			}
		}
	}
}
