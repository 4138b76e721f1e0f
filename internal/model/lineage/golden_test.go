package lineage_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/internal/engine/duckdb"
	"weir/internal/model/boundplan"
	"weir/internal/model/lineage"
)

// The cases of testdata were worked out by hand: a query, a line of dashes, and what is expected of it: each column with what
// it is made of, below it what decides about its value, and in the end what decides about rows.
func TestTPCH(t *testing.T) { cases(t, "tpch") }

func TestSnippets(t *testing.T) { cases(t, "snippets") }

func session(t *testing.T, setup string) *duckdb.Session {
	t.Helper()
	ctx := context.Background()
	e, err := duckdb.Open(ctx, duckdb.Options{Memory: 512 << 20, Threads: 1, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Session(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Exec(ctx, setup); err != nil {
		t.Fatal(err)
	}
	return s
}

func cases(t *testing.T, folder string) {
	setup, err := os.ReadFile(filepath.Join("testdata", folder, "tables.sql"))
	if err != nil {
		t.Fatal(err)
	}
	s := session(t, string(setup))
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sql, want, ok := strings.Cut(string(text), "\n----\n")
		if !ok {
			t.Fatalf("%s has no line of dashes", file)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			if got := print(t, s, sql); strings.TrimSpace(got) != strings.TrimSpace(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func print(t *testing.T, s *duckdb.Session, sql string) string {
	t.Helper()
	ctx := context.Background()
	p, err := boundplan.Read(ctx, s, sql)
	if err != nil {
		t.Fatal(err)
	}
	cols, err := s.Describe(ctx, sql)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = c.Name
	}
	l, err := lineage.Of(p, names)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, c := range l.Columns {
		fmt.Fprintf(&b, "%s:%s\n", c.Name, list(c.Direct))
		if len(c.Indirect) > 0 {
			fmt.Fprintf(&b, "  aside:%s\n", list(c.Indirect))
		}
	}
	if len(l.Indirect) > 0 {
		fmt.Fprintf(&b, "rows:%s\n", list(l.Indirect))
	}
	return b.String()
}

func list(sources []lineage.Source) string {
	var b strings.Builder
	for _, s := range sources {
		b.WriteString(" " + s.Name() + " " + string(s.Kind) + ",")
	}
	return strings.TrimSuffix(b.String(), ",")
}
