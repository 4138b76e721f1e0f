package env

import (
	"os"
	"path/filepath"
	"testing"
)

// Shared gives the path of a file in the folder ../shared beside the project, which holds recorded cases and real data that are
// not the project's own. Where a checkout has no such folder the test is skipped and says so; a folder without the file
// is a failure.
func Shared(t testing.TB, path string) string {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(filepath.Dir(root), "shared")
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("this test reads %s from the folder shared beside the project, which is not here", path)
	}
	full := filepath.Join(folder, filepath.FromSlash(path))
	if _, err := os.Stat(full); err != nil {
		t.Fatal(err)
	}
	return full
}

// moduleRoot is the folder of go.mod above the test's own.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if filepath.Dir(dir) == dir {
			return "", os.ErrNotExist
		}
		dir = filepath.Dir(dir)
	}
}
