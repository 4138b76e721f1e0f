package lake

import (
	"context"

	"github.com/apache/iceberg-go/table"

	"weir/internal/blob"
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

// DisturbStore lets a test keep the store from changing: an error of do is that of the change.
func (l *Lake) DisturbStore(do func(op, key string) error) { l.store = disturbedStore{l.store, do} }

type disturbedStore struct {
	blob.Store
	do func(op, key string) error
}

func (d disturbedStore) Put(ctx context.Context, key string, data []byte) error {
	if err := d.do("put", key); err != nil {
		return err
	}
	return d.Store.Put(ctx, key, data)
}

func (d disturbedStore) PutNew(ctx context.Context, key string, data []byte) error {
	if err := d.do("put", key); err != nil {
		return err
	}
	return d.Store.PutNew(ctx, key, data)
}

func (d disturbedStore) Sync(ctx context.Context, keys []string) error {
	if err := d.do("sync", ""); err != nil {
		return err
	}
	return d.Store.Sync(ctx, keys)
}

func (d disturbedStore) Delete(ctx context.Context, key string) error {
	if err := d.do("delete", key); err != nil {
		return err
	}
	return d.Store.Delete(ctx, key)
}
