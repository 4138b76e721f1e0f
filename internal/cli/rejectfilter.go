package cli

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/project"
	"weir/internal/record"
)

// rejectFilter picks rejects of a table.
type rejectFilter struct {
	ids    []string
	kind   string
	step   string
	reason string
	rule   string
	run    int64
	since  string

	from time.Time // since, read
}

func (f *rejectFilter) flags(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.ids, "id", nil, "only these ids (their beginning is enough)")
	c.Flags().StringVar(&f.kind, "kind", "", "only reject, quarantined or publish")
	f.further(c)
}

// further are the flags that pick by what is said of a reject.
func (f *rejectFilter) further(c *cobra.Command) {
	c.Flags().StringVar(&f.step, "step", "", "only of one step: "+strings.Join(rejectSteps, ", "))
	c.Flags().StringVar(&f.reason, "reason", "", "only where the reason has this text")
	c.Flags().StringVar(&f.rule, "rule", "", "only where the rule has this text")
	c.Flags().Int64Var(&f.run, "run", 0, "only of this run")
	c.Flags().StringVar(&f.since, "since", "", "only from this day on, or as new as this: 2026-03-01, 7d, 12h")
}

// rejectSteps are the steps of a build and of what follows it that may turn a row away.
var rejectSteps = []string{"reading", "typing", "rules", "loading"}

// stepOf is the step that turned a record away: a record without a column could not be read at all.
func stepOf(r record.Reject) string {
	switch {
	case r.Kind == record.KindQuarantined:
		return rejectSteps[2]
	case r.Kind == record.KindPublish:
		return rejectSteps[3]
	case r.Column != "":
		return rejectSteps[1]
	}
	return rejectSteps[0]
}

// check refuses a kind, a step or a time that does not exist.
func (f *rejectFilter) check(now time.Time) error {
	switch f.kind {
	case "", record.KindReject, record.KindQuarantined, record.KindPublish:
	default:
		return fault.New(fault.Usage, "--kind: %q is not known", f.kind).WithHint("reject, quarantined or publish")
	}
	if f.step != "" && !slices.Contains(rejectSteps, f.step) {
		return fault.New(fault.Usage, "--step: %q is not known", f.step).WithHint("%s", strings.Join(rejectSteps, ", "))
	}
	if f.since == "" {
		return nil
	}
	if d, err := project.ParseDuration(f.since); err == nil {
		f.from = now.Add(-d)
		return nil
	}
	for _, layout := range []string{time.DateOnly, time.DateTime, time.RFC3339} {
		if at, err := time.Parse(layout, f.since); err == nil {
			f.from = at
			return nil
		}
	}
	return fault.New(fault.Usage, "--since: %q is neither a day nor a duration", f.since).WithHint("2026-03-01, 7d or 12h")
}

// all says whether every reject is meant.
func (f *rejectFilter) all() bool {
	return len(f.ids) == 0 && f.kind == "" && f.step == "" && f.reason == "" && f.rule == "" && f.run == 0 && f.since == ""
}

// meant says whether a reject is one of those that are picked.
func (f *rejectFilter) meant(r openReject) bool {
	switch {
	case f.kind != "" && r.Kind != f.kind,
		f.step != "" && r.Step != f.step,
		!strings.Contains(strings.ToLower(r.Reason), strings.ToLower(f.reason)),
		!strings.Contains(strings.ToLower(r.Rule), strings.ToLower(f.rule)),
		f.run != 0 && job.RunNumber(r.Run) != strconv.FormatInt(f.run, 10),
		!f.from.IsZero() && r.Time.Before(f.from):
		return false
	}
	return len(f.ids) == 0 || slices.ContainsFunc(f.ids, func(id string) bool { return strings.HasPrefix(r.ID, id) })
}

func (f *rejectFilter) pick(all []openReject) []openReject {
	return slices.DeleteFunc(slices.Clone(all), func(r openReject) bool { return !f.meant(r) })
}

// choose picks among a table's open rejects. Where there are some and none fits, or only those of a failed run, it says so.
func (f *rejectFilter) choose(table string, all waiting) ([]openReject, error) {
	if err := f.check(time.Now()); err != nil {
		return nil, err
	}
	open := slices.Concat(all.open, all.refused)
	picked := f.pick(open)
	switch {
	case len(picked) > 0 || len(open)+len(all.failed) == 0:
		return picked, nil
	case len(open) > 0:
		return nil, fault.New(fault.Usage, "none of the %s of %s is meant by --id, --kind and the other flags", plural(int64(len(open)), "open reject"), table).
			WithHint("weir rejects show %s lists them", table)
	}
	return nil, fault.New(fault.Usage, "%s of %s: of run %s, which failed, so that nothing of it is in the table", plural(int64(len(all.failed)), "reject"), table, job.RunNumber(all.failed[0].Run)).
		WithHint("mend the files, or allow some rejects (max_rejects) and run again: what is turned away then can be replayed")
}
