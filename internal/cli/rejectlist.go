package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/record"
)

func (a *app) rejectsList() *cobra.Command {
	var f rejectFilter
	var by string
	var asJSON bool
	c := &cobra.Command{Use: "list [TABLE...]", Short: "Tables with open rejects: how many, since when, how large",
		Long: `Tables with open rejects: how many there are of each kind, since when the oldest waits, and how large they are.

--by groups them otherwise: by step (` + strings.Join(rejectSteps, ", ") + `), reason, rule, run, column or file.`,
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(c.Context(), func(w *workspace) error { return w.listRejects(c.Context(), args, f, by, asJSON) })
		}}
	c.Flags().StringVar(&f.kind, "kind", "", "only reject, quarantined or publish")
	f.further(c)
	c.Flags().StringVar(&by, "by", "", "group by step, reason, rule, run, column or file")
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return c
}

type rejectSummary struct {
	Table       string    `json:"table"`
	Rejected    int64     `json:"rejected"`
	Quarantined int64     `json:"quarantined"`
	Failed      int64     `json:"of_failed_run"` // of a last build that failed; they go when it succeeds
	Publish     int64     `json:"of_publish"`    // rows of the table that destinations refused
	Oldest      time.Time `json:"oldest,omitzero"`
	Bytes       int64     `json:"bytes"` // of their raw forms
}

// add counts a reject.
func (s *rejectSummary) add(r openReject) {
	switch {
	case r.State == stateFailed:
		s.Failed++
	case r.Kind == record.KindQuarantined:
		s.Quarantined++
	case r.Kind == record.KindPublish:
		s.Publish++
	default:
		s.Rejected++
	}
	s.Bytes += int64(len(r.Raw))
	s.since(r.Time)
}

// summarise counts a table's rejects, in the engine: there may be millions.
func (w *workspace) summarise(ctx context.Context, name string) (rejectSummary, error) {
	s := rejectSummary{Table: name}
	open, failed, _, err := w.rejectQueries(ctx, name)
	if err != nil {
		return s, err
	}
	refused, err := w.refusedOf(ctx, name)
	for _, r := range refused {
		s.add(r)
	}
	if err != nil || open == "" && failed == "" {
		return s, err
	}
	session, err := w.engine.Session(ctx)
	if err != nil {
		return s, err
	}
	defer session.Close()
	for _, c := range []struct {
		sql, where string
		n          *int64
	}{{open, "kind <> 'quarantined'", &s.Rejected}, {open, "kind = 'quarantined'", &s.Quarantined}, {failed, "true", &s.Failed}} {
		if c.sql == "" {
			continue
		}
		rows, err := session.Strings(ctx, "SELECT count(*)::VARCHAR, coalesce(sum(strlen(raw)), 0)::VARCHAR, coalesce(min(nullif(noted, '')), '') FROM ("+c.sql+") WHERE "+c.where)
		if err != nil {
			return s, fmt.Errorf("count rejects of %s: %w", name, err)
		}
		*c.n, _ = strconv.ParseInt(rows[0][0].Value, 10, 64)
		bytes, _ := strconv.ParseInt(rows[0][1].Value, 10, 64)
		s.Bytes += bytes
		at, _ := time.Parse(time.RFC3339, rows[0][2].Value)
		s.since(at)
	}
	return s, nil
}

// since notes a time at which one of the rejects was turned away.
func (s *rejectSummary) since(at time.Time) {
	if !at.IsZero() && (s.Oldest.IsZero() || at.Before(s.Oldest)) {
		s.Oldest = at
	}
}

// open says whether there are any.
func (s *rejectSummary) open() int64 { return s.Rejected + s.Quarantined + s.Failed + s.Publish }

func (a waiting) every() []openReject { return slices.Concat(a.open, a.failed, a.refused) }

// rejectGroup counts the rejects of a table that have something in common.
type rejectGroup struct {
	Table  string    `json:"table"`
	By     string    `json:"by"`
	Value  string    `json:"value"`
	Count  int64     `json:"count"`
	Oldest time.Time `json:"oldest,omitzero"`
	Bytes  int64     `json:"bytes"`
}

