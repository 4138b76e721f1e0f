package lake

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"weir/internal/fault"
)

// KeepRunRejects copies the reject files of a failed build to where they belong to its run alone, and gives that place. Paths
// are those of staged files.
func (l *Lake) KeepRunRejects(ctx context.Context, runID, table string, paths []string) (string, error) {
	place := "_runs/" + safe(runID) + "/" + table
	for _, p := range paths {
		local, err := l.Local(ctx, p)
		if err != nil {
			return "", fmt.Errorf("keep rejects of %s: %w", table, err)
		}
		if err := l.store.PutFile(ctx, place+"/"+filepath.Base(local), local); err != nil {
			return "", fmt.Errorf("keep rejects of %s: %w", table, err)
		}
	}
	return l.store.URL(place), nil
}

// RunRejectFiles gives local paths of the reject files at a place that KeepRunRejects gave; none where they are gone.
func (l *Lake) RunRejectFiles(ctx context.Context, place string) ([]string, error) {
	key, ok := keyAt(l.root, place)
	if !ok || !strings.HasPrefix(key, "_runs/") {
		return nil, fault.New(fault.Data, "%s is no place for a run's rejects", place)
	}
	objects, err := l.store.List(ctx, key+"/")
	if err != nil {
		return nil, fmt.Errorf("rejects at %s: %w", place, err)
	}
	var locations []string
	for _, o := range objects {
		if strings.HasSuffix(o.Key, ".parquet") {
			locations = append(locations, l.store.URL(o.Key))
		}
	}
	return l.locals(ctx, locations)
}

// runNotePrefix begins the names of notes beside a run's rejects.
const runNotePrefix = "note-"

// NoteRunRejects keeps what was done to rejects at a place that KeepRunRejects gave.
func (l *Lake) NoteRunRejects(ctx context.Context, place string, n RejectNote) error {
	key, ok := keyAt(l.root, place)
	if !ok || !strings.HasPrefix(key, "_runs/") {
		return fault.New(fault.Data, "%s is no place for a run's rejects", place)
	}
	if err := l.writeJSON(ctx, l.store.URL(key+"/"+runNotePrefix+uuid.NewString()+".json"), n); err != nil {
		return fmt.Errorf("note what is done to rejects at %s: %w", place, err)
	}
	return nil
}

// RunRejectNotes are the notes that NoteRunRejects kept at a place.
func (l *Lake) RunRejectNotes(ctx context.Context, place string) ([]RejectNote, error) {
	key, ok := keyAt(l.root, place)
	if !ok || !strings.HasPrefix(key, "_runs/") {
		return nil, fault.New(fault.Data, "%s is no place for a run's rejects", place)
	}
	objects, err := l.store.List(ctx, key+"/"+runNotePrefix)
	if err != nil {
		return nil, fmt.Errorf("notes on rejects at %s: %w", place, err)
	}
	notes := make([]RejectNote, len(objects))
	for i, o := range objects {
		if err := l.readJSON(ctx, l.store.URL(o.Key), &notes[i]); err != nil {
			return nil, fmt.Errorf("notes on rejects at %s: %w", place, err)
		}
	}
	return notes, nil
}
