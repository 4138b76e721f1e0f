package define

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/internal/fault"
)

var update = flag.Bool("update", false, "write what the cases in testdata say now")

// Each folder in testdata is a project with mistakes; problems.txt beside it holds what Load says. A folder named x@env is
// loaded in environment env.
func TestProblems(t *testing.T) {
	t.Setenv("WEIR_TEST_SET", "set")
	cases, err := filepath.Glob("testdata/*/problems.txt")
	if err != nil || len(cases) < 5 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, file := range cases {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			_, env, _ := strings.Cut(filepath.Base(dir), "@")
			p, err := Load(filepath.Join(dir, "project"), env, fakeKinds(), fakeSinks())
			if p == nil {
				t.Fatalf("no project beside the problems: %v", err)
			}
			said := ""
			if err != nil {
				var problems Problems
				if !errors.As(err, &problems) || fault.ClassOf(err) != fault.Usage {
					t.Fatalf("error of class %q: %v", fault.ClassOf(err), err)
				}
				said = err.Error() + "\n"
			}
			if *update {
				if err := os.WriteFile(file, []byte(said), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if said != string(want) {
				t.Errorf("says\n%s\nwant\n%s", said, want)
			}
		})
	}
}
