package lake

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
)

// reach collects the keys of all files of the lake that snapshots name: data, delete files, manifests and their lists, ledgers,
// rejects and change-sets.
type reach struct {
	lake      *Lake
	fio       iceio.IO
	keys      map[string]bool
	manifests map[string]bool // read already
	ledgers   map[string]bool
}

func (t *Table) newReach(ctx context.Context) (*reach, error) {
	fio, err := t.ice.FS(ctx)
	return &reach{lake: t.lake, fio: fio, keys: map[string]bool{}, manifests: map[string]bool{}, ledgers: map[string]bool{}}, err
}

func (r *reach) add(location string) {
	if key, ok := keyAt(r.lake.root, location); ok {
		r.keys[key] = true
	}
}

// snapshot adds what a snapshot names; of its ledger the change-sets of the snapshots that stay.
func (r *reach) snapshot(ctx context.Context, s table.Snapshot, stays func(id int64) bool) error {
	r.add(s.ManifestList)
	manifests, err := s.Manifests(r.fio)
	if err != nil {
		return damaged("manifest list", s.ManifestList, err)
	}
	for _, m := range manifests {
		if r.manifests[m.FilePath()] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.manifest(m); err != nil {
			return err
		}
	}
	if led := known(s).Ledger; led != "" {
		return r.ledger(ctx, led, stays)
	}
	return nil
}

func (r *reach) manifest(m iceberg.ManifestFile) error {
	r.manifests[m.FilePath()] = true
	r.add(m.FilePath())
	for e, err := range m.Entries(r.fio, true) {
		if err != nil {
			return damaged("manifest", m.FilePath(), err)
		}
		r.add(e.DataFile().FilePath())
	}
	return nil
}

// ledger adds a ledger, what it names, and the ledgers of the runs it remembers: after a rollback behind what another tool
// expired they are the last that tells of a position.
func (r *reach) ledger(ctx context.Context, location string, stays func(id int64) bool) error {
	if r.ledgers[location] {
		return nil
	}
	r.ledgers[location] = true
	led, err := r.lake.readLedger(ctx, location)
	if err != nil {
		return err
	}
	r.add(location)
	for _, run := range led.Runs {
		r.add(run.Ledger)
	}
	for _, f := range led.Rejects {
		r.add(f.Path)
	}
	for _, f := range slices.Concat(led.ClosedFiles, led.Notes) {
		r.add(f)
	}
	for _, c := range led.Changes {
		if !stays(c.Snapshot) {
			continue
		}
		for _, f := range c.Files {
			r.add(f)
		}
	}
	return nil
}

// reachOf is everything the snapshots that stay name, with ledgers and statistics, but no metadata files.
func (t *Table) reachOf(ctx context.Context, stays func(id int64) bool) (*reach, error) {
	r, err := t.newReach(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range t.ice.Metadata().Snapshots() {
		if !stays(s.SnapshotID) {
			continue
		}
		if err := r.snapshot(ctx, s, stays); err != nil {
			return nil, fmt.Errorf("files of %s: snapshot %d: %w", t.name, s.SnapshotID, err)
		}
	}
	for property, led := range t.real.Properties() {
		if property != summaryLedger && !strings.HasPrefix(property, branchLedger("")) {
			continue
		}
		if err := r.ledger(ctx, led, stays); err != nil {
			return nil, fmt.Errorf("files of %s: %w", t.name, err)
		}
	}
	for s := range t.ice.Metadata().Statistics() {
		if stays(s.SnapshotID) {
			r.add(s.StatisticsPath)
		}
	}
	for s := range t.ice.Metadata().PartitionStatistics() {
		if stays(s.SnapshotID) {
			r.add(s.StatisticsPath)
		}
	}
	return r, nil
}

// metadata adds the metadata files of a version: its own and those of its log.
func (r *reach) metadata(t *Table) {
	r.add(t.ice.MetadataLocation())
	for e := range t.ice.Metadata().PreviousFiles() {
		r.add(e.MetadataFile)
	}
}
