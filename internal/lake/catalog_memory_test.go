package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/apache/iceberg-go/table"

	"weir/internal/lake/commit"
)

// The catalog in memory answers as the one in a file does.
func TestCatalogsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		file, err := openSQLite(ctx, filepath.Join(tempDir(t), "catalog.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.close()
		memory := &memoryCatalog{tables: map[string]string{}}
		names := rapid.SampledFrom([]table.Identifier{{"raw", "a"}, {"raw", "b"}, {"a", "b", "c"}})
		versions := rapid.SampledFrom([]string{"", "m1", "m2", "m3"})
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			id, to := names.Draw(t, "id"), names.Draw(t, "to")
			last, next := versions.Draw(t, "last"), versions.Filter(func(v string) bool { return v != "" }).Draw(t, "next")
			do := rapid.SampledFrom([]string{"swap", "drop", "rename"}).Draw(t, "do")
			step := func(c catalog) error {
				switch {
				case do == "swap":
					return c.swap(ctx, id, last, next)
				case do == "drop" && last != "":
					return c.drop(ctx, id, last)
				case do == "rename" && last != "" && !slices.Equal(id, to):
					return c.rename(ctx, id, to, last)
				}
				return nil
			}
			a, b := step(file), step(memory)
			for _, e := range []error{nil, commit.ErrLost, ErrTaken} {
				if errors.Is(a, e) != errors.Is(b, e) {
					t.Fatalf("%s of %v: the file says %v, memory %v", do, id, a, b)
				}
			}
			if a, b := contents(t, file), contents(t, memory); a != b {
				t.Fatalf("after %s of %v the file holds %s, memory %s", do, id, a, b)
			}
		}
	})
}

func contents(t *rapid.T, c catalog) string {
	ids, err := c.list(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, id := range ids {
		at, err := c.metadata(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprint(id, at))
	}
	slices.Sort(all)
	if _, err := c.metadata(context.Background(), table.Identifier{"not", "there"}); !errors.Is(err, ErrNoTable) {
		t.Fatalf("a table that is not there: %v", err)
	}
	return strings.Join(all, " ")
}

func tempDir(t *rapid.T) string {
	dir, err := os.MkdirTemp("", "catalog")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// A catalog whose making was cut short, with one of its tables, takes commits.
func TestHalfMadeCatalog(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "catalog.db")
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(sqliteTables, ";")
	_, err = db.ExecContext(ctx, first)
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	c, err := openSQLite(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := c.swap(ctx, table.Identifier{"raw", "a"}, "", "m1"); err != nil {
		t.Error(err)
	}
}
