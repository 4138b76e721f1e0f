package build

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"weir/internal/job"
	"weir/internal/lake"
)

// InputState is what a build would find of one stored input, against what the last build has seen.
type InputState struct {
	Name     string     `json:"name"`
	Env      string     `json:"env,omitempty"`      // the environment it is read in, where that is another one
	Built    bool       `json:"built"`              // whether the lake has it
	Snapshot int64      `json:"snapshot,omitempty"` // since which it holds the rows it does, 0 for none
	Run      string     `json:"run,omitempty"`      // that made the snapshot, "" where another tool did
	At       *time.Time `json:"at,omitempty"`
	Rows     int64      `json:"rows"`
	Bytes    int64      `json:"bytes"`
	Seen     int64      `json:"seen,omitempty"` // snapshot the last build read, 0 where there was none
	New      bool       `json:"new"`            // whether there is something the last build has not seen
	// What was inserted, updated and deleted since, nil where the snapshots between do not say it.
	Since *job.Counts `json:"since,omitempty"`
}

// InputStates looks at the stored inputs of a SQL table.
func (b *Builder) InputStates(ctx context.Context, t Task) ([]InputState, error) {
	st, err := b.load(ctx, t.Table.Name)
	if err != nil {
		return nil, err
	}
	var out []InputState
	for _, in := range t.Inputs {
		if in.View != "" {
			continue
		}
		s, err := b.inputState(ctx, in.Name, st.ledger.Position)
		if err != nil {
			return nil, fmt.Errorf("look at input %s: %w", in.Name, err)
		}
		out = append(out, s)
	}
	return out, nil
}

func (b *Builder) inputState(ctx context.Context, name string, seen job.Position) (InputState, error) {
	s := InputState{Name: name}
	table, elsewhere, err := b.Input(ctx, name)
	if errors.Is(err, lake.ErrNoTable) {
		s.New = true
		return s, nil
	}
	if err != nil {
		return s, err
	}
	s.Built, s.Snapshot = true, table.RowsSince()
	if id, err := strconv.ParseInt(seen[name], 10, 64); err == nil {
		s.Seen = id
	}
	if elsewhere != nil {
		s.Env = elsewhere.Env
	}
	s.New = seen[name] != b.position(table, elsewhere)
	files, err := table.Files(ctx)
	if err != nil {
		return s, err
	}
	s.Rows, s.Bytes = lake.Size(files)
	for snap := range table.Ancestors(s.Snapshot) {
		s.Run, s.At = job.RunNumber(snap.RunID), &snap.At
		break
	}
	if s.New && s.Seen != 0 {
		s.Since = between(table, s.Snapshot, s.Seen)
	}
	return s, nil
}

// between adds up what the snapshots after one up to another have changed.
// It is nil where one of them does not say, or none leads to the other.
func between(t *lake.Table, at, seen int64) *job.Counts {
	sum := &job.Counts{}
	if at == seen {
		return sum
	}
	for s := range t.Ancestors(at) {
		if s.Counts == nil || s.Foreign {
			return nil
		}
		sum.Inserted += s.Counts.Inserted
		sum.Updated += s.Counts.Updated
		sum.Deleted += s.Counts.Deleted
		if s.Parent == seen {
			return sum
		}
	}
	return nil
}
