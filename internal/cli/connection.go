package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"weir/internal/fault"
)

func (a *app) connectionCommand() *cobra.Command {
	c := &cobra.Command{Use: "connection", Short: "Connections of the project", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(&cobra.Command{Use: "test NAME", Short: "Open a connection and see whether it answers", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		return a.testConnection(c.Context(), args[0])
	}})
	return c
}

func (a *app) testConnection(ctx context.Context, name string) (err error) {
	p, err := a.load()
	if err != nil {
		return err
	}
	c, ok := p.Connections[name]
	if !ok {
		return fault.New(fault.Usage, "connection %q is not in weir.yaml", name).WithHint("%s", nearest(name, keys(p.Connections)))
	}
	s := &sources{project: p}
	defer func() { err = errors.Join(err, s.close()) }()
	opened, err := s.connection(ctx, name)
	if err != nil {
		return err
	}
	if err := opened.Check(ctx); err != nil {
		return fmt.Errorf("connection %s: %w", name, err)
	}
	fmt.Fprintf(a.out, "%s (%s) answers\n", name, c.Type)
	return nil
}
