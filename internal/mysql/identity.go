package mysql

import (
	"context"
	"fmt"

	"weir/internal/mysql/wire"
)

// Identity says which server a connection leads to. A position belongs to one (promise 7).
type Identity struct {
	ID      string // server_uuid of MySQL, server_uid of MariaDB
	Maria   bool
	Version string
}

// String is the identity as positions keep it.
func (i Identity) String() string {
	if i.Maria {
		return "mariadb " + i.ID
	}
	return "mysql " + i.ID
}

// Identify asks a server what it is. A MariaDB too old to have an id of its own is told by where it keeps its data.
func Identify(ctx context.Context, c *wire.Conn) (Identity, error) {
	id := Identity{Maria: c.Server.Maria, Version: c.Server.Version}
	rows, err := c.Strings(ctx, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_uuid', 'server_uid')")
	if err != nil {
		return id, fmt.Errorf("identify the server: %w", err)
	}
	if len(rows) > 0 {
		id.ID = rows[0][1].Value
		return id, nil
	}
	rows, err = c.Strings(ctx, "SELECT concat(@@hostname, ':', @@port, @@datadir)")
	if err != nil {
		return id, fmt.Errorf("identify the server: %w", err)
	}
	id.ID = rows[0][0].Value
	return id, nil
}
