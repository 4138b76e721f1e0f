package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"weir/internal/build"
)

func deferFlag(c *cobra.Command, env *string) {
	c.Flags().StringVar(env, "defer", "", "read inputs that are not built here from this environment's lake, which is not written")
}

// deferTo names the environment whose lake stands in for what is not built here.
func (w *workspace) deferTo(ctx context.Context, env string) error {
	if env == "" {
		return nil
	}
	if _, err := w.lakeOf(ctx, env); err != nil {
		return fmt.Errorf("--defer: %w", err)
	}
	w.elsewhere = env
	return nil
}

// building is the builder of a run over some tables: what is not among them may be read elsewhere.
func (w *workspace) building(tables []string) *build.Builder {
	b := w.builder()
	if w.elsewhere == "" {
		return b
	}
	b.Defer = &build.Deferral{Env: w.elsewhere, Lake: w.others[w.elsewhere], Built: map[string]bool{}, Definition: func(table string) string {
		if w.graph.Nodes[table] == nil {
			return ""
		}
		return w.graph.Task(table).Definition
	}}
	for _, t := range tables {
		b.Defer.Built[t] = true
	}
	return b
}

func deferredText(d build.Deferred) string {
	at := fmt.Sprint(d.Number)
	if d.Number == 0 {
		at = fmt.Sprint(d.Snapshot)
	}
	text := fmt.Sprintf("reads %s of %s, snapshot %s", d.Input, d.Env, at)
	if d.Differs {
		text += ", which was built from another definition"
	}
	return text
}
