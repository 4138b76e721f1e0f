package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// buildWeir builds the program as make build does.
func (s *settings) buildWeir(ctx context.Context) error {
	s.weir = filepath.Join(s.work, "weir")
	note("building weir")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", s.weir, "weir/cmd/weir")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build weir: %w\n%s", err, tail(string(out), 20))
	}
	return nil
}

// project is a project folder made for a measurement.
type project struct {
	s   *settings
	dir string
}

// newProject writes a project whose connection inbox is a folder; files are texts by path.
func (s *settings) newProject(name, inbox string, files map[string]string) (project, error) {
	dir, err := os.MkdirTemp(s.work, name+"-")
	if err != nil {
		return project{}, fmt.Errorf("make project: %w", err)
	}
	p := project{s: s, dir: dir}
	if err := p.write("weir.yaml", fmt.Sprintf("name: bench\nlake: lake\nconnections:\n  inbox: { type: files, path: %q }\n", inbox)); err != nil {
		return p, err
	}
	for path, text := range files {
		if err := p.write(path, text); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (p project) write(path, text string) error {
	full := filepath.Join(p.dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return fmt.Errorf("write project: %w", err)
	}
	if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write project: %w", err)
	}
	return nil
}

// run measures weir run.
func (p project) run(ctx context.Context, args ...string) (sample, error) {
	return measure(ctx, p.s.weir, append([]string{"-C", p.dir, "run", "--memory", p.s.memory}, args...)...)
}

// holds says whether a table has the rows it must have: a figure of a run that lost rows is none.
func (p project) holds(ctx context.Context, table string, want int64) error {
	got, err := p.count(ctx, table)
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%s has %d rows, want %d", table, got, want)
	}
	return nil
}

func (p project) count(ctx context.Context, table string) (int64, error) {
	cmd := exec.CommandContext(ctx, p.s.weir, "-C", p.dir, "query", "--format", "csv", "select count(*) as n from "+table)
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("count %s: %w", table, err)
	}
	lines := strings.Fields(string(out))
	if len(lines) != 2 {
		return 0, fmt.Errorf("count %s: weir query printed %q", table, out)
	}
	n, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("count %s: %w", table, err)
	}
	return n, nil
}

// forget removes the project's local state.
func (p project) forget() error { return os.RemoveAll(filepath.Join(p.dir, ".weir")) }

func (p project) remove() { os.RemoveAll(p.dir) }

// load is the side of weir that reads an inbox into one table of a fresh project.
func (s *settings) load(inbox, table, definition string, rows int64) side {
	return side{"weir", func(ctx context.Context, _ int) (sample, error) {
		p, err := s.newProject(filepath.Base(inbox), inbox, map[string]string{"tables/" + strings.ReplaceAll(table, ".", "/") + ".yaml": definition})
		if err != nil {
			return sample{}, err
		}
		defer p.remove()
		m, err := p.run(ctx)
		if err != nil {
			return sample{}, err
		}
		return m, p.holds(ctx, table, rows)
	}}
}
