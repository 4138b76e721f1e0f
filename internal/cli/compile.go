package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/model"
)

func (a *app) compileCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "compile TABLE", Short: "The SQL that a build of a table runs, and the columns it gives", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		return a.with(c.Context(), func(w *workspace) error { return w.compile(c.Context(), args[0], asJSON) })
	}}
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return c
}

type compiled struct {
	Table      string            `json:"table"`
	SQL        string            `json:"sql"`
	Params     map[string]string `json:"params,omitempty"`
	Inputs     []string          `json:"inputs"`
	Views      map[string]string `json:"views,omitempty"`
	Columns    []job.Column      `json:"columns,omitempty"`
	Definition string            `json:"definition"`
}

func (w *workspace) compile(ctx context.Context, name string, asJSON bool) error {
	if err := w.known(name); err != nil {
		return err
	}
	n := w.graph.Nodes[name]
	if n.Table.Kind != define.FromSQL {
		return fault.New(fault.Usage, "%s is not made by SQL: it reads %s", name, n.Table.Reader.Summary()).WithHint("weir show %s tells of it", name)
	}
	bound, err := w.bind(ctx)
	if err != nil {
		return err
	}
	task := w.graph.Task(name)
	out := compiled{Table: name, SQL: strings.TrimSpace(n.Table.SQL), Params: map[string]string{}, Inputs: w.graph.Needs(name),
		Views: map[string]string{}, Columns: bound.Columns[name], Definition: task.Definition}
	for _, p := range n.Params {
		if out.Params[p] = fmt.Sprint(w.project.Vars[p]); p == "run_time" {
			out.Params[p] = "the run's logical time"
		}
	}
	params := w.params()
	for _, in := range task.Inputs {
		if in.View != "" {
			out.Views[in.Name] = strings.TrimSpace(model.Bind(in.View, params))
		}
	}
	if asJSON {
		return writeJSON(w.app.out, out)
	}
	for _, in := range task.Inputs {
		if in.View != "" {
			fmt.Fprintf(w.app.out, "-- view %s\n%s;\n\n", in.Name, out.Views[in.Name])
		}
	}
	fmt.Fprintf(w.app.out, "-- %s\n%s;\n", name, out.SQL)
	for _, p := range keys(out.Params) {
		fmt.Fprintf(w.app.out, "-- $%s = %s\n", p, out.Params[p])
	}
	for _, c := range out.Columns {
		fmt.Fprintf(w.app.out, "-- %s %s\n", c.Name, c.Type)
	}
	return nil
}
