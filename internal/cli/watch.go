package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"weir/internal/cases"
	"weir/internal/fault"
	"weir/internal/plan"
)

// watchEvery is how often the files of a project are looked at. They are few, and looking works on every file system.
const watchEvery = 300 * time.Millisecond

// watchedFolders are the folders whose files shape what tests do.
var watchedFolders = []string{"tables", "tests", "macros", "seeds"}

// watchTests runs tests, and again those that a change affects, until it is interrupted.
func (a *app) watchTests(ctx context.Context, o testOptions) error {
	if o.junit != "" || o.json {
		return fault.New(fault.Usage, "--watch goes with neither --junit nor --json: it has no end")
	}
	var changed []string // nil: everything is to be run
	for {
		before := stamps(a.dir)
		err := a.with(ctx, func(w *workspace) error { return w.testAffected(ctx, o, changed) })
		var code exitCode
		switch {
		case ctx.Err() != nil:
			return errInterrupted()
		case errors.As(err, &code) || err == nil:
			changed = []string{}
		default:
			// A mistake is what a person mends next. What it kept from being run is run then.
			a.report(err)
			changed = nil
		}
		fmt.Fprintln(a.out, "\nwaiting for changes; Ctrl-C ends")
		found, err := waitForChange(ctx, a.dir, before)
		if err != nil {
			return errInterrupted()
		}
		fmt.Fprintf(a.out, "\n%s %s\n\n", time.Now().Format("15:04:05"), strings.Join(found, ", "))
		if changed != nil {
			changed = found
		}
	}
}

// errInterrupted is how watching ends.
func errInterrupted() error { return fault.New(fault.Canceled, "interrupted") }

// testAffected runs the selected tests that a change of some files affects; all where changed is nil.
func (w *workspace) testAffected(ctx context.Context, o testOptions, changed []string) error {
	if changed == nil || slices.ContainsFunc(changed, func(file string) bool {
		return !strings.HasPrefix(file, "tables/") && !strings.HasPrefix(file, "tests/")
	}) {
		return w.test(ctx, o)
	}
	suites, err := w.testSuites(ctx, o)
	if err != nil {
		return err
	}
	tables := w.affected(changed)
	suites = slices.DeleteFunc(suites, func(s *cases.Suite) bool { return !slices.Contains(tables, s.Table) })
	if len(suites) == 0 {
		fmt.Fprintln(w.app.out, "no test is affected")
		return nil
	}
	started := time.Now()
	results, err := w.runSuites(ctx, suites)
	if err != nil {
		return err
	}
	w.reportTests(results, time.Since(started))
	return nil
}

// affected are the tables that changed files define or test, and all that need them.
func (w *workspace) affected(files []string) (tables []string) {
	for _, file := range files {
		folder, below, _ := strings.Cut(file, "/")
		name := strings.ReplaceAll(strings.TrimSuffix(below, filepath.Ext(below)), "/", ".")
		if w.graph.Nodes[name] == nil {
			continue
		}
		tables = append(tables, name)
		if folder != "tables" {
			continue
		}
		if found, err := plan.Select(w.nodes(), []string{name + "+"}, nil); err == nil {
			tables = append(tables, found...)
		}
	}
	return tables
}

// stamp tells versions of a file apart.
type stamp struct {
	at   time.Time
	size int64
}

// stamps looks at the files of a project, by their paths with slashes.
func stamps(root string) map[string]stamp {
	found := map[string]stamp{}
	look := func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // what cannot be looked at now is looked at next time
		}
		info, err := d.Info()
		rel, relErr := filepath.Rel(root, path)
		if err == nil && relErr == nil {
			found[filepath.ToSlash(rel)] = stamp{info.ModTime(), info.Size()}
		}
		return nil
	}
	for _, name := range append([]string{"weir.yaml", ".env"}, watchedFolders...) {
		_ = filepath.WalkDir(filepath.Join(root, name), look) // look gives no error
	}
	return found
}

// waitForChange waits until files differ from what they were, and then until they have settled: editors write in several
// steps.
func waitForChange(ctx context.Context, root string, before map[string]stamp) ([]string, error) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var last map[string]stamp
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
		now := stamps(root)
		if found := differing(before, now); len(found) > 0 && last != nil && len(differing(last, now)) == 0 {
			return found, nil
		}
		last = now
	}
}

func differing(a, b map[string]stamp) (files []string) {
	for file, s := range a {
		if b[file] != s {
			files = append(files, file)
		}
	}
	for file := range b {
		if _, ok := a[file]; !ok {
			files = append(files, file)
		}
	}
	slices.Sort(files)
	return files
}
