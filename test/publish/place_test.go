// Package publish asks the whole program: is a destination what its table is, exactly once, whatever happens on the way?
package publish

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"weir/test/program"
)

func TestMain(m *testing.M) { program.Main(m) }

// place is a project and the server it publishes to.
type place struct {
	*testing.T
	dir string
	c   *pgx.Conn
}

// newPlace makes a project whose connection bi leads to a server; files are those of tables/ and inbox/.
func newPlace(t *testing.T, url string, files map[string]string) *place {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	p := &place{T: t, dir: t.TempDir(), c: c}
	p.connection("{ type: postgres, url: " + fmt.Sprintf("%q", url) + " }")
	p.write(files)
	return p
}

// connection writes weir.yaml.
func (p *place) connection(bi string) {
	p.write(map[string]string{"weir.yaml": "name: bi\nlake: lake\nretries: 8\nconnections:\n  inbox: { type: files, path: inbox }\n  bi: " + bi + "\nenvironments:\n  prod: { publish: on }\n"})
}

func (p *place) write(files map[string]string) {
	p.Helper()
	program.Write(p, p.dir, files)
}

// weir calls the program and wants an exit code.
func (p *place) weir(code int, args ...string) string {
	p.Helper()
	out, errOut, got := program.Run(p, append([]string{"-C", p.dir, "--env", "prod"}, args...)...)
	if got != code {
		p.Fatalf("weir %s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, code, out, errOut)
	}
	return out + errOut
}

// bare calls the program without an environment, where nothing is published.
func (p *place) bare(code int, args ...string) string {
	p.Helper()
	out, errOut, got := program.Run(p, append([]string{"-C", p.dir}, args...)...)
	if got != code {
		p.Fatalf("weir %s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, code, out, errOut)
	}
	return out + errOut
}

// lake puts the lake of another folder into the place of this one's, which is kept under a name.
func (p *place) lake(from, as string) {
	p.Helper()
	if err := os.MkdirAll(filepath.Join(p.dir, as), 0o755); err != nil {
		p.Fatal(err)
	}
	if err := os.Rename(filepath.Join(p.dir, "lake"), filepath.Join(p.dir, as, "lake")); err != nil {
		p.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(p.dir, "lake"), os.DirFS(filepath.Join(from, "lake"))); err != nil {
		p.Fatal(err)
	}
}

func (p *place) exec(sql string) {
	p.Helper()
	if _, err := p.c.Exec(p.Context(), sql); err != nil {
		p.Fatalf("%s: %v", sql, err)
	}
}

// there gives rows of the server: a|NULL.
func (p *place) there(sql string) []string {
	p.Helper()
	rs := p.c.PgConn().Exec(p.Context(), sql)
	out := []string{}
	for rs.NextResult() {
		r := rs.ResultReader()
		for r.NextRow() {
			var row []string
			for _, v := range r.Values() {
				text := "NULL"
				if v != nil {
					text = string(v)
				}
				row = append(row, text)
			}
			out = append(out, strings.Join(row, "|"))
		}
	}
	if err := rs.Close(); err != nil {
		p.Fatalf("%s: %v", sql, err)
	}
	return out
}

// here gives rows of the lake in the same form.
func (p *place) here(sql string) []string {
	p.Helper()
	text := program.Must(p, "-C", p.dir, "--env", "prod", "query", "--format", "csv", "select "+sql)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		p.Fatal(err)
	}
	out := []string{}
	for _, r := range rows[1:] {
		out = append(out, strings.Join(r, "|"))
	}
	return out
}

func (p *place) holds(sql string, want ...string) {
	p.Helper()
	if got := p.there(sql); !slices.Equal(got, want) {
		p.Errorf("%s gives\n%s\nwant\n%s", sql, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// same compares a table of the lake with its destination; columns are of types that both sides write alike.
func (p *place) same(table, destination, columns string) {
	p.Helper()
	sort := func(rows []string) []string {
		slices.Sort(rows)
		return rows
	}
	here, there := sort(p.here(columns+" from "+table)), sort(p.there("SELECT "+columns+" FROM "+destination))
	if !slices.Equal(here, there) {
		p.Errorf("%s has %d rows, %s has %d, and they differ", table, len(here), destination, len(there))
	}
}

// says wants every text in what was printed.
func (p *place) says(printed string, texts ...string) {
	p.Helper()
	for _, text := range texts {
		if !strings.Contains(printed, text) {
			p.Errorf("%q is not in\n%s", text, printed)
		}
	}
}

// copy copies the project as it is.
func (p *place) copy() string {
	p.Helper()
	to := p.TempDir()
	if err := os.CopyFS(to, os.DirFS(p.dir)); err != nil {
		p.Fatal(err)
	}
	return to
}
