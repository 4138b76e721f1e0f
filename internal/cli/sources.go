package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/source"
)

// sources opens each connection once, when a build first needs it, so that a missing secret fails only what uses it.
type sources struct {
	project *define.Project
	scratch string
	mu      sync.Mutex
	opened  map[string]source.Opened
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
	env := source.Env{Root: s.project.Root, Scratch: s.scratch, Resolve: s.project.Resolver.Resolve}
	o, err := c.Config.Open(ctx, env)
	if err != nil {
		return nil, fmt.Errorf("connection %s: %w", name, err)
	}
	if s.opened == nil {
		s.opened = map[string]source.Opened{}
	}
	s.opened[name] = o
	return o, nil
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
