package lake

import (
	"context"

	"github.com/apache/iceberg-go/table"
)

// DisturbSwaps lets a test answer for the catalog: do is given the real swap.
func (l *Lake) DisturbSwaps(do func(swap func() error) error) { l.catalog = disturbed{l.catalog, do} }

type disturbed struct {
	catalog
	do func(swap func() error) error
}

func (d disturbed) swap(ctx context.Context, id table.Identifier, last, next string) error {
	return d.do(func() error { return d.catalog.swap(ctx, id, last, next) })
}

// DropBehind takes a table out of the catalog as another tool does, whatever is staged for it.
func (l *Lake) DropBehind(ctx context.Context, name string) error {
	t, err := l.Table(ctx, name)
	if err != nil {
		return err
	}
	return l.catalog.drop(ctx, t.ident, t.ice.MetadataLocation())
}
