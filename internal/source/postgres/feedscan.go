package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"weir/internal/fault"
	"weir/internal/feed"
	"weir/internal/job"
	"weir/internal/record"
	"weir/internal/source"
	"weir/internal/source/postgres/replication"
)

// beginFeed begins to read by the feed: a table that has no position yet whole, under a snapshot that the stream goes on from;
// else its changes.
func (t *table) beginFeed(ctx context.Context, r job.Read) (source.Scan, error) {
	f := t.following
	if f == nil {
		return nil, fault.New(fault.Internal, "no feed was made for %s", r.Table)
	}
	schema, name, err := splitName(t.reader.dataset)
	if err != nil {
		return nil, fault.New(fault.Usage, "%w", err)
	}
	dataset := replication.Table{Schema: schema, Name: name}
	text, ok := r.From[dataset.String()]
	if r.Full || !ok {
		return t.beginFirst(ctx, r)
	}
	at, lsn, err := readPlace(r.Table, text)
	if err != nil {
		return nil, err
	}
	s := &feedScan{table: t, read: r, dataset: dataset, at: at, from: lsn, to: lsn}
	if r.Look || r.Replay {
		return s, nil
	}
	if s.backlog, s.to, err = f.take(ctx, r.Table, at, lsn); err != nil {
		return nil, fmt.Errorf("begin reading %s: %w", r.Table, err)
	}
	return s, nil
}

// beginFirst is a whole read that a feed goes on from.
func (t *table) beginFirst(ctx context.Context, r job.Read) (source.Scan, error) {
	scan, err := t.begin(ctx, r)
	if err != nil {
		return nil, err
	}
	if !r.Replay {
		if err := replication.Followable(ctx, scan.control, replication.Table{Schema: scan.rel.schema, Name: scan.rel.name}); err != nil {
			return nil, errors.Join(fmt.Errorf("begin following %s: %w", r.Table, err), scan.Close())
		}
	}
	scan.first = true
	return scan, nil
}

// fixFirst opens the snapshot of a first read: that of a slot of its own, which says exactly which changes are in it. The feed's
// slot is there before, so nothing can fall between.
func (s *scan) fixFirst(ctx context.Context) (snapshot string, err error) {
	f := s.following
	dataset := replication.Table{Schema: s.rel.schema, Name: s.rel.name}
	if err := f.prepare(ctx, s.control, dataset); err != nil {
		return "", err
	}
	if s.started, err = replication.CreateSlot(ctx, s.primary, newSlotName(s.project+"_first"), true, true); err != nil {
		return "", fmt.Errorf("open a snapshot for the feed: %w", err)
	}
	return s.started.Snapshot, nil
}

// startText is the position of rows of a first read in a log of changes: before all changes of the stream.
func (s *scan) startText() string {
	if s.started == nil {
		return ""
	}
	return fmt.Sprintf("%016X-", uint64(s.started.At))
}

// feedScan is one table's share of what the feed has read.
type feedScan struct {
	*table
	read     job.Read
	dataset  replication.Table
	at       place
	from, to replication.LSN
	backlog  *feed.Backlog // nil for a mere look
}

var (
	_ source.Scan         = (*feedScan)(nil)
	_ source.Batched      = (*feedScan)(nil)
	_ source.Changing     = (*feedScan)(nil)
	_ source.Acknowledged = (*feedScan)(nil)
	_ source.Explained    = (*feedScan)(nil)
)

// Changes says that the rows are changes.
func (s *feedScan) Changes() bool { return !s.reader.log }

// idleLog is how many bytes of log a table without changes may hold back before its position is moved all the same.
const idleLog = 16 << 20

// Splits is the table where it has changes, or where its position holds back too much of the server's log.
func (s *feedScan) Splits() []source.Split {
	if s.backlog != nil && s.backlog.Empty() && s.to-s.from < idleLog {
		return nil
	}
	return []source.Split{{Name: s.dataset.String()}}
}

