package define

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"weir/internal/fault"
)

// FuzzLoad holds that no text of a project makes Load fail in another way than by problems with places, and that the schema
// of what it takes is the same the second time.
func FuzzLoad(f *testing.F) {
	f.Add("name: x\nconnections: {inbox: {type: files, path: a}}\n", "from: inbox\npath: '*.csv'\nkey: id\n", "/* weir\nmode: view\n*/\nselect 1", "tables: ['*']\n")
	f.Add("lake: {location: s3://abc, endpoint: x}\nvars: {a: 1}\nenvironments: {p: {vars: {a: 2}}}\n", "from: 'inbox.\"a b\"'\ncolumns: {a: 'struct(a int)[]'}\npartition: [day(ts)]\n", "/* weir\nrules:\n - RowCount > 0\n*/\nselect $a", "schedule: rate(1 day)\ntables: x\n")
	f.Add("secrets: x\nmemory: 1GB\ntimezone: Local\n", "rules: |\n  Rules = [ RowCount > 0 ]\nmax_rejects: 0.1%\nsort: a desc\n", "-- x\n", "tables: [+a+, tag:x]\n")
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, config, table, sql, pipeline string) {
		for name, text := range map[string]string{"weir.yaml": config, "tables/a/t.yaml": table, "tables/a/s.sql": sql, "pipelines/p.yaml": pipeline, "seeds/s.csv": "id\n", "seeds/s.yaml": table} {
			path := filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		p, err := Load(root, "", fakeKinds(), fakeSinks())
		if p == nil {
			t.Fatalf("no project: %v", err)
		}
		if err == nil {
			again, err := Load(root, "", fakeKinds(), fakeSinks())
			if err != nil || again.Tables["a.t"].Meaning.Hash() != p.Tables["a.t"].Meaning.Hash() || again.Tables["a.s"].Meaning.Hash() != p.Tables["a.s"].Meaning.Hash() {
				t.Fatalf("the second time differs: %v", err)
			}
			return
		}
		var problems Problems
		if !errors.As(err, &problems) || fault.ClassOf(err) != fault.Usage || len(problems) == 0 {
			t.Fatalf("%v", err)
		}
		for _, x := range problems {
			if x.File == "" || x.Message == "" || x.Line < 0 {
				t.Fatalf("problem without a place: %+v", x)
			}
		}
	})
}
