package lake

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"weir/internal/fault"
	"weir/internal/lake/commit"
)

// Swap writes the metadata file and points the catalog to it.
func (w *world) Swap(ctx context.Context, _ *Table, p *proposal) error {
	if w.stage != nil {
		if err := w.stage.renew(ctx); err != nil {
			return fmt.Errorf("%w: %w", commit.ErrNotApplied, err)
		}
	}
	if err := w.writeMetadata(ctx, p); err != nil {
		return fmt.Errorf("%w: %w", commit.ErrNotApplied, err)
	}
	return w.lake.catalog.swap(ctx, w.ident, p.last, p.location)
}

func (w *world) writeMetadata(ctx context.Context, p *proposal) error {
	key, ok := keyAt(w.lake.root, p.location)
	if !ok {
		return fault.New(fault.Usage, "%s lies outside the lake", p.location)
	}
	data, err := json.Marshal(p.meta)
	if err != nil {
		return err
	}
	return w.lake.store.Put(ctx, key, data)
}

// Forget deletes what iceberg-go wrote for a proposal that lost. What can not be deleted is an orphan for maintenance.
func (w *world) Forget(ctx context.Context, p *proposal) {
	fsys := files{ctx: context.WithoutCancel(ctx), store: w.lake.store, root: w.lake.root}
	for _, name := range append(p.written.names, p.location) {
		if name != "" {
			_ = fsys.Remove(name)
		}
	}
}

// removeOldMetadata deletes the metadata files that dropped out of the table's log.
func (w *world) removeOldMetadata(ctx context.Context, p *proposal) {
	fsys := files{ctx: ctx, store: w.lake.store, root: w.lake.root}
	for _, name := range p.stale {
		_ = fsys.Remove(name)
	}
}

func droppedMetadata(base, next table.Metadata) []string {
	if !next.Properties().GetBool(table.MetadataDeleteAfterCommitEnabledKey, false) {
		return nil
	}
	still := map[string]bool{}
	for e := range next.PreviousFiles() {
		still[e.MetadataFile] = true
	}
	var gone []string
	for e := range base.PreviousFiles() {
		if !still[e.MetadataFile] {
			gone = append(gone, e.MetadataFile)
		}
	}
	return gone
}

// metadataLocation names the next metadata file as Iceberg's tools do: 00042-<uuid>.metadata.json.
func metadataLocation(location, last string) string {
	version := 0
	if last != "" {
		number, _, _ := strings.Cut(strings.TrimPrefix(path.Base(last), "v"), "-")
		number, _, _ = strings.Cut(number, ".")
		if n, err := strconv.Atoi(number); err == nil {
			version = n + 1
		}
	}
	return fmt.Sprintf("%s/metadata/%05d-%s.metadata.json", strings.TrimSuffix(location, "/"), version, uuid.NewString())
}
