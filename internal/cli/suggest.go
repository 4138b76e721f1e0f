package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"weir/internal/quality/suggest"
)

type suggestOptions struct {
	relationOptions
	json    bool
	all     bool
	columns []string
}

func (a *app) suggestCommand() *cobra.Command {
	var o suggestOptions
	c := &cobra.Command{
		Use:   "suggest TABLE|FILE",
		Short: "Rules that seem to hold of a table or a file, as DQDL to paste into a definition",
		Long: `Rules that seem to hold of a table of the lake, a view of the project, or a CSV, JSON or Parquet file, as DQDL that can be
pasted into the rules of a definition.

Four fifths of the rows say what seems to hold; each rule is then tried on the last fifth, and those that do not hold there
stand in comments. Above each rule is what speaks for it. A FILE needs no project.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.onRelation(c.Context(), args[0], o.relationOptions, func(r relation) error { return a.suggest(c.Context(), r, o) })
		},
	}
	f := c.Flags()
	f.BoolVar(&o.json, "json", false, "print as JSON")
	f.BoolVar(&o.all, "statistics", false, "rules about bounds, means, deviations and lengths as they are seen, too")
	f.StringSliceVar(&o.columns, "columns", nil, "about these columns only")
	relationFlags(c, &o.relationOptions)
	a.memoryFlag(c)
	return c
}

func (a *app) suggest(ctx context.Context, r relation, o suggestOptions) error {
	if err := r.only(o.columns); err != nil {
		return err
	}
	found, err := suggest.Make(ctx, r.session, r.name, r.from, r.columns, suggest.Options{Statistics: o.all})
	if err != nil {
		return err
	}
	if o.json {
		return writeJSON(a.out, found)
	}
	printSuggestions(a.out, found, r.notes)
	return nil
}

// printSuggestions prints a document of DQDL with the evidence in comments.
func printSuggestions(out io.Writer, r *suggest.Result, notes []string) {
	fmt.Fprintf(out, "# %s: %s from %s", comment(r.Name), plural(int64(len(r.Rules)), "rule"), plural(r.Rows, "row"))
	if r.HeldOut > 0 {
		fmt.Fprintf(out, ", tried on %s more", count(r.HeldOut))
	} else {
		fmt.Fprint(out, ", too few to hold some back and try the rules on them")
	}
	fmt.Fprintln(out)
	for _, n := range notes {
		fmt.Fprintln(out, "# note: "+comment(n))
	}
	if len(r.Rules) == 0 {
		fmt.Fprintln(out, "# nothing that would be worth a rule holds")
	} else {
		fmt.Fprintln(out, "Rules = [")
		for i, s := range r.Rules {
			end := ","
			if i == len(r.Rules)-1 {
				end = ""
			}
			fmt.Fprintf(out, "    # %s (%s)\n    %s%s\n", comment(s.Why), s.By, s.Rule, end)
		}
		fmt.Fprintln(out, "]")
	}
	for i, s := range r.Failed {
		if i == 0 {
			fmt.Fprintln(out, "\n# did not hold on the rows held back")
		}
		why := s.Held.Reason
		if s.Held.Failing > 0 {
			why = plural(s.Held.Failing, "row") + " of " + count(s.Held.Rows) + " fail"
		}
		fmt.Fprintf(out, "#   %s\n#     %s; %s (%s)\n", comment(s.Rule), comment(why), comment(s.Why), s.By)
	}
}

// comment keeps a text from leaving its line.
func comment(text string) string { return strings.NewReplacer("\n", " ", "\r", " ").Replace(text) }
