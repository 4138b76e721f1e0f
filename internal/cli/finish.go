package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"weir/internal/build"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/journal"
	"weir/internal/run"
)

// report is a run's result as other programs get it: from weir run --json and on the standard input of on_failure.
type report struct {
	Version int           `json:"version"`
	Run     int64         `json:"run"`
	ID      string        `json:"id"`
	Project string        `json:"project"`
	Env     string        `json:"env,omitempty"`
	Time    time.Time     `json:"time"`
	Status  string        `json:"status"`
	Seconds float64       `json:"seconds"`
	Exit    int           `json:"exit"`
	Tables  []tableReport `json:"tables"`
	// Publishes are the destinations that the run reached for.
	Publishes []publishReport `json:"publishes,omitempty"`
	// Waiting are the open rejects of the run's tables.
	Waiting []rejectSummary `json:"rejects,omitempty"`
}

type tableReport struct {
	Table    string           `json:"table"`
	Status   string           `json:"status"`
	Why      string           `json:"why,omitempty"`
	Counts   job.Counts       `json:"counts"`
	Snapshot int64            `json:"snapshot,omitempty"`
	Deferred []build.Deferred `json:"deferred,omitempty"` // inputs read in another environment
	Attempts int              `json:"attempts"`
	Seconds  float64          `json:"seconds"`
	Class    string           `json:"class,omitempty"`
	Error    string           `json:"error,omitempty"`
	Hint     string           `json:"hint,omitempty"`
	Blocked  string           `json:"blocked_by,omitempty"`
}

// finish writes the run down, says how it went and calls on_failure where it did not go well.
func (e *execution) finish(ctx context.Context, results []run.Result) error {
	code := run.Exit(results)
	status := statusOf(code, results)
	for _, r := range results {
		if r.Status == run.Blocked || r.Status == run.Interrupted && r.Attempts == 0 {
			if p, ok := e.publishing[r.Name]; ok {
				if err := e.noteUnbegun(ctx, p, r); err != nil {
					return err
				}
				continue
			}
			note := journal.Build{RunID: e.run.ID, Table: r.Name, Status: journal.BuildBlocked, Why: "needs " + r.BlockedBy}
			if r.Status == run.Interrupted {
				note.Status, note.Why = journal.BuildInterrupted, "not started"
			}
			if err := e.j.Build(ctx, note); err != nil {
				return err
			}
		}
	}
	given := e.acknowledge(ctx)
	e.feeds(ctx, results)
	if err := e.j.Finish(ctx, e.run.ID, status); err != nil {
		return err
	}
	rep := e.report(results, status, code)
	rep.Waiting = e.waiting(ctx, rep.Tables)
	if e.options.json {
		if err := writeJSON(e.w.app.out, rep); err != nil {
			return err
		}
	} else {
		e.show.summary(rep)
	}
	if given != nil {
		return given
	}
	if code != fault.ExitDone {
		e.onFailure(ctx, rep)
		return exitCode(code)
	}
	return nil
}

func statusOf(code int, results []run.Result) journal.Status {
	switch code {
	case fault.ExitDone:
		return journal.Done
	case fault.ExitInterrupted:
		return journal.Interrupted
	case fault.ExitPartly:
		return journal.Partly
	}
	return journal.Failed
}

func (e *execution) report(results []run.Result, status journal.Status, code int) report {
	rep := report{Version: 1, Run: e.run.Number, ID: e.run.ID, Project: e.run.Project, Env: e.run.Env, Time: e.run.Time,
		Status: string(status), Seconds: time.Since(e.run.Started).Seconds(), Exit: code, Tables: []tableReport{}}
	for _, r := range results {
		if p, ok := e.publishing[r.Name]; ok {
			rep.Publishes = append(rep.Publishes, e.publishReport(p, r))
			continue
		}
		out := e.outcomes[r.Name]
		t := tableReport{Table: r.Name, Status: string(r.Status), Why: out.Why, Counts: out.Counts, Snapshot: out.After, Deferred: out.Deferred,
			Attempts: r.Attempts, Seconds: r.Ended.Sub(r.Started).Seconds(), Blocked: r.BlockedBy}
		if r.Err != nil {
			t.Class, t.Error, t.Hint = string(fault.ClassOf(r.Err)), e.w.app.redact(r.Err.Error()), e.w.app.redact(fault.HintOf(r.Err))
		}
		rep.Tables = append(rep.Tables, t)
	}
	return rep
}

// onFailure runs the project's on_failure command with the run's result as JSON on its standard input.
func (e *execution) onFailure(ctx context.Context, rep report) {
	command := e.w.project.OnFailure
	if command == "" {
		return
	}
	data, err := json.Marshal(rep)
	if err != nil {
		fmt.Fprintln(e.w.app.err, "on_failure:", err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "sh", "-c", command)
	c.Dir = e.w.project.Root
	c.Env = append(os.Environ(), "WEIR_RUN="+strconv.FormatInt(e.run.Number, 10), "WEIR_STATUS="+rep.Status)
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(data), e.w.app.err, e.w.app.err
	if err := c.Run(); err != nil {
		fmt.Fprintf(e.w.app.err, "on_failure: %v\n", err)
	}
}

func (w *workspace) nothingFailed(o runOptions, number int64) error {
	if o.json {
		return writeJSON(w.app.out, report{Version: 1, Project: w.project.Name, Status: "done", Tables: []tableReport{}})
	}
	fmt.Fprintf(w.app.out, "nothing failed in run %d\n", number)
	return nil
}

// waiting are the open rejects of the tables that the run came to. What cannot be read is left out: weir rejects list says why.
func (e *execution) waiting(ctx context.Context, tables []tableReport) (out []rejectSummary) {
	if e.options.follow {
		return nil // a session looks every second
	}
	for _, t := range tables {
		if s := run.Status(t.Status); s != run.Built && s != run.Skipped {
			continue
		}
		if s, err := e.w.summarise(ctx, t.Table); err == nil && s.open() > 0 {
			out = append(out, s)
		}
	}
	return out
}

// waitingText tells of open rejects in one line; "" for none.
func waitingText(all []rejectSummary) string {
	var n, bytes int64
	var sum rejectSummary
	for _, s := range all {
		n += s.open()
		bytes += s.Bytes
		sum.since(s.Oldest)
	}
	if n == 0 {
		return ""
	}
	where := plural(int64(len(all)), "table")
	if len(all) == 1 {
		where = all[0].Table
	}
	return fmt.Sprintf("%s in %s, %s, the oldest of %s UTC: weir rejects list", plural(n, "open reject"), where, size(bytes), when(sum.Oldest))
}
