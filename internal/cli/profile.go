package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"weir/internal/fault"
	"weir/internal/quality/profile"
	"weir/internal/quality/profile/page"
)

type profileOptions struct {
	relationOptions
	json    bool
	html    string
	columns []string
}

func (a *app) profileCommand() *cobra.Command {
	var o profileOptions
	c := &cobra.Command{
		Use:   "profile TABLE|FILE",
		Short: "What is in the columns of a table or a file: completeness, values, distributions, likely meaning",
		Long: `What is in the columns of a table of the lake, a view of the project, or a CSV, JSON or Parquet file: how complete they are,
how many different values they have, the least and the greatest, how they are spread, what texts look like, and what they
seem to mean, such as addresses of e-mail or numbers of cards.

A FILE needs no project. It may be a pattern of files with the same columns, such as 'inbox/*.csv'; types are found as by
weir crawl.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.onRelation(c.Context(), args[0], o.relationOptions, func(r relation) error { return a.profile(c.Context(), r, o) })
		},
	}
	f := c.Flags()
	f.BoolVar(&o.json, "json", false, "print as JSON")
	f.StringVar(&o.html, "html", "", "write a page with charts to this file instead")
	f.StringSliceVar(&o.columns, "columns", nil, "these columns only")
	relationFlags(c, &o.relationOptions)
	a.memoryFlag(c)
	return c
}

func relationFlags(c *cobra.Command, o *relationOptions) {
	c.Flags().StringVar(&o.asOf, "as-of", "", "the table as it was: a time, run:N or a snapshot")
	branchFlag(c, &o.branch)
}

func (a *app) profile(ctx context.Context, r relation, o profileOptions) error {
	if err := r.only(o.columns); err != nil {
		return err
	}
	p, err := profile.Of(ctx, r.session, r.name, r.from, r.columns)
	if err != nil {
		return err
	}
	switch {
	case o.html != "":
		return a.writePage(p, r, o.html)
	case o.json:
		return writeJSON(a.out, p)
	}
	printProfile(a.out, p, r.notes)
	return nil
}

func (a *app) writePage(p *profile.Profile, r relation, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return fault.New(fault.Usage, "write page: %w", err)
	}
	buffered := bufio.NewWriter(f)
	err = page.Write(buffered, p, r.notes, time.Now())
	if err = errors.Join(err, buffered.Flush(), f.Close()); err != nil {
		return fault.New(fault.Unavailable, "write page %s: %w", path, err)
	}
	fmt.Fprintf(a.out, "%s · %s · %s: written to %s\n", p.Name, plural(p.Rows, "row"), plural(int64(len(p.Columns)), "column"), path)
	return nil
}

// only leaves out all columns but some.
func (r *relation) only(columns []string) error {
	if len(columns) == 0 {
		return nil
	}
	var all []string
	for _, c := range r.columns {
		all = append(all, c.Name)
	}
	kept := r.columns[:0:0]
	for _, name := range columns {
		found := false
		for _, c := range r.columns {
			if c.Name == name {
				kept, found = append(kept, c), true
			}
		}
		if !found {
			return fault.New(fault.Usage, "--columns: %s has no column %s", r.name, name).WithHint("%s", nearest(name, all))
		}
	}
	r.columns = kept
	return nil
}
