package cli

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/lake"
	"weir/internal/maintain"
)

// upkeepLine is one table of a weir maintain.
type upkeepLine struct {
	plan    maintain.Plan
	planned []upkeepStep
	keep    define.Keep
	runs    []int64
	done    maintain.Done
	err     error
}

// add sums up the passes over a table.
func (l *upkeepLine) add(run int64, d maintain.Done) {
	l.runs = append(l.runs, run)
	c, n := &l.done.Compacted, d.Compacted
	c.Files, c.Written, c.Bytes, c.BytesLeft = c.Files+n.Files, c.Written+n.Written, c.Bytes+n.Bytes, c.BytesLeft+n.BytesLeft
	c.Overtaken = n.Overtaken
	if n.After != 0 {
		c.After, c.Counts = n.After, n.Counts
	}
	if len(d.Expired.Snapshots) > 0 {
		l.done.Expired = d.Expired
	}
	l.done.Orphans.Files, l.done.Orphans.Bytes = l.done.Orphans.Files+d.Orphans.Files, l.done.Orphans.Bytes+d.Orphans.Bytes
}

// printPlan writes what there is to do, a line for each step of a table.
func (k *upkeep) printPlan() {
	g := &grid{head: []string{"table", "step", "what", "size", "why"}}
	var notes []string
	for _, l := range k.lines {
		if l.err != nil {
			continue
		}
		name := l.plan.Table.Name
		for _, s := range l.planned {
			g.add(name, s.Step, s.What, size(s.Bytes), s.Why)
		}
		for _, n := range l.plan.Notes {
			notes = append(notes, name+": "+n)
		}
	}
	if len(g.rows) > 0 {
		g.write(k.w.app.out)
	} else {
		fmt.Fprintln(k.w.app.out, "nothing to do")
	}
	for _, n := range notes {
		fmt.Fprintln(k.w.app.out, n)
	}
}

// upkeepStep is one step of a plan.
type upkeepStep struct {
	Step      string `json:"step"` // compact, expire or orphans
	What      string `json:"what"`
	Files     int    `json:"files"`
	Bytes     int64  `json:"bytes"`
	Snapshots int    `json:"snapshots,omitempty"`
	Why       string `json:"why"`
}

func (l *upkeepLine) steps(age time.Duration) (out []upkeepStep) {
	p := l.plan
	if len(p.Compact) > 0 {
		out = append(out, compactStep(p.Compact))
	}
	if n := len(p.Expire.Snapshots); n > 0 {
		out = append(out, upkeepStep{Step: "expire", What: fmt.Sprintf("%s of %d, %s", plural(int64(n), "snapshot"), n+p.Expire.Stay, plural(int64(p.Expire.Removed.Files), "file")),
			Files: p.Expire.Removed.Files, Bytes: p.Expire.Removed.Bytes, Snapshots: n, Why: l.expireWhy()})
	}
	if n := len(p.Orphans.Files); n+len(p.Orphans.Stages) > 0 {
		s := upkeepStep{Step: "orphans", What: plural(int64(n), "file"), Files: n, Bytes: p.Orphans.Bytes(), Why: "named by nothing for " + days(age)}
		if m := len(p.Orphans.Stages); m > 0 {
			s.What += ", " + plural(int64(m), "stage")
		}
		out = append(out, s)
	}
	return out
}

func compactStep(groups []lake.Group) upkeepStep {
	s := upkeepStep{Step: "compact"}
	var small, pruned, unsorted, moved int
	parts := map[string]bool{}
	for _, g := range groups {
		s.Files, s.Bytes = s.Files+len(g.Files), s.Bytes+g.Bytes
		small, pruned, unsorted, moved = small+g.Small, pruned+g.Pruned, unsorted+g.Unsorted, moved+g.Moved
		for _, f := range g.Files {
			parts[partitionName(f)] = true
		}
	}
	s.What = plural(int64(s.Files), "file")
	if len(parts) > 1 {
		s.What += fmt.Sprintf(" of %d partitions", len(parts))
	}
	var why []string
	for _, r := range []struct {
		n    int
		text string
	}{{small, "small"}, {pruned, "with deleted rows"}, {unsorted, "not sorted"}, {moved, "partitioned otherwise"}} {
		if r.n > 0 {
			why = append(why, count(int64(r.n))+" "+r.text)
		}
	}
	s.Why = strings.Join(why, ", ")
	return s
}

func partitionName(f lake.DataFile) string {
	var b strings.Builder
	fmt.Fprint(&b, f.Spec)
	for _, name := range keys(f.Partition) {
		if v := f.Partition[name]; v != nil {
			fmt.Fprintf(&b, " %s=%q", name, *v)
		} else {
			fmt.Fprintf(&b, " %s", name)
		}
	}
	return b.String()
}

func (l *upkeepLine) expireWhy() string {
	why := "out of date for " + days(l.keep.Snapshots)
	stay := fmt.Sprintf("%d stay", l.plan.Expire.Stay)
	if l.plan.Expire.Stay == 1 {
		stay = "1 stays"
	}
	for _, name := range keys(l.plan.Expire.Held) {
		stay += fmt.Sprintf(", %d of them for %s", l.plan.Expire.Held[name], name)
	}
	return why + "; " + stay
}

