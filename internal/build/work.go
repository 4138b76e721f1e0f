package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"weir/internal/define"
	"weir/internal/engine"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/quality"
)

// work is one build under way.
type work struct {
	b     *Builder
	t     Task
	s     engine.Session
	state state
	out   Outcome

	change Change // of the definition, and the way taken
	asked  bool   // a person asked for the full build

	read        *reading
	checks      *quality.Checks
	rowOutcomes []quality.Outcome // of the row rules
	pieces      *quality.Pieces   // that the table was judged by
	stage       *lake.Stage
	scratch     string       // local folder of this build, removed at its end
	columns     []job.Column // of the table after the build, with field ids
	ids         string       // FIELD_IDS of columns
	delta       delta
	applied     applied // of a feed's changes
	rejects     []lake.RejectFile
	begins      bool   // a history that has no rows yet, so that its columns may still be arranged
	last        merged // of the plan before, while a commit tries again
}

// delta is the typed rows the build brings in.
type delta struct {
	sql    string     // SELECT of the table's columns
	files  []job.File // the files it lies in, local paths
	rows   int64
	direct bool // the files lie in the stage and may become data files as they are
}

func (w *work) run(ctx context.Context) error {
	err := w.begin(ctx)
	if err != nil || w.out.Skipped {
		return err
	}
	if w.t.Observe != nil {
		w.t.Observe(w.s, w.out.BytesRead)
	}
	if err := w.prepare(ctx); err != nil {
		return err
	}
	err = w.bring(ctx)
	if err == nil {
		err = w.commit(ctx)
	}
	if err == nil {
		return nil
	}
	// The failed build leaves nothing where tables live but its rejects, which belong to its run (promise 3).
	return errors.Join(err, w.abandon(context.WithoutCancel(ctx)))
}

// begin fixes what the build reads.
func (w *work) begin(ctx context.Context) (err error) {
	w.out.Before = w.state.snapshot()
	w.out.After = w.out.Before
	if w.t.Table.Kind == define.FromSQL {
		w.read, err = w.beginSQL(ctx)
	} else {
		w.read, err = w.beginSource(ctx)
	}
	if err == nil && w.read == nil {
		w.read = w.idle()
	}
	w.out.Skipped = err == nil && w.read == nil
	return err
}

// prepare settles the columns, compiles the rules and opens the stage.
func (w *work) prepare(ctx context.Context) (err error) {
	if err := w.beginHistory(ctx); err != nil {
		return err
	}
	if err := w.shape(); err != nil {
		return err
	}
	about := quality.Table{Columns: w.columns, Now: w.t.Time, History: quality.NoHistory{}}
	if w.b.History != nil {
		about.History = w.b.History(w.t.Table.Name, w.t.RunID)
	}
	if w.checks, err = quality.CompileFor(w.t.Table.Rules, about); err != nil {
		return err
	}
	w.scratch = filepath.Join(w.b.Scratch, w.t.RunID+"-"+strings.ReplaceAll(w.t.Table.Name, "/", "_"))
	if err := os.MkdirAll(w.scratch, 0o755); err != nil {
		return fault.New(fault.Unavailable, "make scratch folder: %w", err)
	}
	w.stage, err = w.b.Lake.NewStage(ctx, w.t.Table.Name, w.t.RunID)
	return err
}

// bring stages the delta and judges its rows.
func (w *work) bring(ctx context.Context) error {
	if err := w.stageDelta(ctx); err != nil {
		return err
	}
	if err := w.takeRejects(ctx); err != nil {
		return err
	}
	if err := w.insideWindow(ctx); err != nil {
		return err
	}
	if w.read.steady != nil {
		// The position will say that this is what was read, so it must be (promise 1).
		if err := w.read.steady(ctx); err != nil {
			return err
		}
	}
	return w.judgeRows(ctx)
}

// abandon keeps a failed build's rejects with its run and removes its stage.
func (w *work) abandon(ctx context.Context) error {
	var errs []error
	if len(w.rejects) > 0 {
		place, err := w.b.Lake.KeepRunRejects(ctx, w.t.RunID, w.t.Table.Name, w.rejectPaths())
		w.out.Rejects = place
		errs = append(errs, err)
	}
	if w.stage != nil {
		errs = append(errs, w.stage.Discard(ctx))
	}
	return errors.Join(errs...)
}

// close ends what the build opened.
func (w *work) close() {
	if w.read != nil {
		w.read.close(context.Background())
	}
	if w.scratch != "" {
		os.RemoveAll(w.scratch)
	}
}

// removeFiles deletes staged files that will not become part of the table.
func removeFiles(files []job.File) error {
	for _, f := range files {
		if err := os.Remove(f.Path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove staged file: %w", err)
		}
	}
	return nil
}
