package postgres

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/jackc/pgx/v5"

	"weir/internal/fault"
	"weir/internal/feed"
	"weir/internal/job"
	"weir/internal/record"
	"weir/internal/source"
	"weir/internal/source/postgres/replication"
)

// place is a position in a feed: transactions that committed before LSN are in the table, and Slot keeps those after.
type place struct {
	LSN  string `json:"lsn"`
	Slot string `json:"slot"`
}

func (p place) String() string {
	b, _ := json.Marshal(p)
	return string(b)
}

func readPlace(table, text string) (p place, lsn replication.LSN, err error) {
	if err = json.Unmarshal([]byte(text), &p); err == nil {
		lsn, err = replication.ParseLSN(p.LSN)
	}
	if err != nil {
		return p, 0, fault.New(fault.Data, "the position of %s is not one of a feed: %s", table, text).
			WithHint("weir run %s --full reads everything again", table)
	}
	return p, lsn, nil
}

// following is the feed of a connection.
type following struct {
	opened  *opened
	hub     *feed.Hub[replication.LSN]
	members map[string]source.Member // by lake table

	mu   sync.Mutex
	slot string          // "" until known
	used bool            // read from, in this process
	held replication.LSN // what main has where a branch is read: its changes stay; 0: nothing
}

// Follow names the tables of the feed.
func (o *opened) Follow(members []source.Member) {
	f := &following{opened: o, members: map[string]source.Member{}}
	f.hub = feed.New(func(a, b replication.LSN) bool { return a < b }, func() (string, error) {
		if err := os.MkdirAll(o.scratch, 0o755); err != nil {
			return "", err
		}
		return os.MkdirTemp(o.scratch, "changes-")
	})
	for _, m := range members {
		f.members[m.Table] = m
	}
	o.following = f
}

var _ source.Follower = (*opened)(nil)

// dataset is what a member reads.
func dataset(m source.Member) (replication.Table, error) {
	r, ok := m.Reader.(*Reader)
	if !ok {
		return replication.Table{}, fault.New(fault.Internal, "a feed got options of another kind: %T", m.Reader)
	}
	schema, name, err := splitName(r.dataset)
	return replication.Table{Schema: schema, Name: name}, err
}

// standing reads from the lake how far each member is, and which slot its changes are kept by. Members that were never read
// by this feed are left out.
func (f *following) standing(ctx context.Context) (map[string]place, error) {
	out := map[string]place{}
	for name, m := range f.members {
		at, err := m.Position(ctx)
		if err != nil {
			return nil, err
		}
		t, err := dataset(m)
		if err != nil {
			return nil, err
		}
		if text, ok := at[t.String()]; ok {
			if p, _, err := readPlace(name, text); err == nil {
				out[name] = p
			}
		}
	}
	return out, nil
}

// known settles the feed's slot, "" where there is none yet: of those that positions of members name, the one that the server
// has and has not given up. Their tables are placed in the hub.
func (f *following) known(ctx context.Context, c *pgx.Conn) (string, error) {
	if f.slot != "" {
		return f.slot, nil
	}
	standing, err := f.standing(ctx)
	if err != nil {
		return "", err
	}
	for _, name := range slices.Sorted(maps.Keys(standing)) {
		slot := standing[name].Slot
		if f.slot == "" {
			there, ok, err := replication.FindSlot(ctx, c, slot)
			if err != nil {
				return "", err
			}
			if ok && !there.Lost() {
				f.slot = slot
			}
		}
	}
	if err := f.hold(ctx); err != nil {
		return "", err
	}
	for name, p := range standing {
		if lsn, err := replication.ParseLSN(p.LSN); err == nil && p.Slot == f.slot && f.slot != "" {
			f.hub.Place(name, lsn)
		}
	}
	return f.slot, nil
}

// hold finds what main needs of the slot where a branch is read.
func (f *following) hold(ctx context.Context) error {
	for name, m := range f.members {
		if m.Main == nil {
			continue
		}
		at, err := m.Main(ctx)
		if err != nil {
			return err
		}
		t, err := dataset(m)
		if err != nil {
			return err
		}
		text, ok := at[t.String()]
		if !ok {
			continue
		}
		if p, lsn, err := readPlace(name, text); err == nil && p.Slot == f.slot && (f.held == 0 || lsn < f.held) {
			f.held = lsn
		}
	}
	return nil
}

// within is no further than what main needs.
func (f *following) within(at replication.LSN) replication.LSN {
	if f.held > 0 {
		return min(at, f.held)
	}
	return at
}

