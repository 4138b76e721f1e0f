package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/fault"
)

// screen is what a command prints, read while it runs.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write takes a part of it.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// wait waits until a text stands there and gives what stands there up to its end; the next call begins after it.
func (s *screen) wait(t *testing.T, text string) string {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		s.mu.Lock()
		if at := strings.Index(s.text.String(), text); at >= 0 {
			got := string(s.text.Next(at + len(text)))
			s.mu.Unlock()
			return got
		}
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.Fatalf("%q is never printed:\n%s", text, s.text.String())
	return ""
}

func TestWatch(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{
		"weir.yaml":          "name: shop\nconnections:\n  inbox: { type: files, path: inbox }\n",
		"tables/raw/n.yaml":  "from: inbox\npath: \"n.csv\"\ncolumns: { n: bigint }\n",
		"tables/marts/a.sql": "select n from raw.n\n",
		"tables/marts/b.sql": "select n + 1 as n from marts.a\n",
		"tables/marts/c.sql": "select n from raw.n\n",
	}
	for _, table := range []string{"a", "b", "c"} {
		files["tests/marts/"+table+".yaml"] = "cases:\n  - name: all\n    given: { raw.n: [{ n: 1 }] }\n    expect_count: 1\n"
	}
	files["tests/marts/b.yaml"] = "cases:\n  - name: all\n    given: { marts.a: [{ n: 1 }] }\n    expect: [{ n: 2 }]\n"
	write := func(path, text string) {
		full := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range files {
		write(path, text)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	show := &screen{}
	done := make(chan error, 1)
	go func() {
		done <- (&app{in: strings.NewReader(""), out: show, err: show, dir: dir}).watchTests(ctx, testOptions{})
	}()
	const waits = "waiting for changes; Ctrl-C ends\n"
	says := func(when string, want, not []string) {
		t.Helper()
		got := show.wait(t, waits)
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: no %q in\n%s", when, w, got)
			}
		}
		for _, w := range not {
			if strings.Contains(got, w) {
				t.Errorf("%s: %q in\n%s", when, w, got)
			}
		}
	}
	says("at first", []string{"marts.a", "marts.b", "marts.c", "3 passed"}, nil)
	write("tables/marts/a.sql", "select n, n as other from raw.n\n")
	says("a changed", []string{"tables/marts/a.sql", "2 passed, 0 failed"}, []string{"marts.c  "})
	write("tests/marts/b.yaml", strings.Replace(files["tests/marts/b.yaml"], "n: 2", "n: 3", 1))
	says("the test of b changed", []string{"0 passed, 1 failed", "-  3", "+  2"}, []string{"marts.a  "})
	write("tables/marts/c.sql", "select m from raw.n\n")
	says("a mistake", []string{"tables/marts/c.sql:1:8"}, nil)
	write("tables/marts/c.sql", files["tables/marts/c.sql"])
	says("mended", []string{"2 passed, 1 failed", "marts.c  "}, nil)
	if err := os.Remove(filepath.Join(dir, "tests/marts/b.yaml")); err != nil {
		t.Fatal(err)
	}
	says("a test is gone", []string{"no test is affected"}, nil)
	stop()
	if err := <-done; fault.ExitCode(err) != fault.ExitInterrupted {
		t.Errorf("an interrupt ends it with %v", err)
	}
}

func TestDiffering(t *testing.T) {
	now := time.Now()
	a := map[string]stamp{"same": {now, 1}, "gone": {now, 1}, "longer": {now, 1}, "later": {now, 1}}
	b := map[string]stamp{"same": {now, 1}, "new": {now, 1}, "longer": {now, 2}, "later": {now.Add(1), 1}}
	if got := differing(a, b); !slices.Equal(got, []string{"gone", "later", "longer", "new"}) {
		t.Error(got)
	}
}
