package lake

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// RejectNote is what was done to some rejects of a table. It never changes; a ledger names it.
type RejectNote struct {
	What    RejectDeed `json:"what"`
	By      string     `json:"by,omitempty"` // who, as the system knows them
	At      time.Time  `json:"at"`
	Run     string     `json:"run"` // that did it
	Why     string     `json:"why,omitempty"`
	Rejects []string   `json:"rejects"`        // run/id of each
	Raws    []string   `json:"raws,omitempty"` // of those edited, the raw form of each from here on
}

// RejectDeed is what may be done to a reject.
type RejectDeed string

// Deeds.
const (
	RejectEdited    RejectDeed = "edited"
	RejectReplayed  RejectDeed = "replayed"
	RejectDiscarded RejectDeed = "discarded"
)

// NoteRejects stores a note and gives its location, for the intent of the commit that does what it says. Until then no one sees it.
func (t *Table) NoteRejects(ctx context.Context, n RejectNote) (string, error) {
	at := strings.TrimSuffix(t.ice.Location(), "/") + "/metadata/weir-rejects-" + uuid.NewString() + ".json"
	if err := t.lake.writeJSON(ctx, at, n); err != nil {
		return "", fmt.Errorf("note what is done to rejects of %s: %w", t.name, err)
	}
	return at, nil
}

// RejectNotes are all notes of a table, oldest first.
func (t *Table) RejectNotes(ctx context.Context) ([]RejectNote, error) {
	l, err := t.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	notes := make([]RejectNote, len(l.Notes))
	for i, location := range l.Notes {
		if err := t.lake.readJSON(ctx, location, &notes[i]); err != nil {
			return nil, fmt.Errorf("notes on rejects of %s: %w", t.name, err)
		}
	}
	return notes, nil
}
