package cli

import (
	"fmt"
	"strings"

	"weir/internal/crawl"
	"weir/internal/source"
)

// printCrawl prints a crawl for a person.
func printCrawl(a *app, c crawled) {
	counts := map[string]int64{}
	for _, t := range c.Tables {
		counts[t.State]++
		printCrawled(a, t)
	}
	if len(c.Unread) > 0 {
		fmt.Fprintln(a.out, "cannot be read")
		printUnread(a, c.Unread)
		fmt.Fprintln(a.out)
	}
	for _, l := range c.LeftOut {
		fmt.Fprintf(a.out, "left out: %s, %s (%s)\n", plural(int64(l.Count), "file"), l.Reason, l.Example)
	}
	var parts []string
	for _, s := range []struct{ state, what string }{{"written", "written"}, {"new", "not defined"}, {"drifted", "changed since defined"}, {"defined", "as defined"}} {
		if n := counts[s.state]; n > 0 {
			parts = append(parts, plural(n, "table")+" "+s.what)
		}
	}
	if len(parts) == 0 {
		parts = []string{"no tables found"}
	}
	if n := int64(len(c.Unread)); n > 0 {
		parts = append(parts, plural(n, "file")+" unread")
	}
	fmt.Fprintln(a.out, strings.Join(parts, ", "))
	switch {
	case counts["new"] > 0:
		fmt.Fprintf(a.out, "  write their definitions: weir crawl %s --write\n", c.Connection)
	case counts["written"] > 0:
		fmt.Fprintln(a.out, "  read them through, then: weir run")
	}
}

func printUnread(a *app, all []source.Unread) {
	const most = 20
	for _, u := range all[:min(most, len(all))] {
		fmt.Fprintf(a.out, "  %s: %s\n", u.Name, u.Reason)
	}
	if len(all) > most {
		fmt.Fprintf(a.out, "  and %s more; see them all with --json\n", count(int64(len(all)-most)))
	}
}

func printCrawled(a *app, t crawledTable) {
	state := t.State
	switch t.State {
	case "new":
		state = "not defined"
	case "written":
		state = "written to " + t.File
	case "drifted":
		state = "changed since defined in " + t.File
	case "defined":
		state = "as defined in " + t.File
	}
	fmt.Fprintf(a.out, "%s  %s\n", t.Table, state)
	f := t.Found
	looked := "all " + plural(f.Rows, "row")
	if !f.Whole {
		looked = plural(f.Rows, "row") + " of a sample"
	}
	if f.Parts > 0 {
		fmt.Fprintf(a.out, "  %s · %s, %s · %s · looked at %s\n", f.Dataset, plural(int64(f.Parts), "file"), size(f.Bytes), f.Format, looked)
	}
	if f.Claim != "" {
		printChanges(a, t)
	} else {
		printFound(a, f)
	}
	if len(f.Doubts) > 0 {
		fmt.Fprintln(a.out, "  not sure")
		for _, d := range f.Doubts {
			fmt.Fprintln(a.out, "    "+d)
		}
	}
	fmt.Fprintln(a.out)
}

// printFound prints what speaks for a new table as it is proposed.
func printFound(a *app, f source.Surveyed) {
	g := &grid{}
	for _, o := range f.Options {
		value := strings.Join(o.Value, ", ")
		if o.Why != "" {
			value += " (" + o.Why + ")"
		}
		g.add("  "+o.Key, value)
	}
	for _, p := range f.Folders {
		value := fmt.Sprintf("%s %s … %s", plural(int64(p.Values), "value"), p.First, p.Last)
		if p.Column {
			value += ", a column"
		}
		g.add("  folder "+p.Name, value)
	}
	for _, k := range f.Keys {
		g.add("  key?", strings.Join(k.Columns, ", ")+": "+k.Why)
	}
	g.add("  mode", f.Advice.Mode+": "+f.Advice.Why)
	g.write(a.out)
	fmt.Fprintln(a.out, "  columns")
	c := &grid{}
	for _, col := range f.Columns {
		why := col.Why
		if col.Late != "" {
			why += "; first in " + col.Late
		}
		if col.Gone != "" {
			why += "; in no file from " + col.Gone + " on"
		}
		c.add("    "+col.Name, crawl.TypeName(col.Type), why)
	}
	c.write(a.out)
}

// printChanges prints the differences between a definition and its data as a diff.
func printChanges(a *app, t crawledTable) {
	g := &grid{}
	for _, c := range t.Changes {
		sign, what := "~", c.From+" → "+c.To
		switch c.Kind {
		case crawl.Added:
			sign, what = "+", c.To
		case crawl.Missing:
			sign, what = "-", c.From
		case crawl.Broken, crawl.Parted:
			sign, what = "!", ""
		case crawl.Narrow:
			sign = " "
		}
		effect := c.Effect
		if c.Policy != "" {
			effect = c.Policy + ": " + effect
		}
		if what == "" {
			fmt.Fprintf(a.out, "  ! %s; %s\n", c.Text, effect)
			continue
		}
		g.add("  "+sign+" "+c.Column, what, effect, c.Text)
	}
	g.write(a.out)
	if n := t.Found.New; n != nil {
		in := ""
		if len(n.Folders) > 0 {
			in = ", new folders: " + firstOf(n.Folders)
		}
		fmt.Fprintf(a.out, "  not read yet: %s, %s%s\n", plural(int64(n.Count), "file"), size(n.Bytes), in)
	}
	if len(t.Changes) == 0 {
		fmt.Fprintln(a.out, "  no drift")
	}
}

func firstOf(names []string) string {
	const few = 5
	if len(names) <= few {
		return list(names)
	}
	return list(names[:few]) + fmt.Sprintf(" and %d more", len(names)-few)
}
