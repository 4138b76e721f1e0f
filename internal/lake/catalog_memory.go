package lake

import (
	"context"
	"strings"
	"sync"

	"github.com/apache/iceberg-go/table"

	"weir/internal/lake/commit"
)

// memoryCatalog is the catalog of a lake that is gone with its process.
type memoryCatalog struct {
	mu     sync.Mutex
	tables map[string]string // metadata locations by dotted name
}

var _ catalog = (*memoryCatalog)(nil)

func (c *memoryCatalog) list(context.Context) ([]table.Identifier, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []table.Identifier
	for name := range c.tables {
		ids = append(ids, strings.Split(name, "."))
	}
	return ids, nil
}

func (c *memoryCatalog) metadata(_ context.Context, id table.Identifier) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if location, ok := c.tables[strings.Join(id, ".")]; ok {
		return location, nil
	}
	return "", ErrNoTable
}

func (c *memoryCatalog) swap(_ context.Context, id table.Identifier, last, next string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := strings.Join(id, ".")
	if c.tables[name] != last {
		return commit.ErrLost
	}
	c.tables[name] = next
	return nil
}

func (c *memoryCatalog) drop(_ context.Context, id table.Identifier, last string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := strings.Join(id, ".")
	if at, ok := c.tables[name]; !ok || at != last {
		return commit.ErrLost
	}
	delete(c.tables, name)
	return nil
}

func (c *memoryCatalog) rename(_ context.Context, id, to table.Identifier, last string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	from, name := strings.Join(id, "."), strings.Join(to, ".")
	if at, ok := c.tables[from]; !ok || at != last {
		return commit.ErrLost
	}
	if _, taken := c.tables[name]; taken {
		return ErrTaken
	}
	delete(c.tables, from)
	c.tables[name] = last
	return nil
}

func (c *memoryCatalog) close() error { return nil }
