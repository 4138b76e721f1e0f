package publish

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"weir/internal/build"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/record"
	"weir/internal/sink"
)

// tooMany says which row was refused first.
func (w *work) tooMany() error {
	rs := w.out.Loaded.Rejects
	err := fault.New(fault.Data, "nothing was published: %s%s, limit %s", told(rs[0]), more(w.out.Loaded.Refused), build.LimitText(w.t.To.MaxRejects))
	return err.WithHint("weir rejects show %s · max_rejects: in this destination of publish: allows some, which are then left out there", w.t.Table.Name)
}

// told is a refusal in one line.
func told(r sink.Refusal) string {
	row := "a row is refused"
	if r.Key != "" {
		row = "row " + r.Key + " is refused"
		if r.Delete {
			row = "row " + r.Key + " cannot be deleted"
		}
	}
	return row + ": " + reason(r)
}

func reason(r sink.Refusal) string {
	text := r.Reason
	if r.Constraint != "" && !strings.Contains(text, r.Constraint) {
		text += " (constraint " + r.Constraint + ")"
	}
	if r.Column != "" && !strings.Contains(text, `"`+r.Column+`"`) {
		text = r.Column + ": " + text
	}
	return text
}

func more(refused int64) string {
	if refused == 1 {
		return ". 1 refused"
	}
	return fmt.Sprintf(". %d refused", refused)
}

// keep puts the refused rows where those of a run lie, and gives the place.
func (w *work) keep(ctx context.Context) (string, error) {
	err := os.MkdirAll(w.p.Scratch, 0o755)
	dir := ""
	if err == nil {
		dir, err = os.MkdirTemp(w.p.Scratch, "refused-")
	}
	if err != nil {
		return "", fault.New(fault.Unavailable, "keep refused rows: %w", err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "refused.ndjson")
	if err := w.write(path); err != nil {
		return "", err
	}
	var shape []string
	cols := record.RejectColumns()
	for _, c := range cols {
		shape = append(shape, job.Quote(c.Name)+": "+job.Literal(c.Type))
	}
	ids := make([]string, len(cols))
	for i, c := range cols {
		ids[i] = fmt.Sprintf("%s: %d", job.Quote(c.Name), c.ID)
	}
	sql := "SELECT * FROM read_json(" + job.Literal(path) + ", format = 'newline_delimited', maximum_object_size = 134217728, columns = {" + strings.Join(shape, ", ") + "})"
	files, err := w.s.Stage(ctx, job.Write{SQL: sql, Columns: cols, Dir: dir, Prefix: "publish"}, "{"+strings.Join(ids, ", ")+"}", nil)
	if err != nil {
		return "", fmt.Errorf("keep refused rows: %w", err)
	}
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = f.Path
	}
	return w.p.Lake.KeepRunRejects(ctx, w.t.RunID, w.t.Table.Name, paths)
}

// write writes the refusals as rejects, a line each.
func (w *work) write(path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return fault.New(fault.Unavailable, "keep refused rows: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := bufio.NewWriter(f)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, r := range w.out.Loaded.Rejects {
		why := reason(r)
		if r.Delete {
			why = "cannot be deleted: " + why
		}
		id := sha256.Sum256([]byte(w.t.To.To + "\x00" + r.Key + "\x00" + r.Raw))
		err := enc.Encode(record.Reject{ID: fmt.Sprintf("%x", id[:8]), Kind: record.KindPublish, Dataset: w.t.To.To, Offset: -1, Column: r.Column, Reason: why, Rule: r.Constraint, Raw: r.Raw})
		if err != nil {
			return fault.New(fault.Unavailable, "keep refused rows: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fault.New(fault.Unavailable, "keep refused rows: %w", err)
	}
	return nil
}
