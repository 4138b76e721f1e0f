// Package tour runs the tour of the README, and the commands in pages of docs, and holds them to what the program prints.
package tour

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"weir/test/env"
	"weir/test/program"
)

func TestMain(m *testing.M) { program.Main(m) }

// home is the folder the README's paths begin with.
const home = "/home/you"

// TestTour runs the README's tour in one folder, as a person would in one shell, and then the lines of Python that open the
// tables it made.
func TestTour(t *testing.T) {
	readme := read(t, "README.md")
	sh := follow(t, "README.md", readme, 20)
	t.Run("python", func(t *testing.T) { opensTables(t, readme, sh.home) })
}

// TestPages follows the pages of docs that show commands, each from its first to its last.
func TestPages(t *testing.T) {
	for _, page := range []string{"docs/testing.md", "docs/profile.md", "docs/rejects.md"} {
		t.Run(filepath.Base(page), func(t *testing.T) { follow(t, page, read(t, page), 4) })
	}
}

// TestCasesOfThePage runs the cases that docs/testing.md shows in a new project each, where they pass.
func TestCasesOfThePage(t *testing.T) {
	blocks := strings.Split(read(t, "docs/testing.md"), "\n```yaml\n")[1:]
	if len(blocks) < 2 {
		t.Fatal("docs/testing.md shows no cases")
	}
	for _, b := range blocks {
		text, _, _ := strings.Cut(b, "\n```")
		sh := newShell(t)
		got, exit := sh.run(t, "weir init shop && cd shop && cat > tests/marts/daily_sales.yaml <<'END'\n"+text+"\nEND\nweir test")
		if exit != 0 {
			t.Errorf("%s\nexit %d\n%s", text, exit, got)
		}
	}
}

// follow runs the commands of a page in one shell and compares what they print with what stands there.
func follow(t *testing.T, page, text string, atLeast int) *shell {
	t.Helper()
	all, err := commands(text)
	if err != nil {
		t.Fatalf("%s: %v", page, err)
	}
	if len(all) < atLeast {
		t.Fatalf("%s has only %d commands; did its tour move?", page, len(all))
	}
	sh := newShell(t)
	for _, c := range all {
		got, exit := sh.run(t, c.text)
		if exit != c.exit {
			t.Fatalf("%s:%d: $ %s\nexit %d, want %d\n%s", page, c.line, c.text, exit, c.exit, got)
		}
		printed := lines(got)
		if !agree(c.want, printed) {
			t.Fatalf("%s:%d: $ %s\n%s\n--- it prints\n%s", page, c.line, c.text, differ(c.want, printed), got)
		}
	}
	return sh
}

func opensTables(t *testing.T, readme, at string) {
	python := env.Python(t)
	text, ok := block(readme, "python")
	if !ok {
		t.Fatal("README.md has no lines of Python")
	}
	c := exec.CommandContext(t.Context(), python, "-c", strings.ReplaceAll(text, home, at))
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("the README's lines of Python: %v\n%s", err, out)
	}
	for _, want := range []string{"day: date32", `"Leeds"`, "30.25"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the README's lines of Python print no %s:\n%s", want, out)
		}
	}
}

// read reads a page of the project.
func read(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", page))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// shell keeps the folder it is in from command to command.
type shell struct {
	home, dir, path string
	at              string // file a command leaves its folder's name in
}

func newShell(t *testing.T) *shell {
	t.Helper()
	bin := t.TempDir()
	program.Install(t, bin)
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &shell{home: home, dir: home, path: bin + string(os.PathListSeparator) + os.Getenv("PATH"), at: filepath.Join(t.TempDir(), "at")}
}

// run runs a command and gives what it printed, on both streams as a terminal shows them, and its exit code. Paths begin
// with the README's home.
func (s *shell) run(t *testing.T, text string) (string, int) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "sh", "-c", text+"\nstatus=$?; pwd -P >\"$TOUR_AT\"; exit $status")
	c.Dir = s.dir
	c.Env = append(os.Environ(), "PATH="+s.path, "TOUR_AT="+s.at, "LC_ALL=C")
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	var exited *exec.ExitError
	if err := c.Run(); err != nil && !errors.As(err, &exited) || errors.Is(t.Context().Err(), context.DeadlineExceeded) {
		t.Fatalf("sh -c %q: %v", text, err)
	}
	dir, err := os.ReadFile(s.at)
	if err != nil {
		t.Fatalf("sh -c %q ended early: %v\n%s", text, err, out.String())
	}
	s.dir = strings.TrimSuffix(string(dir), "\n")
	return strings.ReplaceAll(out.String(), s.home, home), c.ProcessState.ExitCode()
}

// lines parts a text; blank lines at its end do not count.
func lines(text string) []string {
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