// prepare makes publication and slot ready for a table's first read: what is committed from here on is kept.
func (f *following) prepare(ctx context.Context, c *pgx.Conn, t replication.Table) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := replication.Publish(ctx, c, f.publication(), []replication.Table{t}); err != nil {
		return err
	}
	known, err := f.known(ctx, c)
	if err != nil || known != "" {
		return err
	}
	name := f.opened.config.Slot
	if name == "" {
		name = newSlotName(f.opened.project)
	}
	there, ok, err := replication.FindSlot(ctx, c, name)
	if err != nil {
		return err
	}
	if ok && there.Lost() { // it has nothing left to tell; what needs a new one is being read anew
		if err := replication.DropSlot(ctx, c, name); err != nil {
			return err
		}
		ok = false
	}
	if ok { // a configured one that someone has made
		f.slot = name
		return nil
	}
	if err := f.dropLost(ctx, c); err != nil {
		return err
	}
	made, err := replication.CreateSlot(ctx, f.opened.primary, name, false, false)
	if err != nil {
		return err
	}
	f.slot = name
	return made.Close(ctx)
}

// dropLost removes slots of this feed that the server gave up: they hold nothing, and take the place of others.
func (f *following) dropLost(ctx context.Context, c *pgx.Conn) error {
	standing, err := f.standing(ctx)
	if err != nil {
		return err
	}
	for _, p := range standing {
		there, ok, err := replication.FindSlot(ctx, c, p.Slot)
		if err == nil && ok && there.Lost() {
			err = replication.DropSlot(ctx, c, p.Slot)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var oddInSlots = regexp.MustCompile(`[^a-z0-9_]+`)

// newSlotName is fresh each time: a slot that was dropped and made again under its name would not have what the old one kept.
func newSlotName(project string) string {
	b := make([]byte, 4)
	rand.Read(b) // never fails
	name := oddInSlots.ReplaceAllString(strings.ToLower(project), "_")
	return "weir_" + name[:min(len(name), 40)] + "_" + hex.EncodeToString(b)
}

func (f *following) publication() string {
	if p := f.opened.config.Publication; p != "" {
		return p
	}
	return "weir_" + oddInSlots.ReplaceAllString(strings.ToLower(f.opened.project), "_")
}

// take gives a table's changes after its position.
func (f *following) take(ctx context.Context, table string, at place, from replication.LSN) (*feed.Backlog, replication.LSN, error) {
	c, err := f.opened.primary.Dial(ctx)
	if err != nil {
		return nil, 0, err
	}
	f.mu.Lock()
	slot, err := f.known(ctx, c)
	f.mu.Unlock()
	if err == nil && at.Slot != slot {
		err = missed(ctx, c, table, at)
	}
	if err = errors.Join(err, c.Close(context.WithoutCancel(ctx))); err != nil {
		return nil, 0, err
	}
	return f.hub.Take(ctx, table, from, f.gather)
}

// missed says what became of the slot of a table's position, which is not the one that the feed reads.
func missed(ctx context.Context, c *pgx.Conn, table string, at place) error {
	there, ok, err := replication.FindSlot(ctx, c, at.Slot)
	switch {
	case err != nil:
		return err
	case ok && there.Lost():
		return there.Gone().WithHint("weir run %s --full reads the table anew, with a new slot; a larger max_slot_wal_keep_size of the server keeps more, runs that come more often need less", table)
	}
	return fault.New(fault.Data, "slot %s is gone from the server, and with it the changes since %s", at.Slot, at.LSN).
		WithHint("weir run %s --full reads the table anew", table)
}

// catchUp is from how many bytes of log on a backlog is read as the result of a query, which is more than twice as fast as a
// stream.
const catchUp = 16 << 20

// gather reads the slot up to now.
func (f *following) gather(ctx context.Context, from map[string]replication.LSN, safe replication.LSN, keep func(feed.Changes) error) (replication.LSN, error) {
	c, err := f.opened.primary.Dial(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }() // nothing hangs on it
	goal, err := replication.Now(ctx, c)
	if err != nil {
		return 0, err
	}
	tables, names := map[replication.Table]replication.Follow{}, map[replication.Table][]string{}
	convert, most := &converter{c: c, declared: map[replication.Table][]job.Column{}}, 0
	for name, at := range from {
		m := f.members[name]
		t, err := dataset(m)
		if err != nil {
			return 0, err
		}
		follow, twice := tables[t]
		if !twice || at < follow.After {
			follow.After = at
		}
		follow.Key = append(follow.Key, m.Key...)
		most = max(most, int(m.Reader.(*Reader).MaxValueBytes))
		convert.declared[t] = append(convert.declared[t], m.Reader.(*Reader).columns...)
		tables[t], names[t] = follow, append(names[t], name)
	}
	pool := record.NewPool()
	defer pool.Close()
	f.used = true
	stream, err := replication.Open(ctx, f.opened.primary, replication.Options{Slot: f.slot, Publication: f.publication(), Tables: tables,
		Convert: convert.column, Pool: pool, Scratch: f.opened.scratch, Hold: f.within(safe), Goal: goal, CatchUp: catchUp,
		MaxChange: 2 * rowMost * most}) // a change may tell the row before, too
	if err != nil {
		return 0, unreadable(err, names)
	}
	to, err := f.drain(ctx, stream, names, from, keep)
	return max(to, goal), unreadable(errors.Join(err, stream.Close(context.WithoutCancel(ctx))), names)
}

// unreadable names the tables of the lake that an error of one dataset keeps from being read.
func unreadable(err error, names map[replication.Table][]string) error {
	var of *replication.TableError
	if errors.As(err, &of) {
		return &feed.Unreadable{Tables: names[of.Table], Err: err}
	}
	return err
}

func (f *following) drain(ctx context.Context, stream *replication.Feed, names map[replication.Table][]string, from map[string]replication.LSN, keep func(feed.Changes) error) (to replication.LSN, err error) {
	for {
		e, err := stream.Next(ctx)
		if errors.Is(err, io.EOF) {
			return to, nil
		}
		if err != nil {
			return to, err
		}
		if e.Mark > 0 {
			to = e.Mark
		}
		if e.Relation == nil {
			continue
		}
		for _, name := range names[e.Relation.Table()] {
			if err := keep(placed(name, e, from[name])); err != nil {
				return to, err
			}
		}
		if e.Batch != nil {
			e.Batch.Release()
		}
	}
}

// placed makes one text of the two numbers that order changes. The table has changes of transactions that committed before its
// own position; another one that follows the same dataset may be further behind.
func placed(table string, e replication.Event, after replication.LSN) feed.Changes {
	own := len(e.Columns) - len(feed.Columns()) - 1 // two columns of the stream become one
	out := feed.Changes{Table: table, Columns: e.Columns[:own]}
	for _, r := range e.Rejects {
		if replication.LSN(r.Offset) >= after {
			r.ID = feed.RejectID(r.Dataset, string(positioned(nil, r.Offset, r.Line)))
			out.Rejects = append(out.Rejects, r)
		}
	}
	if e.Batch == nil {
		return out
	}
	commits := e.Batch.Column(own + 2).(*array.Int64).Int64Values()
	first, _ := slices.BinarySearchFunc(commits, after, func(at int64, after replication.LSN) int { return cmp.Compare(replication.LSN(at), after) })
	if first == len(commits) {
		return out
	}
	batch := e.Batch.NewSlice(int64(first), int64(len(commits)))
	defer batch.Release()
	s := batch.Schema()
	lsn, seq := batch.Column(own+2).(*array.Int64), batch.Column(own+3).(*array.Int64)
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	text := make([]byte, 0, 32)
	for i := range int(batch.NumRows()) {
		text = positioned(text[:0], lsn.Value(i), seq.Value(i))
		b.BinaryBuilder.Append(text)
	}
	position := b.NewArray()
	defer position.Release()
	fields := slices.Concat(s.Fields()[:own+2], []arrow.Field{{Name: feed.ColumnPosition, Type: arrow.BinaryTypes.String, Nullable: true}}, s.Fields()[own+4:])
	arrays := slices.Concat(batch.Columns()[:own+2], []arrow.Array{position}, batch.Columns()[own+4:])
	out.Batch = array.NewRecordBatch(arrow.NewSchema(fields, nil), arrays, batch.NumRows())
	return out
}

// positioned appends the place of a change as text that sorts.
func positioned(to []byte, lsn, seq int64) []byte {
	return fmt.Appendf(to, "%016X-%08X", uint64(lsn), uint64(seq))
}

// Acknowledge tells the server what every table has, so that it need not keep it, and drops a slot that makes it keep too much
// all the same. What it is told is a hint, never ahead of the lake (promise 1): where it cannot be told now, the next run does.
func (o *opened) Acknowledge(ctx context.Context) error {
	f := o.following
	if f == nil {
		return nil
	}
	forget, ok := f.hub.Forgettable()
	forget = f.within(forget)
	if !ok || f.slot == "" || !f.used {
		return nil
	}
	c, err := o.primary.Dial(ctx)
	if err != nil {
		return nil
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }() // nothing hangs on it
	if replication.Advance(ctx, c, f.slot, forget) != nil || o.config.MaxWAL == 0 {
		return nil
	}
	slot, ok, err := replication.FindSlot(ctx, c, f.slot)
	if err != nil || !ok || slot.Retained <= int64(o.config.MaxWAL) {
		return nil
	}
	if err := replication.DropSlot(ctx, c, f.slot); err != nil {
		return fmt.Errorf("the server keeps %d bytes of log for slot %s, more than max_wal: %w", slot.Retained, f.slot, err)
	}
	return fault.New(fault.Data, "stopped following: the server kept %d bytes of log for slot %s, more than max_wal (%d); the slot was dropped to protect the server", slot.Retained, f.slot, int64(o.config.MaxWAL)).
		WithHint("find what held it up (a table that fails, runs too far apart), then read the tables anew: weir run TABLE --full")
}
