package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"

	"weir/internal/blob"
	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/engine/duckdb"
	"weir/internal/fault"
	"weir/internal/journal"
	"weir/internal/lake"
	"weir/internal/plan"
	sinkkinds "weir/internal/sink/kinds"
	"weir/internal/source/kinds"
)

// app is one call of the command line.
type app struct {
	in       io.Reader
	out, err io.Writer
	dir, env string
	memory   string // --memory as written
	project  *define.Project
}

func (a *app) redact(text string) string {
	if a.project == nil {
		return text
	}
	return a.project.Redactor.Redact(text)
}

// load reads and checks the project's text.
func (a *app) load() (*define.Project, error) {
	root, err := filepath.Abs(a.dir)
	if err != nil {
		return nil, fault.New(fault.Usage, "find project folder: %w", err)
	}
	p, err := define.Load(root, a.env, kinds.All(), sinkkinds.All())
	if p != nil {
		a.project = p
	}
	return p, err
}

// workspace is an open project: its definitions, its lake, its engine and its journal.
type workspace struct {
	app       *app
	project   *define.Project
	graph     *plan.Graph
	lake      *lake.Lake
	engine    *duckdb.Engine
	journal   *journal.Journal
	sources   *sources
	failures  int // rounds of a session that follows which failed in a row
	scratch   *scratch
	others    map[string]*lake.Lake // of other environments, as far as they were opened
	reached   map[string]bool       // destinations that a session has brought to where their tables are
	elsewhere string                // environment that inputs are read from which are not built here, "" for none
	state     string                // local folder for what is not part of the project or the lake
}

// loaded is a project whose text was read and nothing opened yet, with the mistakes of its definitions.
func (a *app) loaded() (*workspace, define.Problems, error) {
	p, err := a.load()
	var problems define.Problems
	if err != nil && (p == nil || !errors.As(err, &problems)) {
		return nil, nil, err
	}
	return &workspace{app: a, project: p, state: filepath.Join(p.Root, ".weir", p.Env)}, problems, nil
}

// open opens the whole project. Everything opened is closed by close.
func (a *app) open(ctx context.Context) (*workspace, error) {
	w, problems, err := a.loaded()
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, w.allProblems(ctx, problems)
	}
	if err := w.openAll(ctx); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// allProblems adds the mistakes of the SQL to those of the definitions, so that a person sees every one at once.
func (w *workspace) allProblems(ctx context.Context, problems define.Problems) error {
	e, err := duckdb.Open(ctx, duckdb.Options{Threads: 1})
	if err != nil {
		return err
	}
	w.engine = e
	_, err = w.readGraph(ctx)
	var more define.Problems
	if err != nil && !errors.As(err, &more) {
		return errors.Join(err, e.Close())
	}
	return errors.Join(define.NewProblems(append(problems, more...)), e.Close())
}

func (w *workspace) openAll(ctx context.Context) error {
	if err := w.openText(ctx); err != nil {
		return err
	}
	return w.openData(ctx)
}

// openText opens what the project's text is judged with. With mistakes of the SQL as its error, the graph is there, too.
func (w *workspace) openText(ctx context.Context) (err error) {
	if err := os.MkdirAll(w.state, 0o755); err != nil {
		return fault.New(fault.Usage, "make the project's state folder: %w", err)
	}
	if w.scratch, err = openScratch(filepath.Join(w.state, "scratch")); err != nil {
		return err
	}
	if w.engine, err = w.openEngine(ctx); err != nil {
		return err
	}
	w.graph, err = w.readGraph(ctx)
	return err
}

func (w *workspace) openData(ctx context.Context) (err error) {
	if w.lake, err = openLake(ctx, w.project, w.state, false); err != nil {
		return err
	}
	w.sources = &sources{project: w.project, scratch: w.scratch.part("copies"), position: w.committedPosition}
	return nil
}

func (w *workspace) openEngine(ctx context.Context) (*duckdb.Engine, error) {
	memory, err := budget(w.app.memory, w.project.Memory)
	if err != nil {
		return nil, err
	}
	// The engine's memory is outside Go's heap; Go's own part is small and kept so.
	debug.SetMemoryLimit(128 << 20)
	return duckdb.Open(ctx, duckdb.Options{Memory: engineShare(memory), Process: memory, TempDir: w.scratch.part("spill"), Timezone: w.project.Timezone})
}

func (w *workspace) readGraph(ctx context.Context) (*plan.Graph, error) {
	s, err := w.engine.Session(ctx)
	if err != nil {
		return nil, err
	}
	g, err := plan.Read(ctx, w.project, s)
	return g, errors.Join(err, s.Close())
}

func openLake(ctx context.Context, p *define.Project, state string, readOnly bool) (*lake.Lake, error) {
	s3, err := lakeS3(ctx, p)
	if err != nil {
		return nil, err
	}
	return lake.Open(ctx, lake.Config{Location: p.Lake, State: state, S3: s3, ReadOnly: readOnly})
}

func lakeS3(ctx context.Context, p *define.Project) (blob.S3, error) {
	c := p.LakeS3
	out := blob.S3{Endpoint: c.Endpoint, Region: c.Region}
	var err error
	if out.AccessKey, err = p.Resolver.Resolve(ctx, c.AccessKey); err != nil {
		return out, fmt.Errorf("lake: %w", err)
	}
	if out.SecretKey, err = p.Resolver.Resolve(ctx, c.SecretKey); err != nil {
		return out, fmt.Errorf("lake: %w", err)
	}
	return out, nil
}

func (w *workspace) close() error {
	var errs []error
	if w.sources != nil {
		errs = append(errs, w.sources.close())
	}
	if w.journal != nil {
		errs = append(errs, w.journal.Close())
	}
	if w.lake != nil {
		errs = append(errs, w.lake.Close())
	}
	for _, other := range w.others {
		errs = append(errs, other.Close())
	}
	if w.engine != nil {
		errs = append(errs, w.engine.Close())
	}
	if w.scratch != nil {
		errs = append(errs, w.scratch.close())
	}
	return errors.Join(errs...)
}

func (w *workspace) builder() *build.Builder {
	b := &build.Builder{Lake: w.lake, Engine: w.engine, Macros: w.project.Macros, Vars: w.project.Vars,
		Source: w.sources.open, Scratch: w.scratch.part("builds")}
	if w.journal != nil {
		b.States, b.History = w.journal, w.measured
	}
	return b
}

// with opens the project, does the work and closes it again.
func (a *app) with(ctx context.Context, do func(w *workspace) error) error {
	w, err := a.open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(w), w.close())
}
