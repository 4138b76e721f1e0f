package build

import (
	"context"
	"fmt"
	"hash/fnv"
	"strings"

	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/quality"
)

// States keep what rules found out about data files, so that it is not asked again. They may be lost at any time. Columns tell
// tables of one name apart that read the same files otherwise.
type States interface {
	FileStates(ctx context.Context, table, columns string) (job.States, error)
	// KeepFileStates takes the place of all that was kept of the table: states of these files, and of these aggregates.
	KeepFileStates(ctx context.Context, table, columns string, states job.States, files []string, aggregates map[string]bool) error
}

// judged are the outcomes of rules about a table that is made of files that stay and files that are added.
func (w *work) judged(ctx context.Context, t *lake.Table, m merged) ([]quality.Outcome, error) {
	result, err := w.result(ctx, t, m)
	if err != nil {
		return nil, err
	}
	w.pieces = nil
	if w.b.States != nil {
		if w.pieces, err = w.filesAsPieces(ctx, t, m); err != nil {
			return nil, err
		}
	}
	if w.pieces == nil {
		return w.checks.JudgeTable(ctx, w.s, "("+result+")", nil)
	}
	return w.checks.JudgePieces(ctx, w.s, "("+result+")", w.pieces, nil)
}

// filesAsPieces are the table's data files, by their locations; nil where delete files of other tools take rows out of one, so
// that what is known of it may no longer hold.
func (w *work) filesAsPieces(ctx context.Context, t *lake.Table, m merged) (*quality.Pieces, error) {
	p := &quality.Pieces{Used: map[string]bool{}}
	stays := map[string]bool{}
	if t != nil {
		files, err := t.Files(ctx)
		if err != nil {
			return nil, err
		}
		gone := map[string]bool{}
		for _, r := range m.remove {
			gone[r] = true
		}
		for _, f := range files {
			if f.Pruned {
				return nil, nil
			}
			if !gone[f.Path] {
				stays[f.Path] = true
				p.Names = append(p.Names, f.Path)
			}
		}
	}
	added := map[string]job.File{}
	for _, f := range m.add {
		location, err := w.stage.Location(f.Path)
		if err != nil {
			return nil, err
		}
		added[location] = f
		p.Names = append(p.Names, location)
	}
	var err error
	if p.Known, err = w.b.States.FileStates(ctx, w.t.Table.Name, w.fingerprint()); err != nil {
		return nil, err
	}
	p.Read = func(ctx context.Context, names []string) (string, error) {
		return w.readPieces(ctx, t, names, stays, added)
	}
	return p, nil
}

// readPieces is a SELECT over the rows of some files, with the file's location.
func (w *work) readPieces(ctx context.Context, t *lake.Table, names []string, stays map[string]bool, added map[string]job.File) (string, error) {
	var live, selects []string
	for _, name := range names {
		if stays[name] {
			live = append(live, name)
			continue
		}
		selects = append(selects, "SELECT *, "+job.Literal(name)+" AS "+quality.PieceColumn+" FROM ("+w.readStaged([]job.File{added[name]})+")")
	}
	if len(live) > 0 {
		rel, err := t.Scan(ctx, lake.ScanOptions{Files: live, Filename: true})
		if err != nil {
			return "", err
		}
		selects = append(selects, w.project(rel.SQL, rel.Columns, "d."+lake.FilenameColumn+" AS "+quality.PieceColumn))
	}
	return strings.Join(selects, " UNION ALL "), nil
}

// fingerprint tells apart what the table's files are read as.
func (w *work) fingerprint() string {
	h := fnv.New64a()
	for _, c := range w.columns {
		fmt.Fprintf(h, "%d %s %s\n", c.ID, c.Name, c.Type)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// keepStates keeps what was found out about the files of a table that is committed. It is for later builds only.
func (w *work) keepStates(ctx context.Context) error {
	if w.pieces == nil || len(w.pieces.Used) == 0 {
		return nil
	}
	return w.b.States.KeepFileStates(ctx, w.t.Table.Name, w.fingerprint(), w.pieces.Known, w.pieces.Names, w.pieces.Used)
}
