package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"weir/internal/build"
	"weir/internal/crawl"
	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/source"
)

func (a *app) contractCommand() *cobra.Command {
	var asJSON, check bool
	c := &cobra.Command{Use: "contract [TABLE...]", Short: "What tables promise of their columns, and where what is there differs",
		Long: `What tables promise: the columns their definitions declare, with type, nulls, description, what they tell of a person, and the table's owner.

Below stands where the table in the lake differs: columns that are not declared, that are missing or of another type, and nulls where
none may be. weir crawl compares the files that arrive in the same way.`,
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(c.Context(), func(w *workspace) error { return w.contracts(c.Context(), args, check, asJSON) })
		}}
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	c.Flags().BoolVar(&check, "check", false, "exit code 3 where anything differs")
	return c
}

// contract is what a table promises.
type contract struct {
	Table       string           `json:"table"`
	File        string           `json:"file"`
	Description string           `json:"description,omitempty"`
	Owner       string           `json:"owner,omitempty"`
	Policy      string           `json:"on_schema_change,omitempty"`
	Columns     []contractColumn `json:"columns"`
	Differs     []contractChange `json:"differs"`
}

type contractColumn struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Required    bool   `json:"required,omitempty"`
	Personal    string `json:"personal,omitempty"`
	Description string `json:"description,omitempty"`
}

// contractChange is one difference between what is declared and what the lake holds.
type contractChange struct {
	Kind   string `json:"kind"` // one of crawl's kinds, or nulls
	Column string `json:"column"`
	From   string `json:"declared,omitempty"`
	To     string `json:"found,omitempty"`
	Nulls  int64  `json:"nulls,omitempty"`
}

const nullsKind = "nulls"

func (w *workspace) contracts(ctx context.Context, tables []string, check, asJSON bool) error {
	for _, t := range tables {
		if err := w.known(t); err != nil {
			return err
		}
	}
	out := []contract{}
	var differs int64
	for _, name := range w.graph.Order {
		t := w.graph.Nodes[name].Table
		if len(tables) > 0 && !slices.Contains(tables, name) || len(tables) == 0 && len(t.Columns) == 0 {
			continue
		}
		c, err := w.contractOf(ctx, t)
		if err != nil {
			return err
		}
		differs += int64(len(c.Differs))
		out = append(out, c)
	}
	if asJSON {
		if err := writeJSON(w.app.out, out); err != nil {
			return err
		}
	} else {
		w.printContracts(out)
	}
	if check && differs > 0 {
		return fault.New(fault.Data, "%s between what is declared and what the lake holds", plural(differs, "difference"))
	}
	return nil
}

func (w *workspace) contractOf(ctx context.Context, t *define.Table) (contract, error) {
	c := contract{Table: t.Name, File: t.File, Description: t.Description, Owner: t.Owner, Columns: []contractColumn{}, Differs: []contractChange{}}
	if e, ok := t.Source.(source.Evolving); ok {
		c.Policy, _ = e.NewColumn("")
	}
	for _, d := range t.Columns {
		c.Columns = append(c.Columns, contractColumn{d.Name, crawl.TypeName(d.Type), d.Required, t.Personal[d.Name], define.PlainDoc(d.Doc)})
	}
	stored, err := w.lake.Table(ctx, t.Name)
	if isNoTable(err) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	c.Differs = append(c.Differs, compareColumns(t, stored.Columns())...)
	nulls, err := w.nullsIn(ctx, t, stored)
	c.Differs = append(c.Differs, nulls...)
	return c, err
}

// compareColumns tells columns apart by name, without those that Weir adds itself.
func compareColumns(t *define.Table, stored []job.Column) (out []contractChange) {
	of := func(cols []job.Column, name string) int {
		return slices.IndexFunc(cols, func(c job.Column) bool { return strings.EqualFold(c.Name, name) })
	}
	for _, d := range t.Columns {
		switch i := of(stored, d.Name); {
		case i < 0:
			out = append(out, contractChange{Kind: crawl.Missing, Column: d.Name, From: crawl.TypeName(d.Type)})
		case stored[i].Type != d.Type:
			out = append(out, contractChange{Kind: crawl.Typed, Column: d.Name, From: crawl.TypeName(d.Type), To: crawl.TypeName(stored[i].Type)})
		}
	}
	own := []string{build.FileColumn, build.SeenColumn, "_extra", t.Versions.From, t.Versions.To, t.Versions.Current}
	for _, s := range stored {
		if of(t.Columns, s.Name) < 0 && !slices.Contains(own, s.Name) {
			out = append(out, contractChange{Kind: crawl.Added, Column: s.Name, To: crawl.TypeName(s.Type)})
		}
	}
	return out
}

// nullsIn counts nulls that were stored before their column was required.
func (w *workspace) nullsIn(ctx context.Context, t *define.Table, stored *lake.Table) (out []contractChange, err error) {
	var items []string
	var cols []job.Column
	for _, d := range t.Columns {
		if d.Required && slices.ContainsFunc(stored.Columns(), func(s job.Column) bool { return strings.EqualFold(s.Name, d.Name) }) {
			cols, items = append(cols, d), append(items, "count(*) FILTER ("+job.Quote(d.Name)+" IS NULL)")
		}
	}
	if len(cols) == 0 {
		return nil, nil
	}
	scan, err := stored.Scan(ctx, lake.ScanOptions{})
	if err != nil {
		return nil, err
	}
	s, err := w.engine.Session(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for i, c := range cols {
		n, err := s.Int(ctx, "SELECT "+items[i]+" FROM ("+scan.SQL+")")
		if err != nil {
			return nil, fmt.Errorf("count nulls of %s: %w", t.Name, err)
		}
		if n > 0 {
			out = append(out, contractChange{Kind: nullsKind, Column: c.Name, Nulls: n})
		}
	}
	return out, nil
}

func (w *workspace) printContracts(all []contract) {
	for i, c := range all {
		if i > 0 {
			fmt.Fprintln(w.app.out)
		}
		head := c.Table + "  " + c.File
		if c.Owner != "" {
			head += "  owner " + c.Owner
		}
		if c.Policy != "" {
			head += "  on_schema_change: " + c.Policy
		}
		fmt.Fprintln(w.app.out, head)
		g := &grid{}
		for _, col := range c.Columns {
			required := ""
			if col.Required {
				required = "required"
			}
			g.add("  "+col.Name, col.Type, required, cmp.Or(col.Personal, "-"), col.Description)
		}
		g.write(w.app.out)
		for _, d := range c.Differs {
			fmt.Fprintln(w.app.out, "  "+d.text())
		}
	}
}

func (d contractChange) text() string {
	switch d.Kind {
	case crawl.Added:
		return "+ " + d.Column + "  " + d.To + "  not declared"
	case crawl.Missing:
		return "- " + d.Column + "  " + d.From + "  declared, and not in the table"
	case nullsKind:
		return "! " + d.Column + "  " + plural(d.Nulls, "null") + " where none may be"
	}
	return "~ " + d.Column + "  declared " + d.From + ", in the table " + d.To
}
