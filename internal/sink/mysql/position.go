package mysql

import (
	"context"
	"encoding/json"
	"fmt"

	"weir/internal/fault"
	"weir/internal/mysql/wire"
	"weir/internal/sink"
)

// loadsTable keeps the positions of the destinations in its database, a row each.
//
// A definition cannot be changed within a transaction: each such statement commits. So a table that takes the destination's name gets
// there in three steps: the position it will have is written down as pending, the table is renamed, which is atomic, and pending
// becomes the position. Whoever comes next tells by whether the new table still has its first name how far that came.
const loadsTable = "_weir_loads"

const createLoads = `CREATE TABLE IF NOT EXISTS %s (
	destination varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
	lake_table  varchar(255) CHARACTER SET utf8mb4 NOT NULL,
	snapshot    bigint NOT NULL,
	run         varchar(64) NOT NULL,
	loaded_rows bigint NOT NULL,
	loaded_at   datetime(6) NOT NULL COMMENT 'UTC',
	position    longtext CHARACTER SET utf8mb4 NOT NULL,
	pending     longtext CHARACTER SET utf8mb4 NULL
) ENGINE = InnoDB`

// ensure makes the database and the table of positions where they are missing.
func (l *load) ensure(ctx context.Context) error {
	rows, err := l.ask(ctx, "look for the database", "SELECT (SELECT count(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = "+wire.Literal(l.database)+"), (SELECT count(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = "+
		wire.Literal(l.database)+" AND TABLE_NAME = "+wire.Literal(loadsTable)+")")
	if err != nil || rows[0][1].Value == "1" {
		return err
	}
	if rows[0][0].Value == "0" {
		err = l.exec(ctx, "make the database", "CREATE DATABASE IF NOT EXISTS "+wire.Name(l.database)+" CHARACTER SET utf8mb4")
	}
	if err == nil {
		err = l.exec(ctx, "make the table of positions", fmt.Sprintf(createLoads, l.quoted(loadsTable)))
	}
	if err != nil && fault.ClassOf(err) == fault.Usage {
		return fault.New(fault.Usage, "%w", err).WithHint("the user needs CREATE on %s.*", wire.Name(l.database))
	}
	return err
}

// look reads without locking or mending.
func (l *load) look(ctx context.Context) error {
	rows, err := l.ask(ctx, "look for the table of positions", "SELECT count(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = "+wire.Literal(l.database)+" AND TABLE_NAME = "+wire.Literal(loadsTable))
	if err != nil {
		return err
	}
	if rows[0][0].Value == "1" {
		pending, err := l.read(ctx)
		if err != nil {
			return err
		}
		if there, err := l.exists(ctx, fmt.Sprintf("_weir_new_%016x", l.hash())); err != nil {
			return err
		} else if pending != "" && !there {
			if err := l.take(pending); err != nil {
				return err
			}
		}
	}
	l.there, err = l.describe(ctx)
	return err
}

func (l *load) exists(ctx context.Context, table string) (bool, error) {
	rows, err := l.ask(ctx, "look for a table", "SELECT count(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = "+wire.Literal(l.database)+" AND TABLE_NAME = "+wire.Literal(table))
	return err == nil && rows[0][0].Value != "0", err
}

// read reads the position, and gives a pending one.
func (l *load) read(ctx context.Context) (pending string, err error) {
	rows, err := l.ask(ctx, "read the position there", "SELECT position, pending FROM "+l.quoted(loadsTable)+" WHERE destination = "+wire.Literal(l.target.Table))
	if err != nil || len(rows) == 0 {
		return "", err
	}
	l.text = rows[0][0].Value
	return rows[0][1].Value, l.take(l.text)
}

// take takes a position over; "" is none.
func (l *load) take(text string) error {
	if text == "" {
		return nil
	}
	var p sink.Position
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return fault.New(fault.Data, "read the position there: %w", err).WithHint("table %s of the destination keeps it", loadsTable)
	}
	if p.Version > sink.PositionVersion {
		return fault.New(fault.Usage, "the position there was written by a newer weir").WithHint("use that one: this one cannot tell what it means")
	}
	l.stored, l.found = p, true
	return nil
}

