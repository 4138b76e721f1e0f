package cli

import (
	"context"
	"errors"
	"time"

	"weir/internal/build"
	"weir/internal/fault"
	"weir/internal/journal"
)

// changePrefix starts the selection of a run that is no weir run but a change of one table.
const changePrefix = "weir "

// recorded does one change of one table as a run of its own, so that the journal tells of it.
func (w *workspace) recorded(ctx context.Context, what, table string, do func(run journal.Run) (build.Outcome, error)) error {
	j, err := w.openJournal(ctx)
	if err != nil {
		return err
	}
	o := runOptions{selection: selection{patterns: []string{changePrefix + what}}}
	r, err := w.beginRun(ctx, j, o, nil)
	if err != nil {
		return err
	}
	started := time.Now().UTC()
	out, err := do(r)
	note := journal.Build{RunID: r.ID, Table: table, Attempt: 1, Started: started, Ended: time.Now().UTC()}
	if n := w.graph.Nodes[table]; n != nil {
		note.Mode = string(n.Table.Mode)
	}
	e := &execution{w: w, j: j, run: r}
	e.fill(&note, out, err)
	status := journal.Done
	switch {
	case fault.ClassOf(err) == fault.Canceled:
		status = journal.Interrupted
	case err != nil:
		status = journal.Failed
	}
	keep := context.WithoutCancel(ctx)
	return errors.Join(err, j.Build(keep, note), j.Finish(keep, r.ID, status))
}

// known refuses a table that has no definition.
func (w *workspace) known(table string) error {
	if w.graph.Nodes[table] != nil {
		return nil
	}
	return fault.New(fault.Usage, "table %q is not in this project", table).
		WithHint("%s", nearest(table, keys(w.graph.Nodes)))
}
