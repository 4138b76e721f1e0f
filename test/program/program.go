// Package program runs the real weir program in tests: the test binary calls itself, so that nothing has to be built
// beside it.
package program

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"weir/internal/cli"
)

const asProgram = "WEIR_TEST_AS_PROGRAM"

// Main is TestMain's body: it is weir where Command started it, and the tests elsewhere.
func Main(m *testing.M) {
	if os.Getenv(asProgram) == "1" {
		os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// Command is a call of weir, not yet started.
func Command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, os.Args[0], args...)
	c.Env = append(os.Environ(), asProgram+"=1")
	return c
}

// Run calls weir and gives what it printed and its exit code.
func Run(t testing.TB, args ...string) (out, errOut string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	c := Command(t.Context(), args...)
	c.Stdout, c.Stderr = &o, &e
	err := c.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatalf("weir %s: %v", strings.Join(args, " "), err)
	}
	return o.String(), e.String(), c.ProcessState.ExitCode()
}

// Must calls weir and fails the test where it does not end with 0.
func Must(t testing.TB, args ...string) string {
	t.Helper()
	out, errOut, code := Run(t, args...)
	if code != 0 {
		t.Fatalf("weir %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errOut)
	}
	return out
}

// JSON calls weir and decodes what it prints.
func JSON(t testing.TB, into any, args ...string) {
	t.Helper()
	if err := json.Unmarshal([]byte(Must(t, args...)), into); err != nil {
		t.Fatalf("weir %s: %v", strings.Join(args, " "), err)
	}
}

// Install puts a command named weir into a folder, for shells that have it on their PATH.
func Install(t testing.TB, dir string) {
	t.Helper()
	quoted := strings.ReplaceAll(Command(t.Context()).Path, "'", `'\''`)
	text := "#!/bin/sh\n" + asProgram + "=1 exec '" + quoted + "' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "weir"), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// Query asks a project's lake and gives the rows as CSV text without the header.
func Query(t testing.TB, dir, sql string) string {
	t.Helper()
	_, rows, _ := strings.Cut(Must(t, "-C", dir, "query", "--format", "csv", sql), "\n")
	return rows
}

// Write writes files of a project: path below dir to text.
func Write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for path, text := range files {
		full := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
