package lake

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/uuid"

	"weir/internal/fault"
	"weir/internal/lake/commit"
)

// Ledger and its parts are those of the commit protocol.
type (
	Ledger     = commit.Ledger
	RunMark    = commit.RunMark
	RejectFile = commit.RejectFile
	ChangeSet  = commit.ChangeSet
)

const (
	gzipFrom  = 32 << 10 // bytes of JSON from which a ledger is compressed
	maxLedger = 1 << 30  // bytes a ledger may unpack to
	keepClose = 1000     // closed reject ids that stay in the ledger itself
)

// Ledger is what the table's rows stand for: the ledger its snapshot names; of a snapshot another tool made, its nearest
// ancestor's; where ancestors are forgotten, the one the table's property names. A missing or damaged ledger is class data and
// names the file.
func (t *Table) Ledger(ctx context.Context) (Ledger, error) {
	t.mu.Lock()
	l := t.ledger
	t.mu.Unlock()
	if l != nil {
		return *l, nil
	}
	found, err := commit.Resolve[*Table, *proposal](ctx, &world{lake: t.lake}, t.head())
	if err != nil {
		return Ledger{}, fmt.Errorf("ledger of %s: %w", t.name, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ledger = &found
	return found, nil
}

// ClosedRejects gives the ids of all rejects that were replayed or discarded.
func (t *Table) ClosedRejects(ctx context.Context) ([]string, error) {
	l, err := t.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	ids := slices.Clone(l.Closed)
	for _, f := range l.ClosedFiles {
		var older []string
		if err := t.lake.readJSON(ctx, f, &older); err != nil {
			return nil, fmt.Errorf("closed rejects of %s: %w", t.name, err)
		}
		ids = append(ids, older...)
	}
	return ids, nil
}

// newLedgerAt chooses where a ledger of a table will lie.
func newLedgerAt(location string) string {
	return location + "/metadata/weir-ledger-" + uuid.NewString() + ".json"
}

func (l *Lake) readLedger(ctx context.Context, location string) (Ledger, error) {
	var led Ledger
	if err := l.readJSON(ctx, location, &led); err != nil {
		return led, err
	}
	if led.Version != commit.Version {
		return led, fault.New(fault.Data, "ledger %s has version %d, this Weir knows %d", location, led.Version, commit.Version).
			WithHint("use the version of Weir that wrote it, or a newer one")
	}
	return led, nil
}

// writeLedger stores a ledger. Closed reject ids beyond the newest move to a file of their own.
func (l *Lake) writeLedger(ctx context.Context, location string, led Ledger) error {
	if len(led.Closed) > keepClose {
		at := strings.TrimSuffix(location, ".json") + "-closed.json"
		if err := l.writeJSON(ctx, at, led.Closed); err != nil {
			return fmt.Errorf("write closed rejects: %w", err)
		}
		led.ClosedFiles, led.Closed = append(slices.Clone(led.ClosedFiles), at), nil
	}
	if err := l.writeJSON(ctx, location, led); err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	return nil
}

// readJSON reads one of the lake's own JSON files, compressed or not.
func (l *Lake) readJSON(ctx context.Context, location string, into any) error {
	key, ok := keyAt(l.root, location)
	if !ok {
		return fault.New(fault.Data, "ledger %s lies outside the lake", location)
	}
	data, err := l.store.Get(ctx, key)
	if err == nil && bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		data, err = gunzip(data)
	}
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return damaged("ledger", location, err)
	}
	return nil
}

func gunzip(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, maxLedger+1))
	if err == nil && len(out) > maxLedger {
		err = errors.New("unpacks to more than 1 GB")
	}
	return out, err
}

func (l *Lake) writeJSON(ctx context.Context, location string, v any) error {
	key, ok := keyAt(l.root, location)
	if !ok {
		return fault.New(fault.Usage, "%s lies outside the lake", location)
	}
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(data) >= gzipFrom {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := w.Write(data); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		data = b.Bytes()
	}
	return l.store.PutNew(ctx, key, data)
}
