package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/source"
)

// sources opens each connection once, when a build first needs it, so that a missing secret fails only what uses it.
type sources struct {
	project *define.Project
	scratch string
	// position asks the lake how far a table is; nil where there is no lake.
	position func(ctx context.Context, table string) (job.Position, error)
	// onMain asks likewise on main where position is of a branch; else nil.
	onMain func(ctx context.Context, table string) (job.Position, error)
	mu     sync.Mutex
	opened map[string]source.Opened
}

// open gives the source one table reads.
func (s *sources) open(ctx context.Context, t *define.Table) (source.Source, error) {
	o, err := s.connection(ctx, t.Connection)
	if err != nil {
		return nil, err
	}
	return o.Dataset(t.Reader)
}

func (s *sources) connection(ctx context.Context, name string) (source.Opened, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, ok := s.opened[name]; ok {
		return o, nil
	}
	c, ok := s.project.Connections[name]
	if !ok {
		return nil, fault.New(fault.Usage, "connection %q is not in weir.yaml", name).
			WithHint("%s", nearest(name, keys(s.project.Connections)))
	}
	env := source.Env{Project: s.project.Name, Root: s.project.Root, Scratch: s.scratch, Resolve: s.project.Resolver.Resolve}
	o, err := c.Config.Open(ctx, env)
	if err != nil {
		return nil, fmt.Errorf("connection %s: %w", name, err)
	}
	if f, ok := o.(source.Follower); ok {
		f.Follow(s.members(name))
	}
	if s.opened == nil {
		s.opened = map[string]source.Opened{}
	}
	s.opened[name] = o
	return o, nil
}

// all are the connections that were opened.
func (s *sources) all() (out []source.Opened) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range keys(s.opened) {
		out = append(out, s.opened[name])
	}
	return out
}

// members are the tables that follow a connection.
func (s *sources) members(connection string) (out []source.Member) {
	for _, name := range keys(s.project.Tables) {
		t := s.project.Tables[name]
		if r, ok := t.Reader.(source.Following); !ok || t.Connection != connection || !r.Follows() {
			continue
		}
		m := source.Member{Table: name, Reader: t.Reader, Key: t.Key,
			Position: func(ctx context.Context) (job.Position, error) { return s.position(ctx, name) }}
		if s.onMain != nil {
			m.Main = func(ctx context.Context) (job.Position, error) { return s.onMain(ctx, name) }
		}
		out = append(out, m)
	}
	return out
}

func (s *sources) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, o := range s.opened {
		errs = append(errs, o.Close())
	}
	s.opened = nil
	return errors.Join(errs...)
}
