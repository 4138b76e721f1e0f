package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/journal"
	"weir/internal/record"
)

// summarise counts a table's rejects.
func (w *workspace) summarise(ctx context.Context, name string) (rejectSummary, error) {
	s := rejectSummary{Table: name}
	open, failed, _, err := w.rejectQueries(ctx, name)
	if err != nil {
		return s, err
	}
	refused, err := w.refusedOf(ctx, name)
	if s.Publish = int64(len(refused)); err != nil || open == "" && failed == "" {
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
		if *c.n, err = session.Int(ctx, "SELECT count(*) FROM ("+c.sql+") WHERE "+c.where); err != nil {
			return s, fmt.Errorf("count rejects of %s: %w", name, err)
		}
	}
	return s, nil
}

// rejectQueries are SELECTs of a table's open rejects, and of those of its last build where that failed; "" for none.
func (w *workspace) rejectQueries(ctx context.Context, table string) (open, failed, run string, err error) {
	if open, err = w.builder().OpenRejects(ctx, table); err != nil {
		return "", "", "", err
	}
	j, err := w.openJournal(ctx)
	if err != nil {
		return "", "", "", err
	}
	last, err := lastFailure(ctx, j, table)
	if err != nil || last.Rejects == "" {
		return open, "", "", err
	}
	files, err := w.lake.RunRejectFiles(ctx, last.Rejects)
	if err != nil || len(files) == 0 {
		return open, "", "", err
	}
	quoted := make([]string, len(files))
	for i, f := range files {
		quoted[i] = job.Literal(f)
	}
	return open, "SELECT *, " + job.Literal(last.RunID) + " AS run FROM read_parquet([" + strings.Join(quoted, ", ") + "], hive_partitioning=false)", last.RunID, nil
}

// lastFailure is a table's last build where that failed, else none. Changes of the ledger alone, which the journal keeps as
// builds too, are passed over.
func lastFailure(ctx context.Context, j *journal.Journal, table string) (journal.Build, error) {
	const back = 50
	builds, err := j.History(ctx, table, back)
	if err != nil {
		return journal.Build{}, err
	}
	for _, b := range builds {
		switch {
		case b.Status == journal.BuildFailed && b.Rejects != "":
			return b, nil
		case b.Status == journal.BuildBuilt && b.Counts.Read > 0:
			return journal.Build{}, nil
		}
	}
	return journal.Build{}, nil
}

// rejectsOf reads a table's open rejects, and those of its last build where that failed.
func (w *workspace) rejectsOf(ctx context.Context, table string) (open, failed []openReject, err error) {
	openSQL, failedSQL, _, err := w.rejectQueries(ctx, table)
	if err != nil {
		return nil, nil, err
	}
	if open, err = w.readRejects(ctx, openSQL, table); err != nil {
		return nil, nil, err
	}
	failed, err = w.readRejects(ctx, failedSQL, table)
	return open, failed, err
}

// refusedOf reads the rows of a table that its destinations refused, each since all rows were last brought to it.
func (w *workspace) refusedOf(ctx context.Context, table string) ([]openReject, error) {
	n := w.graph.Nodes[table]
	if n == nil || len(n.Table.Publish) == 0 {
		return nil, nil
	}
	j, err := w.openJournal(ctx)
	if err != nil {
		return nil, err
	}
	var out []openReject
	for _, to := range n.Table.Publish {
		publishes, err := j.PublishesTo(ctx, table, to.To)
		if err != nil {
			return nil, err
		}
		for _, p := range publishes {
			rs, err := w.refusedIn(ctx, p)
			if err != nil {
				return nil, err
			}
			out = append(out, rs...)
		}
	}
	return out, nil
}

// refusedIn reads what was refused in one publish.
func (w *workspace) refusedIn(ctx context.Context, p journal.Publish) ([]openReject, error) {
	files, err := w.lake.RunRejectFiles(ctx, p.Rejects)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	quoted := make([]string, len(files))
	for i, f := range files {
		quoted[i] = job.Literal(f)
	}
	// Other destinations of the same run may have theirs beside.
	return w.readRejects(ctx, "SELECT *, "+job.Literal(p.RunID)+" AS run FROM read_parquet(["+strings.Join(quoted, ", ")+"], hive_partitioning=false) WHERE kind = "+
		job.Literal(record.KindPublish)+" AND dataset = "+job.Literal(p.Destination), p.Table)
}

func (w *workspace) readRejects(ctx context.Context, sql, table string) ([]openReject, error) {
	if sql == "" {
		return nil, nil
	}
	s, err := w.engine.Session(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	rows, err := s.Strings(ctx, `SELECT id, kind, dataset, line::VARCHAR, "offset"::VARCHAR, "column", reason, rule, raw, header, run FROM (`+sql+`) ORDER BY dataset, line, id`)
	if err != nil {
		return nil, fmt.Errorf("read rejects of %s: %w", table, err)
	}
	out := make([]openReject, len(rows))
	for i, r := range rows {
		line, _ := strconv.ParseInt(r[3].Value, 10, 64)
		offset, _ := strconv.ParseInt(r[4].Value, 10, 64)
		out[i] = openReject{Run: r[10].Value, Reject: record.Reject{ID: r[0].Value, Kind: r[1].Value, Dataset: r[2].Value, Line: line, Offset: offset,
			Column: r[5].Value, Reason: r[6].Value, Rule: r[7].Value, Raw: r[8].Value, Header: r[9].Value}}
	}
	return out, nil
}

// rejectFilter picks rejects of a table.
type rejectFilter struct {
	ids  []string
	kind string
}

func (f *rejectFilter) flags(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.ids, "id", nil, "only these ids (their beginning is enough)")
	c.Flags().StringVar(&f.kind, "kind", "", "only reject, quarantined or publish")
}

func (f *rejectFilter) pick(all []openReject) []openReject {
	return slices.DeleteFunc(slices.Clone(all), func(r openReject) bool {
		if f.kind != "" && r.Kind != f.kind {
			return true
		}
		return len(f.ids) > 0 && !slices.ContainsFunc(f.ids, func(id string) bool { return strings.HasPrefix(r.ID, id) })
	})
}

// check refuses a kind that does not exist.
func (f *rejectFilter) check() error {
	switch f.kind {
	case "", record.KindReject, record.KindQuarantined, record.KindPublish:
		return nil
	}
	return fault.New(fault.Usage, "--kind: %q is not known", f.kind).WithHint("reject, quarantined or publish")
}

// choose picks among a table's open rejects. Where there are some and none fits, or only those of a failed run, it says so.
func (f *rejectFilter) choose(table string, open, failed []openReject) ([]openReject, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	picked := f.pick(open)
	switch {
	case len(picked) > 0 || len(open)+len(failed) == 0:
		return picked, nil
	case len(open) > 0:
		return nil, fault.New(fault.Usage, "none of the %s of %s is meant by --id and --kind", plural(int64(len(open)), "open reject"), table).
			WithHint("weir rejects show %s lists them", table)
	}
	return nil, fault.New(fault.Usage, "%s of %s: of run %s, which failed, so that nothing of it is in the table", plural(int64(len(failed)), "reject"), table, job.RunNumber(failed[0].Run)).
		WithHint("mend the files, or allow some rejects (max_rejects) and run again: what is turned away then can be replayed")
}
