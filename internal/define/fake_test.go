package define

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"weir/internal/job"
	"weir/internal/source"
)

// fakeKinds are kinds of source for tests: one that reads files, as seeds need it, and one that reads tables.
func fakeKinds() Kinds {
	return Kinds{
		"files":    {Config: func() source.Config { return &fakeFiles{} }, Reader: func() source.Reader { return &fakeReader{} }},
		"postgres": {Config: func() source.Config { return &fakeDatabase{} }, Reader: func() source.Reader { return &fakeTable{} }},
	}
}

var errFake = errors.New("this kind of source is none")

type fakeFiles struct {
	Path string `yaml:"path" doc:"folder"`
}

func (c *fakeFiles) Findings() []source.Finding {
	if c.Path == "" {
		return []source.Finding{{Key: "path", Message: "a files connection needs a path"}}
	}
	return nil
}

func (c *fakeFiles) Open(context.Context, source.Env) (source.Opened, error) { return nil, errFake }

type fakeReader struct {
	Path          string   `yaml:"path" doc:"pattern"`
	Format        string   `yaml:"format" enum:"csv|ndjson" doc:"format"`
	Delimiter     string   `yaml:"delimiter" default:"," doc:"what separates fields | or not"`
	Header        string   `yaml:"header" enum:"auto|true|false" default:"auto" doc:"first line"`
	NullValues    []string `yaml:"null_values,single" doc:"texts that mean null"`
	Strict        bool     `yaml:"strict" doc:"no other columns"`
	OnChangedFile string   `yaml:"on_changed_file" enum:"replace|append|stop" default:"replace" doc:"changed files"`
	OnSchema      string   `yaml:"on_schema_change" enum:"add|stop" doc:"new columns"`
	columns       []job.Column
}

func (r *fakeReader) SetColumns(c []job.Column) { r.columns = c }
func (r *fakeReader) Summary() string           { return r.Path }
func (r *fakeReader) Findings() (out []source.Finding) {
	if r.Path == "" {
		out = append(out, source.Finding{Key: "path", Message: "a table of files needs a path"})
	}
	if len(r.Delimiter) != 1 {
		out = append(out, source.Finding{Key: "delimiter", Message: fmt.Sprintf("%q is not one character", r.Delimiter)})
	}
	for _, c := range r.columns {
		if c.Name == "_file" {
			out = append(out, source.Finding{Key: "columns._file", Message: "_file is a name Weir gives itself"})
		}
	}
	return out
}

type fakeDatabase struct {
	URL      string `yaml:"url" required:"true" doc:"address"`
	Password string `yaml:"password" doc:"password"`
	Port     int    `yaml:"port" default:"5432" doc:"port"`
}

func (c *fakeDatabase) Findings() []source.Finding { return nil }
func (c *fakeDatabase) Open(context.Context, source.Env) (source.Opened, error) {
	return nil, errFake
}

type fakeTable struct {
	Batch int `yaml:"batch" default:"1000" doc:"rows a batch"`
}

func (r *fakeTable) Findings() []source.Finding { return nil }
func (r *fakeTable) Summary() string            { return "table" }

// folder writes a project's files and gives its root. weir.yaml is a small one where it is not among them.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	all := map[string]string{"weir.yaml": "name: shop\nconnections:\n  inbox: { type: files, path: inbox }\n  shop: { type: postgres, url: 'pg://h' }\n"}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func load(t testing.TB, files map[string]string) *Project {
	t.Helper()
	p, err := Load(folder(t, files), "", fakeKinds(), fakeSinks())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fakeSinks are kinds of connection that can be published to: the tables of fakeKinds.
func fakeSinks() Sinks { return Sinks{"postgres": {}} }
