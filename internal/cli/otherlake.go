package cli

import (
	"context"
	"errors"
	"path/filepath"
	"slices"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/lake"
	sinkkinds "weir/internal/sink/kinds"
	"weir/internal/source/kinds"
)

// lakeOf opens the lake of another environment, to be read only. What else is wrong with that environment here, a variable of
// its connections that is not set for instance, does not matter.
func (w *workspace) lakeOf(ctx context.Context, env string) (*lake.Lake, error) {
	if !slices.Contains(w.project.Envs, env) {
		return nil, fault.New(fault.Usage, "environment %q is not in weir.yaml", env).WithHint("%s", nearest(env, w.project.Envs))
	}
	if l := w.others[env]; l != nil {
		return l, nil
	}
	p, err := define.Load(w.project.Root, env, kinds.All(), sinkkinds.All())
	var problems define.Problems
	if err != nil && (p == nil || !errors.As(err, &problems) || p.Lake == "") {
		return nil, err
	}
	l, err := openLake(ctx, p, filepath.Join(p.Root, ".weir", env), true)
	if err != nil {
		return nil, err
	}
	if l.Location() == w.lake.Location() {
		return nil, errors.Join(fault.New(fault.Usage, "environment %s has the same lake: %s", env, l.Location()).
			WithHint("an environment has a lake of its own where weir.yaml gives it one: environments: {%s: {lake: …}}", env), l.Close())
	}
	if w.others == nil {
		w.others = map[string]*lake.Lake{}
	}
	w.others[env] = l
	return l, nil
}

// inLake loads a table of the lake by its name in any case, whether it has a definition or not.
func (w *workspace) inLake(ctx context.Context, l *lake.Lake, name string) (*lake.Table, error) {
	names, err := l.Tables(ctx)
	if err != nil {
		return nil, err
	}
	name = w.spelled(name, names)
	t, err := l.Table(ctx, name)
	if isNoTable(err) {
		return nil, w.noTable(name, names)
	}
	if err != nil {
		return nil, err
	}
	if _, ok := t.Snapshot(); !ok {
		return nil, fault.New(fault.Usage, "table %s has no snapshot yet", name).WithHint("weir run +%s", name)
	}
	return t, nil
}
