package mysql

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"weir/internal/fault"
	"weir/internal/mysql/wire"
	"weir/internal/source/mysql/binlog"
)

// cascading finds a foreign key in the definition of a table that changes its rows: its name, and that of the other table.
var cascading = regexp.MustCompile("(?m)^ *CONSTRAINT (`(?:[^`]|``)+`|\\S+) FOREIGN KEY .* REFERENCES (\\S+|(?:`(?:[^`]|``)+`\\.)?`(?:[^`]|``)+`) .*\\bON (?:DELETE|UPDATE) (?:CASCADE|SET NULL)")

// noCascades refuses a table whose rows change through foreign keys without a word in the log, unless that is wanted. Since 9.6
// MySQL logs such changes.
func (t *table) noCascades(ctx context.Context, c *wire.Conn, name binlog.TableName) error {
	if t.reader.OnCascade == "ignore" {
		return nil
	}
	rows, err := c.Strings(ctx, "SHOW GLOBAL VARIABLES WHERE Variable_name = 'innodb_native_foreign_keys' AND Value = 'OFF'")
	if err != nil {
		return fmt.Errorf("look at the server's settings: %w", err)
	}
	if len(rows) > 0 {
		return nil
	}
	// The catalog of MariaDB shows foreign keys only to those who may write to the table; its definition is shown to readers, too.
	rows, err = c.Strings(ctx, "SHOW CREATE TABLE "+wire.Name(name.Schema)+"."+wire.Name(name.Name))
	var said *wire.Error
	if errors.As(err, &said) && said.Code == errNoTable {
		return nil // its log says what became of it
	}
	if err != nil {
		return fmt.Errorf("look at foreign keys of %s: %w", shown(name), err)
	}
	if m := cascading.FindStringSubmatch(rows[0][1].Value); m != nil {
		return fault.New(fault.Usage, "%s can't be followed: its foreign key %s changes rows when those of %s change (CASCADE, SET NULL), and the binary log does not tell that", shown(name), m[1], m[2]).
			WithHint("let the key RESTRICT; or read the table whole; or, where such changes may be missed, on_cascade: ignore")
	}
	return nil
}

const errNoTable = 1146
