package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"weir/internal/dqdl"
	"weir/internal/fault"
	"weir/internal/journal"
	"weir/internal/junit"
)

type qualityReportOptions struct {
	json  bool
	limit int
	junit string
}

// score is how many of some rules held.
type score struct {
	Passed int `json:"passed"`
	Rules  int `json:"rules"`
}

func (s *score) add(passed bool) {
	s.Rules++
	if passed {
		s.Passed++
	}
}

func (s score) String() string {
	if s.Rules == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", 100*float64(s.Passed)/float64(s.Rules))
}

// tableQuality is how the rules of one table came out.
type tableQuality struct {
	Table  string                 `json:"table"`
	Score  score                  `json:"score"`  // of the latest build
	Labels map[string]score       `json:"labels"` // of the latest build, by "key=value"
	Rules  []ruleQuality          `json:"rules"`  // of the latest build
	Builds []journal.TableResults `json:"builds"` // newest first
}

// ruleQuality is one rule over time.
type ruleQuality struct {
	journal.RuleResult
	Held score `json:"held"` // over all builds that asked it
}

// qualityReport tells how rules came out, as the journal has it.
func (w *workspace) qualityReport(ctx context.Context, patterns []string, o qualityReportOptions) error {
	tables, _, err := w.resolve(ctx, selection{patterns: patterns})
	if err != nil {
		return err
	}
	j, err := w.openJournal(ctx)
	if err != nil {
		return err
	}
	var all []tableQuality
	for _, t := range tables {
		builds, err := j.RulesOf(ctx, t, o.limit)
		if err != nil {
			return err
		}
		all = append(all, qualityOf(t, builds))
	}
	if o.junit != "" {
		if err := w.rulesAsJUnit(o.junit, all); err != nil {
			return err
		}
	}
	if o.json {
		return writeJSON(w.app.out, all)
	}
	for i, t := range all {
		if i > 0 {
			fmt.Fprintln(w.app.out)
		}
		t.write(w.app.out)
	}
	return nil
}

func qualityOf(table string, builds []journal.TableResults) tableQuality {
	q := tableQuality{Table: table, Labels: map[string]score{}, Rules: []ruleQuality{}, Builds: builds}
	if len(builds) == 0 {
		q.Builds = []journal.TableResults{}
		return q
	}
	held := map[string]*score{}
	for _, b := range builds {
		for _, r := range b.Rules {
			if held[r.Rule] == nil {
				held[r.Rule] = &score{}
			}
			held[r.Rule].add(r.Passed)
		}
	}
	for _, r := range builds[0].Rules {
		q.Score.add(r.Passed)
		q.Rules = append(q.Rules, ruleQuality{r, *held[r.Rule]})
		for _, label := range labelsOf(r.Rule) {
			s := q.Labels[label]
			s.add(r.Passed)
			q.Labels[label] = s
		}
	}
	return q
}

// labelsOf are the labels written at a rule, as key=value.
func labelsOf(text string) (out []string) {
	r, err := dqdl.ParseRule(text)
	if err != nil {
		return nil // of an earlier version
	}
	for _, l := range r.Labels {
		out = append(out, l.Key.Value()+"="+l.Value.Value())
	}
	return out
}

func (q tableQuality) write(out io.Writer) {
	if len(q.Builds) == 0 {
		fmt.Fprintf(out, "%s · no build of it has asked rules\n", q.Table)
		return
	}
	last := q.Builds[0]
	fmt.Fprintf(out, "%s · %s: %d of %s hold · run %d, %s UTC\n", q.Table, q.Score, q.Score.Passed, plural(int64(q.Score.Rules), "rule"), last.Run, when(last.Time))
	g := &grid{}
	for _, r := range q.Rules {
		mark := "holds"
		if !r.Passed {
			mark = "does not hold: " + r.Reason
		}
		rule := r.Rule
		if r.Part != "" {
			rule += " (" + r.Part + ")"
		}
		g.add("  "+rule, fmt.Sprintf("held in %d of %d", r.Held.Passed, r.Held.Rules), mark)
	}
	g.write(out)
	for _, label := range slices.Sorted(maps.Keys(q.Labels)) {
		fmt.Fprintf(out, "  label %s: %s\n", label, q.Labels[label])
	}
	if len(q.Builds) < 2 {
		return
	}
	over := &grid{head: []string{"  run", "started (UTC)", "score", "does not hold"}}
	for _, b := range q.Builds {
		var s score
		var broken []string
		for _, r := range b.Rules {
			s.add(r.Passed)
			if !r.Passed {
				broken = append(broken, r.Rule)
			}
		}
		over.add(fmt.Sprintf("  %d", b.Run), when(b.Time), s.String(), dash(strings.Join(broken, ", ")))
	}
	over.write(out)
}

// rulesAsJUnit writes the latest results: a suite a table, a case a rule.
func (w *workspace) rulesAsJUnit(path string, tables []tableQuality) (err error) {
	report := &junit.Report{Name: w.project.Name}
	for _, t := range tables {
		if len(t.Builds) == 0 {
			continue
		}
		s := &junit.Suite{Name: t.Table, Timestamp: junit.At(t.Builds[0].Time)}
		for _, r := range t.Rules {
			c := junit.Case{Name: r.Rule, Class: t.Table}
			if !r.Passed {
				text := r.Reason
				if r.Failed > 0 {
					text += fmt.Sprintf("; %d of %d rows", r.Failed, r.Total)
				}
				c.Failure = &junit.Failure{Message: r.Reason, Type: r.OnFail, Text: text}
			}
			s.Cases = append(s.Cases, c)
		}
		report.Suites = append(report.Suites, s)
	}
	f, err := os.Create(w.app.local(path))
	if err != nil {
		return fault.New(fault.Usage, "--junit: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := junit.Write(f, report, w.app.redact); err != nil {
		return fault.New(fault.Unavailable, "--junit: %w", err)
	}
	return nil
}
