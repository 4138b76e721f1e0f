package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"weir/internal/fault"
)

// ConfigFile is the file that makes a folder a project.
const ConfigFile = "weir.yaml"

// Folder is a project's text.
type Folder struct {
	Root      string // absolute
	Config    *Node  // of weir.yaml; nil where it is not YAML
	Tables    []File // of tables/, by path
	Pipelines []File // of pipelines/
	Seeds     []Seed // of seeds/
	Macros    []File // of macros/
	Dotenv    map[string]string
	Problems  []Problem
}

// File is one file of the project.
type File struct {
	Name string // its path below its folder without extension, dots for slashes: raw.orders
	Path string // relative to the project's folder, with slashes
	Doc  *Node  // the YAML, or a SQL file's header; nil where there is none
	SQL  *SQL   // of a .sql file
	// Broken is true where the text could not be read: problems are reported, and nothing more can be said of the file.
	Broken bool
}

// Seed is a CSV file and the YAML file that types it.
type Seed struct {
	File        // the YAML; Path and Doc are empty without one
	CSV  string // path of the CSV file, relative to the project's folder
}

// Read reads a project's folder. Mistakes in its files are Problems of the folder; an error is one that stops all.
func Read(root string) (*Folder, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fault.New(fault.Usage, "find project folder: %w", err)
	}
	f := &Folder{Root: root}
	text, err := os.ReadFile(filepath.Join(root, ConfigFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Usage, "there is no %s in %s", ConfigFile, root).
			WithHint("go to the project's folder, name it with -C DIR, or make a project with: weir init")
	}
	if err != nil {
		return nil, fault.New(fault.Usage, "read %s: %w", ConfigFile, err)
	}
	f.Config = f.keep(ParseYAML(ConfigFile, string(text)))
	f.readDotenv()
	f.Tables = f.files("tables", ".yaml", ".sql")
	f.Pipelines = f.files("pipelines", ".yaml")
	f.Macros = f.files("macros", ".sql")
	f.readSeeds()
	return f, nil
}

// ReadTests reads the files of tests/. They are no part of what Read reads: a mistake in a test stops no run. Variables in
// them stay as they are written.
func ReadTests(root string) ([]File, []Problem) {
	f := &Folder{Root: root}
	files := f.files("tests", ".yaml")
	return files, f.Problems
}

// Lookup finds a variable in the environment and then in .env.
func (f *Folder) Lookup(name string) (string, bool) {
	if v, ok := os.LookupEnv(name); ok {
		return v, true
	}
	v, ok := f.Dotenv[name]
	return v, ok
}

func (f *Folder) keep(n *Node, problems []Problem) *Node {
	f.Problems = append(f.Problems, problems...)
	return n
}

func (f *Folder) fail(file, format string, args ...any) {
	f.Problems = append(f.Problems, Place{File: file}.Problem(format, args...))
}

func (f *Folder) readDotenv() {
	text, err := os.ReadFile(filepath.Join(f.Root, ".env"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		f.fail(".env", "cannot be read: %v", cause(err))
		return
	}
	values, problems := ParseDotenv(".env", string(text))
	f.Dotenv = values
	f.Problems = append(f.Problems, problems...)
}

// cause is an error of the file system without the path, which stands before it already.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// files reads the files below a folder with one of the extensions, in order of path. Notes (.md) and hidden files are left
// alone; any other file is a mistake, since it would be a definition that no one misses.
func (f *Folder) files(dir string, extensions ...string) []File {
	var out []File
	for _, file := range f.walk(dir) {
		if ext := path.Ext(file); slices.Contains(extensions, ext) {
			out = append(out, f.file(dir, file))
		} else {
			f.strange(file, extensions)
		}
	}
	return out
}

func (f *Folder) strange(file string, extensions []string) {
	p := Place{File: file}.Problem("weir does not read this file")
	p.Hint = fmt.Sprintf("files here end in %s; notes may end in .md", strings.Join(extensions, " or "))
	if path.Ext(file) == ".yml" {
		p.Hint = "rename it to " + strings.TrimSuffix(file, ".yml") + ".yaml"
	}
	f.Problems = append(f.Problems, p)
}

// walk lists the files below a folder, relative to the root; none where there is no such folder.
func (f *Folder) walk(dir string) []string {
	var out []string
	start := filepath.Join(f.Root, dir)
	err := filepath.WalkDir(start, func(name string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(f.Root, name)
		if relErr != nil {
			return relErr
		}
		rel = filepath.ToSlash(rel)
		switch {
		case err != nil && name == start && errors.Is(err, fs.ErrNotExist):
			return fs.SkipAll
		case err != nil:
			f.fail(rel, "cannot be read: %v", cause(err))
			return nil
		case strings.HasPrefix(d.Name(), "."), strings.HasSuffix(d.Name(), "~"), strings.HasSuffix(d.Name(), "#"):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir(), path.Ext(rel) == ".md":
			return nil
		}
		out = append(out, rel)
		return nil
	})
	if err != nil {
		f.fail(dir, "cannot be read: %v", cause(err))
	}
	return out
}

func (f *Folder) file(dir, file string) File {
	out := File{Path: file, Name: nameOf(dir, file)}
	text, err := os.ReadFile(filepath.Join(f.Root, filepath.FromSlash(file)))
	if err != nil {
		f.fail(file, "cannot be read: %v", cause(err))
		out.Broken = true
		return out
	}
	if path.Ext(file) == ".yaml" {
		out.Doc = f.keep(ParseYAML(file, string(text)))
		out.Broken = out.Doc == nil
		return out
	}
	sql, problems := ParseSQL(file, string(text))
	f.Problems = append(f.Problems, problems...)
	out.SQL, out.Doc = &sql, sql.Header
	out.Broken = len(problems) > 0 && sql.Header == nil
	return out
}

// nameOf is a file's name in the project: its path below a folder, without extension and with dots for slashes.
func nameOf(dir, file string) string {
	below := strings.TrimPrefix(strings.TrimSuffix(file, path.Ext(file)), dir+"/")
	return strings.ReplaceAll(below, "/", ".")
}

// readSeeds pairs seeds/NAME.csv with seeds/NAME.yaml.
func (f *Folder) readSeeds() {
	docs := map[string]File{}
	var tables []string
	for _, file := range f.walk("seeds") {
		switch path.Ext(file) {
		case ".csv":
			tables = append(tables, file)
		case ".yaml":
			doc := f.file("seeds", file)
			docs[doc.Name] = doc
		default:
			f.strange(file, []string{".csv", ".yaml"})
		}
	}
	for _, file := range tables {
		name := nameOf("seeds", file)
		seed := Seed{File: docs[name], CSV: file}
		seed.Name = name
		delete(docs, name)
		f.Seeds = append(f.Seeds, seed)
	}
	for _, doc := range docs {
		f.fail(doc.Path, "there is no seeds/%s.csv that this could type", strings.ReplaceAll(doc.Name, ".", "/"))
	}
}