// days writes a span as a person would write it in a definition: 7d, 36h, 0s.
func days(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d > 0 && d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	case d > 0 && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return d.String()
}

// ask wants a yes on a terminal.
func (k *upkeep) ask() (bool, error) {
	f, ok := k.w.app.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return false, fault.New(fault.Usage, "nothing was done: there is no terminal to ask on").
			WithHint("add --yes to do it, or --dry-run for the plan alone")
	}
	fmt.Fprint(k.w.app.out, "do this? [y/N] ")
	line, err := bufio.NewReader(f).ReadString('\n')
	if err != nil && line == "" {
		fmt.Fprintln(k.w.app.out)
		return false, nil
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return true, nil
	}
	fmt.Fprintln(k.w.app.out, "nothing was done")
	return false, nil
}

// text says what was done, for a person and the journal.
func (l *upkeepLine) text(d maintain.Done) string {
	if parts := l.did(d); len(parts) > 0 {
		return strings.Join(parts, " · ")
	}
	return "nothing to do any more"
}

func (l *upkeepLine) did(d maintain.Done) (parts []string) {
	if c := d.Compacted; c.Files > 0 {
		parts = append(parts, fmt.Sprintf("compacted %s, %s → %s, %s", plural(int64(c.Files), "file"), size(c.Bytes), count(int64(c.Written)), size(c.BytesLeft)))
	}
	if n := len(d.Expired.Snapshots); n > 0 {
		parts = append(parts, fmt.Sprintf("expired %s, removed %s, %s", plural(int64(n), "snapshot"), plural(int64(d.Expired.Removed.Files), "file"), size(d.Expired.Removed.Bytes)))
	}
	if n := d.Orphans.Files; n > 0 {
		parts = append(parts, fmt.Sprintf("removed %s, %s", plural(int64(n), "orphan"), size(d.Orphans.Bytes)))
	}
	if n := d.Compacted.Overtaken; n > 0 {
		parts = append(parts, fmt.Sprintf("left %s alone that other writers changed meanwhile", plural(int64(n), "group of files")))
	}
	return parts
}

func (l *upkeepLine) printDone(a *app) {
	if l.err != nil {
		after := ""
		if did := l.did(l.done); len(did) > 0 {
			after = " after it " + strings.Join(did, " · ")
		}
		fmt.Fprintf(a.out, "%s  failed%s\n", l.plan.Table.Name, after)
		return
	}
	fmt.Fprintf(a.out, "%s  %s\n", l.plan.Table.Name, l.text(l.done))
}

// upkeepReport is what --json prints.
type upkeepReport struct {
	Version int           `json:"version"`
	Tables  []upkeepTable `json:"tables"`
}

type upkeepTable struct {
	Table string       `json:"table"`
	Plan  []upkeepStep `json:"plan"`
	Notes []string     `json:"notes,omitempty"`
	Runs  []int64      `json:"runs,omitempty"`
	Done  *upkeepDone  `json:"done,omitempty"` // with --yes
	Class string       `json:"class,omitempty"`
	Error string       `json:"error,omitempty"`
	Hint  string       `json:"hint,omitempty"`
}

type upkeepDone struct {
	Rewritten    int    `json:"files_rewritten"`
	Written      int    `json:"files_written"`
	BytesRead    int64  `json:"bytes_rewritten"`
	BytesWritten int64  `json:"bytes_written"`
	Overtaken    int    `json:"groups_overtaken"`
	Snapshot     int64  `json:"snapshot,omitempty"`
	Expired      int    `json:"snapshots_expired"`
	Removed      int    `json:"files_removed"`
	BytesRemoved int64  `json:"bytes_removed"`
	Text         string `json:"text"`
}

func (k *upkeep) printJSON() error {
	rep := upkeepReport{Version: 1, Tables: []upkeepTable{}}
	for _, l := range k.lines {
		t := upkeepTable{Table: l.plan.Table.Name, Plan: append([]upkeepStep{}, l.planned...), Notes: l.plan.Notes, Runs: l.runs}
		if l.err != nil {
			t.Class, t.Error, t.Hint = string(fault.ClassOf(l.err)), k.w.app.redact(l.err.Error()), k.w.app.redact(fault.HintOf(l.err))
		}
		if len(l.runs) > 0 {
			c, e, r := l.done.Compacted, l.done.Expired, l.done.Orphans
			t.Done = &upkeepDone{Rewritten: c.Files, Written: c.Written, BytesRead: c.Bytes, BytesWritten: c.BytesLeft, Overtaken: c.Overtaken, Snapshot: c.After,
				Expired: len(e.Snapshots), Removed: e.Removed.Files + r.Files, BytesRemoved: e.Removed.Bytes + r.Bytes, Text: l.text(l.done)}
		}
		rep.Tables = append(rep.Tables, t)
	}
	return writeJSON(k.w.app.out, rep)
}
