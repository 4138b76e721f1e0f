package lake

import (
	"context"
	"fmt"

	"weir/internal/job"
)

// Sides is what of two versions has to be read to tell their rows apart.
type Sides struct {
	Was, Is job.Relation
	// Rest are the rows of the files that both versions hold with just the same rows, read as Is has them; its SQL is "" where
	// there are none, or where the versions are not of one table.
	Rest job.Relation
}

// OneTable says whether two are versions of one table, so that a column is known again by its field id.
func OneTable(a, b *Table) bool {
	return a.ice.Metadata().TableUUID() == b.ice.Metadata().TableUUID()
}

// Differing gives the rows of two versions, without those in files that stand in both with the same rows deleted of them.
// asNow says that a file which stands in both gives the same rows to each, though their schemas may differ; else all is read.
func Differing(ctx context.Context, was, is *Table, asNow bool) (Sides, error) {
	var s Sides
	if !asNow || !OneTable(was, is) {
		return s, s.all(ctx, was, is)
	}
	before, err := was.liveFiles(ctx)
	if err != nil {
		return s, err
	}
	now, err := is.liveFiles(ctx)
	if err != nil {
		return s, err
	}
	known := make(map[string]bool, len(before))
	for _, f := range before {
		known[fileKey(f)] = true
	}
	both := map[string]bool{}
	var rest []string
	only, gone := []string{}, []string{} // never nil, which would mean all
	for _, f := range now {
		if key := fileKey(f); known[key] {
			both[key] = true
			rest = append(rest, f.data.FilePath())
		} else {
			only = append(only, f.data.FilePath())
		}
	}
	for _, f := range before {
		if !both[fileKey(f)] {
			gone = append(gone, f.data.FilePath())
		}
	}
	return s, s.scan(ctx, was, is, gone, only, rest)
}

// fileKey tells a data file by its place and by what deletes rows of it.
func fileKey(f liveFile) string { return f.data.FilePath() + "\x00" + deleteKey(f) }

func (s *Sides) all(ctx context.Context, was, is *Table) error {
	return s.scan(ctx, was, is, nil, nil, nil)
}

func (s *Sides) scan(ctx context.Context, was, is *Table, gone, only, rest []string) (err error) {
	if s.Was, err = was.Scan(ctx, ScanOptions{Files: gone}); err != nil {
		return fmt.Errorf("read %s as it was: %w", was.name, err)
	}
	if s.Is, err = is.Scan(ctx, ScanOptions{Files: only}); err != nil {
		return fmt.Errorf("read %s: %w", is.name, err)
	}
	if len(rest) > 0 {
		if s.Rest, err = is.Scan(ctx, ScanOptions{Files: rest}); err != nil {
			return fmt.Errorf("read %s: %w", is.name, err)
		}
	}
	return nil
}
