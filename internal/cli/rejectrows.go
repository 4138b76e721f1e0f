package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"weir/internal/job"
	"weir/internal/journal"
	"weir/internal/lake"
	"weir/internal/record"
)

// openReject is a reject, the run and the step that turned it away, and what has become of it.
type openReject struct {
	record.Reject
	Run      string       `json:"run"`
	Time     time.Time    `json:"time,omitzero"` // of that run; of a record that is turned away again and again, of the first
	Step     string       `json:"step"`          // one of rejectSteps
	State    string       `json:"state"`
	Original string       `json:"original,omitempty"` // of an edited one, its raw form as it came
	Deeds    []rejectDeed `json:"deeds,omitempty"`

	place string // of one that a destination refused, where its publish keeps it
}

// rejectDeed is what was done to one reject.
type rejectDeed struct {
	What string    `json:"what"`
	By   string    `json:"by,omitempty"`
	At   time.Time `json:"at"`
	Run  string    `json:"run"`
	Why  string    `json:"why,omitempty"`
}

// States of a reject.
const (
	stateOpen       = "open"
	stateEdited     = "edited" // and open
	stateFailed     = "failed" // of a build that failed: it goes when one succeeds
	stateSuperseded = "superseded"
)

// waiting are the rejects of a table that can still be taken.
type waiting struct {
	open    []openReject // of builds that committed
	failed  []openReject // of the last build, where that failed
	refused []openReject // rows of the table that destinations refused
}

// waitingOf reads them.
func (w *workspace) waitingOf(ctx context.Context, table string) (all waiting, err error) {
	openSQL, failedSQL, _, err := w.rejectQueries(ctx, table)
	if err != nil {
		return all, err
	}
	if all.open, err = w.readRejects(ctx, openSQL, table, stateOpen); err != nil {
		return all, err
	}
	notes, err := w.builder().RejectNotes(ctx, table)
	if err != nil {
		return all, err
	}
	annotate(all.open, notes)
	if all.failed, err = w.readRejects(ctx, failedSQL, table, stateFailed); err != nil {
		return all, err
	}
	all.refused, err = w.refusedOf(ctx, table)
	return all, err
}

// annotate adds what notes tell of rejects: the raw form that an edit gave them, and what was done by whom.
func annotate(rs []openReject, notes []lake.RejectNote) {
	if len(notes) == 0 {
		return
	}
	at := make(map[string]int, len(rs))
	for i, r := range rs {
		at[r.Run+"/"+r.ID] = i
	}
	for _, n := range notes {
		for i, closing := range n.Rejects {
			k, ok := at[closing]
			if !ok {
				continue
			}
			r := &rs[k]
			r.Deeds = append(r.Deeds, rejectDeed{string(n.What), n.By, n.At, n.Run, n.Why})
			if r.State != stateSuperseded || n.What != lake.RejectEdited {
				r.State = string(n.What)
			}
			if n.What != lake.RejectEdited {
				continue
			}
			if r.Original == "" {
				r.Original = r.Raw
			}
			r.Raw = n.Raws[i]
		}
	}
}

// settledOf reads the rejects of a table that are settled: replayed, discarded, or superseded by another read of what they stood in.
func (w *workspace) settledOf(ctx context.Context, table string) ([]openReject, error) {
	sql, err := w.builder().KeptRejects(ctx, table)
	if err != nil || sql == "" {
		return nil, err
	}
	rs, err := w.readRejects(ctx, "SELECT * FROM ("+sql+") WHERE NOT open", table, stateSuperseded)
	if err != nil {
		return nil, err
	}
	notes, err := w.builder().RejectNotes(ctx, table)
	annotate(rs, notes)
	return rs, err
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
	return open, runRejects(files, last.RunID, last.Started), last.RunID, nil
}

// runRejects is a SELECT of rejects that belong to a run alone.
func runRejects(files []string, run string, at time.Time) string {
	quoted := make([]string, len(files))
	for i, f := range files {
		quoted[i] = job.Literal(f)
	}
	return "SELECT *, " + job.Literal(run) + " AS run, " + job.Literal(at.UTC().Format(time.RFC3339)) + " AS noted FROM read_parquet([" + strings.Join(quoted, ", ") + "], hive_partitioning=false)"
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

// refusedIn reads what was refused in one publish and is not settled.
func (w *workspace) refusedIn(ctx context.Context, p journal.Publish) ([]openReject, error) {
	files, err := w.lake.RunRejectFiles(ctx, p.Rejects)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	// Other destinations of the same run may have theirs beside.
	rs, err := w.readRejects(ctx, "SELECT * FROM ("+runRejects(files, p.RunID, p.Started)+") WHERE kind = "+job.Literal(record.KindPublish)+" AND dataset = "+job.Literal(p.Destination), p.Table, stateOpen)
	if err != nil {
		return nil, err
	}
	notes, err := w.lake.RunRejectNotes(ctx, p.Rejects)
	if err != nil {
		return nil, err
	}
	annotate(rs, notes)
	var out []openReject
	for _, r := range rs {
		if r.State == stateOpen {
			r.place = p.Rejects
			out = append(out, r)
		}
	}
	return out, nil
}

func (w *workspace) readRejects(ctx context.Context, sql, table, state string) ([]openReject, error) {
	if sql == "" {
		return nil, nil
	}
	s, err := w.engine.Session(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	rows, err := s.Strings(ctx, `SELECT id, kind, dataset, line::VARCHAR, "offset"::VARCHAR, "column", reason, rule, raw, header, run, noted FROM (`+sql+`) ORDER BY dataset, line, id`)
	if err != nil {
		return nil, fmt.Errorf("read rejects of %s: %w", table, err)
	}
	out := make([]openReject, len(rows))
	for i, r := range rows {
		line, _ := strconv.ParseInt(r[3].Value, 10, 64)
		offset, _ := strconv.ParseInt(r[4].Value, 10, 64)
		at, _ := time.Parse(time.RFC3339, r[11].Value) // "" of a file that is older than this column
		out[i] = openReject{Run: r[10].Value, Time: at, State: state, Reject: record.Reject{ID: r[0].Value, Kind: r[1].Value, Dataset: r[2].Value, Line: line, Offset: offset,
			Column: r[5].Value, Reason: r[6].Value, Rule: r[7].Value, Raw: r[8].Value, Header: r[9].Value}}
		out[i].Step = stepOf(out[i].Reject)
	}
	return out, nil
}