// rejectGroups say what rejects may be grouped by.
func rejectGroups() map[string]func(r openReject) string {
	return map[string]func(r openReject) string{
		"step":   func(r openReject) string { return r.Step },
		"reason": func(r openReject) string { return r.Reason },
		"rule":   func(r openReject) string { return r.Rule },
		"run":    func(r openReject) string { return job.RunNumber(r.Run) },
		"column": func(r openReject) string { return r.Column },
		"file":   func(r openReject) string { return r.Dataset },
	}
}

func (w *workspace) listRejects(ctx context.Context, tables []string, f rejectFilter, by string, asJSON bool) error {
	if err := f.check(time.Now()); err != nil {
		return err
	}
	value := rejectGroups()[by]
	if by != "" && value == nil {
		return fault.New(fault.Usage, "--by: rejects are not grouped by %q", by).WithHint("%s", strings.Join(keys(rejectGroups()), ", "))
	}
	for _, t := range tables {
		if err := w.known(t); err != nil {
			return err
		}
	}
	out, groups := []rejectSummary{}, []rejectGroup{}
	for _, name := range w.graph.Order {
		if len(tables) > 0 && !slices.Contains(tables, name) {
			continue
		}
		s, found, err := w.rejectsInList(ctx, name, f, by)
		if fault.ClassOf(err) == fault.Data {
			// One damaged table does not hide the others (promise 8).
			fmt.Fprintln(w.app.err, w.app.redact(err.Error()))
			continue
		}
		if err != nil {
			return err
		}
		groups = append(groups, found...)
		if s.open() > 0 {
			out = append(out, s)
		}
	}
	if asJSON && value != nil {
		return writeJSON(w.app.out, groups)
	}
	if asJSON {
		return writeJSON(w.app.out, out)
	}
	w.printRejectList(out, groups, by)
	return nil
}

// rejectsInList are a table's rejects that are picked, as their sums or in groups.
func (w *workspace) rejectsInList(ctx context.Context, name string, f rejectFilter, by string) (s rejectSummary, groups []rejectGroup, err error) {
	s.Table = name
	if by == "" && f.all() {
		s, err = w.summarise(ctx, name)
		return s, nil, err
	}
	all, err := w.waitingOf(ctx, name)
	if err != nil {
		return s, nil, err
	}
	picked := f.pick(all.every())
	if by != "" {
		return s, grouped(name, by, rejectGroups()[by], picked), nil
	}
	for _, r := range picked {
		s.add(r)
	}
	return s, nil, nil
}

func (w *workspace) printRejectList(out []rejectSummary, groups []rejectGroup, by string) {
	if len(out)+len(groups) == 0 {
		fmt.Fprintln(w.app.out, "no open rejects")
		return
	}
	g := &grid{head: []string{"table", "rejected", "quarantined", "of a failed run", "of publish", "size", "oldest"}}
	if by != "" {
		g.head = []string{"table", by, "rejects", "size", "oldest"}
	}
	for _, s := range out {
		g.add(s.Table, count(s.Rejected), count(s.Quarantined), count(s.Failed), count(s.Publish), size(s.Bytes), when(s.Oldest))
	}
	for _, s := range groups {
		g.add(s.Table, cmp.Or(clipped(s.Value), "-"), count(s.Count), size(s.Bytes), when(s.Oldest))
	}
	g.write(w.app.out)
}

// clipped keeps a cell to one line of a screen.
func clipped(text string) string {
	const width = 80
	text, _, _ = strings.Cut(text, "\n")
	if r := []rune(text); len(r) > width {
		return string(r[:width]) + "…"
	}
	return text
}

// grouped counts rejects by a value, the most frequent first.
func grouped(table, by string, value func(openReject) string, rs []openReject) []rejectGroup {
	sums := map[string]*rejectSummary{}
	for _, r := range rs {
		v := value(r)
		if sums[v] == nil {
			sums[v] = &rejectSummary{}
		}
		sums[v].add(r)
	}
	var out []rejectGroup
	for v, s := range sums {
		out = append(out, rejectGroup{table, by, v, s.open(), s.Oldest, s.Bytes})
	}
	slices.SortFunc(out, func(a, b rejectGroup) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
	})
	return out
}
