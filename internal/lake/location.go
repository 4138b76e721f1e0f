package lake

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// MetadataLocation is where the version's metadata lies, the file other tools open a table by without a catalog.
func (t *Table) MetadataLocation() string { return t.ice.MetadataLocation() }

// locationOf is where a table lies, or will: in a folder of its name, or of its name and a few random digits where that folder
// is another table's, one that was renamed or dropped with its files kept.
func (l *Lake) locationOf(ctx context.Context, name string) (string, error) {
	t, err := l.Table(ctx, name)
	if err == nil {
		return strings.TrimSuffix(t.Location(), "/"), nil
	}
	if !errors.Is(err, ErrNoTable) {
		return "", err
	}
	id, err := identOf(name)
	if err != nil {
		return "", err
	}
	key := keyOf(id)
	taken, err := l.list(ctx, key+"/metadata/")
	if err != nil {
		return "", fmt.Errorf("find a place for %s: %w", name, err)
	}
	if len(taken) > 0 {
		key += "-" + uuid.NewString()[:8]
	}
	return l.store.URL(key), nil
}
