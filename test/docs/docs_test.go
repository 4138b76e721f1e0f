// Package docs holds the documentation to the tree: the reference is what the program writes, and what the pages name is
// there.
package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"weir/test/program"
)

func TestMain(m *testing.M) { program.Main(m) }

const root = "../.."

// TestReference compares docs/reference with what make docs would write now.
func TestReference(t *testing.T) {
	fresh := t.TempDir()
	program.Must(t, "docs", fresh)
	program.Must(t, "schema", "--output", filepath.Join(fresh, "schema.json"))
	kept := filepath.Join(root, "docs", "reference")
	if got, want := names(t, kept), names(t, fresh); !slices.Equal(got, want) {
		t.Errorf("docs/reference holds %q, make docs writes %q", got, want)
	}
	for _, name := range names(t, fresh) {
		want, got := read(t, filepath.Join(fresh, name)), read(t, filepath.Join(kept, name))
		if want == got {
			continue
		}
		was, is := strings.Split(got, "\n"), strings.Split(want, "\n")
		i := 0
		for i < min(len(was), len(is)) && was[i] == is[i] {
			i++
		}
		t.Errorf("docs/reference/%s is stale: make docs\nline %d is %q\nmake docs writes %q", name, i+1, at(was, i), at(is, i))
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "the end"
}

// pages are the README and the pages of docs that people write.
func pages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no pages in docs: %v", err)
	}
	return append(found, filepath.Join(root, "README.md"), filepath.Join(root, "examples", "retail", "README.md"))
}

var links = regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)

// TestLinks follows every link of the pages into the tree.
func TestLinks(t *testing.T) {
	for _, page := range pages(t) {
		for _, m := range links.FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			}
		}
	}
}

var (
	places    = regexp.MustCompile("`((?:internal|test|cmd|bench|examples|scripts|docs)(?:/[A-Za-z0-9_.-]+)+)`")
	functions = regexp.MustCompile("`([A-Za-z][A-Za-z0-9_]*(?:\\.[A-Za-z][A-Za-z0-9_]*)+|(?:Test|Fuzz)[A-Z][A-Za-z0-9]*)`")
)

// TestNames looks for every file, folder, function and test that a page of docs names.
func TestNames(t *testing.T) {
	have := declared(t)
	for _, name := range []string{"packages.md", "promises.md"} {
		text := read(t, filepath.Join(root, "docs", name))
		for _, m := range places.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("docs/%s names %s, which is not there", name, m[1])
			}
		}
		count := 0
		for _, m := range functions.FindAllStringSubmatch(text, -1) {
			if isFile(m[1]) {
				continue
			}
			count++
			if !have[m[1]] {
				t.Errorf("docs/%s names %s, which is not in the code", name, m[1])
			}
		}
		if count < 20 {
			t.Errorf("docs/%s names only %d functions and tests; did its form change?", name, count)
		}
	}
}

// isFile says whether a name with a dot is a file's and not a function's.
func isFile(name string) bool {
	return slices.Contains([]string{".go", ".md", ".json", ".sh", ".yaml", ".sql", ".csv", ".db", ".txtar"}, filepath.Ext(name))
}

var declaration = regexp.MustCompile(`(?m)^func (?:\([a-z]* ?\*?([A-Za-z]+)(?:\[[^\]]*\])?\) )?([A-Za-z0-9_]+)`)

// interfaces finds declarations of interfaces, and method the methods in one.
var interfaces = regexp.MustCompile(`(?ms)^type ([A-Za-z]+)(?:\[[^\]]*\])? interface \{\n(.*?)^\}`)

var method = regexp.MustCompile(`(?m)^\t([A-Z][A-Za-z]*)\(`)

// declared are the functions of the tree as the pages write them: package.Function, package.Type.Method, Type.Method for
// short, and tests by their bare name.
func declared(t *testing.T) map[string]bool {
	t.Helper()
	have := map[string]bool{}
	for dir, files := range sources(t) {
		pkg := filepath.Base(dir)
		for _, file := range files {
			text := read(t, file)
			for _, m := range declaration.FindAllStringSubmatch(text, -1) {
				typ, name := m[1], m[2]
				switch {
				case typ != "":
					have[typ+"."+name], have[pkg+"."+typ+"."+name] = true, true
				case strings.HasSuffix(file, "_test.go"):
					have[name] = true
				default:
					have[pkg+"."+name] = true
				}
			}
			for _, i := range interfaces.FindAllStringSubmatch(text, -1) {
				for _, m := range method.FindAllStringSubmatch(i[2], -1) {
					have[i[1]+"."+m[1]], have[pkg+"."+i[1]+"."+m[1]] = true, true
				}
			}
		}
	}
	return have
}

// TestEveryPackageIsOnTheMap looks for every package of internal, and every folder of tests, in docs/packages.md.
func TestEveryPackageIsOnTheMap(t *testing.T) {
	text := read(t, filepath.Join(root, "docs", "packages.md"))
	for dir := range sources(t) {
		rel, err := filepath.Rel(root, dir)
		if err != nil {
			t.Fatal(err)
		}
		rel = filepath.ToSlash(rel)
		if strings.HasPrefix(rel, "internal/") && !strings.Contains(text, "`"+rel+"`") {
			t.Errorf("docs/packages.md does not name %s", rel)
		}
		if name, ok := strings.CutPrefix(rel, "test/"); ok && !strings.Contains(text, "`"+name+"`") {
			t.Errorf("docs/packages.md does not name the tests of %s", rel)
		}
	}
}

// sources are the Go files of the tree by folder.
func sources(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, top := range []string{"cmd", "internal", "test", "bench", "examples"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err == nil && filepath.Ext(path) == ".go" {
				found[filepath.Dir(path)] = append(found[filepath.Dir(path)], path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func names(t *testing.T, dir string) (found []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		found = append(found, e.Name())
	}
	return found
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