// Explain says what is read.
func (s *feedScan) Explain() string {
	return "changes of " + s.dataset.String() + " after " + s.from.String()
}

// End is the position after the changes.
func (s *feedScan) End() job.Position {
	end := s.read.From.Clone()
	end[s.dataset.String()] = place{LSN: s.to.String(), Slot: s.at.Slot}.String()
	return end
}

// Columns are those of the table. Without changes they are as they were.
func (s *feedScan) Columns(context.Context) ([]job.Column, error) {
	if s.backlog == nil {
		return s.read.Known, nil
	}
	cols := s.backlog.Columns(s.read.Known)
	if s.Changes() {
		return cols[:len(cols)-len(feed.Columns())], nil
	}
	return cols, nil
}

// Rows reads the changes.
func (s *feedScan) Rows(ctx context.Context) (source.Rows, error) {
	cols, err := s.Columns(ctx)
	if err != nil {
		return nil, err
	}
	reader, err := s.backlog.Read(s.read.Known)
	if err != nil {
		return nil, fmt.Errorf("read changes of %s: %w", s.read.Table, err)
	}
	return &feedRows{Reader: reader, columns: cols, backlog: s.backlog}, nil
}

// feedRows are a table's changes.
type feedRows struct {
	*feed.Reader
	columns []job.Column
	backlog *feed.Backlog
}

func (r *feedRows) Columns() []job.Column { return r.columns }

func (r *feedRows) Rejects() []record.Reject { return r.backlog.Rejects() }

// Committed notes that the lake has the changes.
func (s *feedScan) Committed(context.Context) error {
	s.following.hub.Place(s.read.Table, s.to)
	return nil
}

// Committed notes where a first read ended.
func (s *scan) Committed(context.Context) error {
	if s.first && s.started != nil {
		s.following.hub.Place(s.read.Table, s.started.At)
	}
	return nil
}

// Close lets go of the changes.
func (s *feedScan) Close() error {
	if s.backlog != nil {
		s.backlog.Close()
	}
	return nil
}

// Lag says how far the feed is behind.
func (o *opened) Lag(ctx context.Context) (out []source.Measure, err error) {
	if o.following == nil || len(o.following.members) == 0 {
		return nil, nil
	}
	c, err := o.primary.Dial(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close(context.WithoutCancel(ctx))) }()
	o.following.mu.Lock()
	name, err := o.following.known(ctx, c)
	o.following.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if name == "" {
		return o.following.without(ctx, c)
	}
	slot, ok, err := replication.FindSlot(ctx, c, name)
	if err != nil {
		return nil, err
	}
	if !ok {
		return []source.Measure{{Name: "slot", Text: name + " (gone from the server)"}}, nil
	}
	state := slot.Status
	if slot.Active() {
		state += fmt.Sprintf(", read by process %d", slot.PID)
	}
	return []source.Measure{
		{Name: "slot", Text: name + " (" + state + ")"},
		{Name: "confirmed", Text: slot.Confirmed.String(), Value: float64(slot.Confirmed)},
		{Name: "lag_bytes", Text: fmt.Sprint(slot.Behind), Value: float64(slot.Behind)},
		{Name: "retained_bytes", Text: fmt.Sprint(slot.Retained), Value: float64(slot.Retained)},
	}, nil
}

// without says what became of the slots that positions name, where the server has none of them to read.
func (f *following) without(ctx context.Context, c *pgx.Conn) (out []source.Measure, err error) {
	standing, err := f.standing(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range standing {
		if !slices.Contains(names, p.Slot) {
			names = append(names, p.Slot)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		slot, ok, err := replication.FindSlot(ctx, c, name)
		if err != nil {
			return nil, err
		}
		state := "gone from the server"
		if ok {
			state = "given up by the server: " + slot.Status
		}
		out = append(out, source.Measure{Name: "slot", Text: name + " (" + state + "; read its tables anew with --full)"})
	}
	return out, nil
}
