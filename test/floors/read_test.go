package floors

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// module is the prefix of our own import paths.
const module = "weir/"

// folder is what the rules need to know of one package: its non-test files, taken together.
type folder struct {
	path    string // from the root, with slashes: internal/source/files
	name    string // as the package clause says
	imports []use  // of our own packages, without the module's name
	blank   []use  // those of them that are imported for their effect only
	inits   []string
	anyMaps []string // places of map[string]any
}

// use is one import and its place.
type use struct {
	path, place string
}

// readModule parses every non-test Go file of the module; test data and hidden folders are left out.
func readModule(t *testing.T, root string) []*folder {
	t.Helper()
	byPath := map[string]*folder{}
	var order []*folder
	err := filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if n := e.Name(); file != root && (strings.HasPrefix(n, ".") || n == "testdata" || n == "demo") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		f := byPath[path.Dir(rel)]
		if f == nil {
			f = &folder{path: path.Dir(rel)}
			byPath[f.path], order = f, append(order, f)
		}
		return f.read(file, rel)
	})
	if err != nil {
		t.Fatal(err)
	}
	return order
}

func (f *folder) read(file, rel string) error {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("read %s: %w", rel, err)
	}
	f.add(set, tree, rel)
	return nil
}

func (f *folder) add(set *token.FileSet, tree *ast.File, rel string) {
	f.name = tree.Name.Name
	place := func(n ast.Node) string { return fmt.Sprintf("%s:%d", rel, set.Position(n.Pos()).Line) }
	for _, i := range tree.Imports {
		// The parser has seen that it is a string.
		name, _ := strconv.Unquote(i.Path.Value)
		if own, ok := strings.CutPrefix(name, module); ok {
			f.imports = append(f.imports, use{own, place(i)})
			if i.Name != nil && i.Name.Name == "_" {
				f.blank = append(f.blank, use{own, place(i)})
			}
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				f.inits = append(f.inits, place(n))
			}
		case *ast.MapType:
			if isIdent(n.Key, "string") && isAny(n.Value) {
				f.anyMaps = append(f.anyMaps, place(n))
			}
		}
		return true
	})
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func isAny(e ast.Expr) bool {
	i, ok := e.(*ast.InterfaceType)
	return isIdent(e, "any") || ok && len(i.Methods.List) == 0
}