// settle reads the position and puts in order what a load that was killed has left.
func (l *load) settle(ctx context.Context) error {
	pending, err := l.read(ctx)
	if err != nil {
		return err
	}
	if pending != "" {
		if err := l.finish(ctx, pending); err != nil {
			return err
		}
	}
	if err := l.exec(ctx, "tidy after an earlier load", "DROP TABLE IF EXISTS "+l.newName()); err != nil {
		return err
	}
	return l.exec(ctx, "tidy after an earlier load", "DROP TABLE IF EXISTS "+l.oldName())
}

// finish brings a load that was killed around its commit to its end, or back to its beginning.
func (l *load) finish(ctx context.Context, pending string) error {
	waits, err := l.exists(ctx, fmt.Sprintf("_weir_new_%016x", l.hash()))
	if err != nil {
		return err
	}
	if waits {
		// It was not renamed. Servers without atomic renames may have stopped halfway: then the old table has to have its name again.
		there, err := l.exists(ctx, l.target.Table)
		if err != nil {
			return err
		}
		old, err := l.exists(ctx, fmt.Sprintf("_weir_old_%016x", l.hash()))
		if err != nil {
			return err
		}
		if !there && old {
			if err := l.exec(ctx, "give the old table its name again", "RENAME TABLE "+l.oldName()+" TO "+l.name()); err != nil {
				return err
			}
		}
		return l.exec(ctx, "forget what an earlier load was to be", "UPDATE "+l.quoted(loadsTable)+" SET pending = NULL WHERE destination = "+wire.Literal(l.target.Table))
	}
	if err := l.take(pending); err != nil {
		return err
	}
	l.text = pending
	return l.settled(ctx)
}

// settled makes the pending position the position.
func (l *load) settled(ctx context.Context) error {
	return l.exec(ctx, "store the position", "UPDATE "+l.quoted(loadsTable)+" SET position = pending, pending = NULL WHERE destination = "+wire.Literal(l.target.Table))
}

// writePosition writes a position, or with the column pending what it will be.
func (l *load) writePosition(ctx context.Context, column string, p sink.Position) error {
	p.Version = sink.PositionVersion
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	position := string(text)
	if column == "pending" {
		position = l.text
	}
	return l.exec(ctx, "store the position", fmt.Sprintf(`INSERT INTO %s (destination, lake_table, snapshot, run, loaded_rows, loaded_at, position%s) VALUES (%s, %s, %d, %s, %d, %s, %s%s)
		ON DUPLICATE KEY UPDATE lake_table = VALUES(lake_table), snapshot = VALUES(snapshot), run = VALUES(run), loaded_rows = VALUES(loaded_rows), loaded_at = VALUES(loaded_at), %s = VALUES(%s)`,
		l.quoted(loadsTable), only(column == "pending", ", pending"), wire.Literal(l.target.Table), wire.Literal(p.Table), p.Snapshot, wire.Literal(p.Run), p.Rows, wire.Literal(p.At.UTC().Format("2006-01-02 15:04:05.999999")),
		wire.Literal(position), only(column == "pending", ", "+wire.Literal(string(text))), column, column))
}

func only(when bool, text string) string {
	if when {
		return text
	}
	return ""
}

// rename puts the new table into the destination's place.
func (l *load) rename(ctx context.Context, p sink.Position) error {
	if err := l.writePosition(ctx, "pending", p); err != nil {
		return err
	}
	change := "RENAME TABLE " + l.newName() + " TO " + l.name()
	if l.there != nil {
		change = "RENAME TABLE " + l.name() + " TO " + l.oldName() + ", " + l.newName() + " TO " + l.name()
	}
	if err := l.exec(ctx, "put the new rows in their place", change); err != nil {
		return err
	}
	l.fresh = false
	if err := l.settled(ctx); err != nil {
		return err // the next load does it
	}
	if l.there != nil {
		// What is left of it the next load drops.
		_ = l.exec(ctx, "drop the old rows", "DROP TABLE IF EXISTS "+l.oldName())
	}
	return nil
}
