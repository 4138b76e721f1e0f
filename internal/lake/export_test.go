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
