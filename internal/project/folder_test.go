package project

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/internal/fault"
)

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestReadFolder(t *testing.T) {
	root := write(t, map[string]string{
		"weir.yaml": "name: x\n", ".env": "A=1\n", "tables/raw/orders.yaml": "from: a\n", "tables/marts/eu/sales.sql": "/* weir\nmode: view\n*/\nselect 1",
		"tables/raw/README.md": "notes", "tables/raw/.hidden.yaml": "a", "tables/raw/x.yaml~": "a", "tables/.git/x.yaml": "a",
		"tables/raw/typo.yml": "a: 1", "tables/raw/data.csv": "a", "tables/raw/bad.yaml": "a: [",
		"pipelines/nightly.yaml": "tables: []\n", "macros/m.sql": "create macro x() as 1;",
		"seeds/stores.csv": "id\n", "seeds/stores.yaml": "columns: {}\n", "seeds/plain.csv": "id\n", "seeds/lost.yaml": "a: 1\n",
	})
	f, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range f.Tables {
		names = append(names, fmt.Sprintf("%s=%s,%t", file.Name, file.Path, file.Broken))
	}
	if got := strings.Join(names, " "); got != "marts.eu.sales=tables/marts/eu/sales.sql,false raw.bad=tables/raw/bad.yaml,true raw.orders=tables/raw/orders.yaml,false" {
		t.Errorf("tables %s", got)
	}
	if s := f.Tables[0].SQL; s == nil || s.Body != "select 1" || s.Line != 4 || f.Tables[0].Doc.Get("mode").Text != "view" {
		t.Errorf("sql %+v", s)
	}
	if f.Seeds[0].CSV != "seeds/plain.csv" || f.Seeds[0].Doc != nil || f.Seeds[1].CSV != "seeds/stores.csv" || f.Seeds[1].Path != "seeds/stores.yaml" || len(f.Seeds) != 2 {
		t.Errorf("seeds %+v", f.Seeds)
	}
	if f.Pipelines[0].Name != "nightly" || f.Macros[0].SQL.Body != "create macro x() as 1;" {
		t.Errorf("pipelines %+v macros %+v", f.Pipelines, f.Macros)
	}
	want := `seeds/lost.yaml: there is no seeds/lost.csv that this could type
tables/raw/bad.yaml:1:4: this is not YAML: sequence end token ']' not found; a { or [ is not closed
tables/raw/data.csv: weir does not read this file; files here end in .yaml or .sql; notes may end in .md
tables/raw/typo.yml: weir does not read this file; rename it to tables/raw/typo.yaml`
	if got := texts(SortProblems(f.Problems)); got != want {
		t.Errorf("says %s\nwant %s", got, want)
	}
	t.Setenv("B", "2")
	t.Setenv("A", "0")
	a, _ := f.Lookup("A")
	b, _ := f.Lookup("B")
	if _, ok := f.Lookup("WEIR_NOT_SET"); a != "0" || b != "2" || ok {
		t.Errorf("A is %q, B is %q", a, b)
	}
}

func TestFolderWithoutProject(t *testing.T) {
	_, err := Read(t.TempDir())
	if fault.ClassOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "weir init") {
		t.Errorf("%v, hint %q", err, fault.HintOf(err))
	}
}
