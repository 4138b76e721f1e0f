// Package demo tells the stories of make demo: each ends with an error where a figure is not what it says.
package demo

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"weir/test/env"
	"weir/test/program"
)

func TestMain(m *testing.M) { program.Main(m) }

func TestFiles(t *testing.T) {
	tell(t, nil, nil,
		"Every table is equal, to the row, to that of a shop whose runs were never disturbed.",
		"Plain DuckDB over the raw files says the same, to the penny.")
}

// The server is this test's own: a slot waits for every transaction of a server, also for those of other tests.
func TestPostgres(t *testing.T) {
	url := env.OwnPostgres(t).URL
	out := tell(t, []string{"--with", "postgres"}, []string{"SHOP_URL=" + url, "BI_URL="},
		"(killed in the middle, while the shop goes on)",
		"raw.orders and shop.public.orders are equal",
		"marts.daily_sales and bi.bi.daily_sales are equal",
		"Every table of marts is equal, to the row.",
		"It is, to the penny.")
	_, password, _ := strings.Cut(url, "weir:")
	password, _, _ = strings.Cut(password, "@")
	if strings.Contains(out, password) {
		t.Error("the story shows the password")
	}
}

// tell runs the script with programs built from here, in a folder of its own.
func tell(t *testing.T, args, with []string, says ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("a story takes a minute")
	}
	demo := t.TempDir()
	bin := filepath.Join(demo, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	program.Install(t, bin)
	for name, path := range map[string]string{"generate": "generate/cmd", "check": "check", "database": "database"} {
		build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, name), "weir/examples/retail/"+path)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, out)
		}
	}
	c := exec.CommandContext(t.Context(), filepath.Join("..", "..", "scripts", "demo.sh"), args...)
	c.Env = append(append(os.Environ(), "WEIR_DEMO="+demo, "WEIR_PROGRAM="+filepath.Join(bin, "weir")), with...)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range says {
		if !strings.Contains(string(out), want) {
			t.Errorf("the story does not say %q:\n%s", want, out)
		}
	}
	return string(out)
}
