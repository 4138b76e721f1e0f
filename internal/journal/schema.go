package journal

import (
	"context"
	"database/sql"
	"fmt"
)

// applicationID marks the file as a journal: "Weir" in ASCII, in SQLite's header.
const applicationID = 0x57656972

// migrations lead from each version of the schema to the next; a file's user_version is how many it has had. Entries
// are only ever added. Times are whole microseconds since the epoch, UTC; NULL is no time.
func migrations() []string {
	return []string{`
CREATE TABLE runs (
	id        TEXT PRIMARY KEY,
	number    INTEGER NOT NULL, -- not unique: a lost journal may have counted further than the lake can tell
	project   TEXT NOT NULL,
	env       TEXT NOT NULL,
	selection TEXT NOT NULL,
	time      INTEGER,
	started   INTEGER,
	ended     INTEGER,
	status    TEXT NOT NULL,
	pid       INTEGER NOT NULL,
	host      TEXT NOT NULL,
	process   TEXT NOT NULL,
	retry     TEXT NOT NULL,
	error     TEXT NOT NULL
) STRICT;
CREATE INDEX runs_number ON runs (number);
CREATE INDEX runs_status ON runs (status) WHERE status = 'running';

CREATE TABLE builds (
	seq             INTEGER PRIMARY KEY,
	run             TEXT NOT NULL REFERENCES runs (id),
	tbl             TEXT NOT NULL,
	attempt         INTEGER NOT NULL,
	status          TEXT NOT NULL,
	mode            TEXT NOT NULL,
	started         INTEGER,
	ended           INTEGER,
	counts          TEXT NOT NULL, -- JSON
	bytes_read      INTEGER NOT NULL,
	bytes_written   INTEGER NOT NULL,
	peak_memory     INTEGER NOT NULL,
	snapshot_before INTEGER NOT NULL,
	snapshot        INTEGER NOT NULL,
	inputs          TEXT NOT NULL, -- JSON
	files           INTEGER NOT NULL,
	class           TEXT NOT NULL,
	error           TEXT NOT NULL,
	hint            TEXT NOT NULL,
	why             TEXT NOT NULL,
	rejects         TEXT NOT NULL,
	definition      TEXT NOT NULL,
	UNIQUE (run, tbl, attempt)
) STRICT;
CREATE INDEX builds_table ON builds (tbl, ended);

CREATE TABLE events (
	seq     INTEGER PRIMARY KEY,
	run     TEXT NOT NULL REFERENCES runs (id),
	tbl     TEXT NOT NULL,
	kind    TEXT NOT NULL,
	message TEXT NOT NULL,
	at      INTEGER
) STRICT;
CREATE INDEX events_run ON events (run);

CREATE TABLE rules (
	seq     INTEGER PRIMARY KEY,
	run     TEXT NOT NULL REFERENCES runs (id),
	tbl     TEXT NOT NULL,
	rule    TEXT NOT NULL,
	on_fail TEXT NOT NULL,
	passed  INTEGER NOT NULL,
	failed  INTEGER NOT NULL,
	total   INTEGER NOT NULL,
	reason  TEXT NOT NULL,
	metrics TEXT NOT NULL -- JSON
) STRICT;
CREATE INDEX rules_run ON rules (run, tbl);
`, `
ALTER TABLE rules ADD COLUMN part TEXT NOT NULL DEFAULT '';
`, `
CREATE TABLE publishes (
	seq             INTEGER PRIMARY KEY,
	run             TEXT NOT NULL REFERENCES runs (id),
	tbl             TEXT NOT NULL,
	destination     TEXT NOT NULL,
	attempt         INTEGER NOT NULL,
	status          TEXT NOT NULL,
	mode            TEXT NOT NULL,
	started         INTEGER,
	ended           INTEGER,
	snapshot_before INTEGER NOT NULL,
	snapshot        INTEGER NOT NULL,
	whole           INTEGER NOT NULL,
	brought         INTEGER NOT NULL,
	written         INTEGER NOT NULL,
	deleted         INTEGER NOT NULL,
	refused         INTEGER NOT NULL,
	bytes           INTEGER NOT NULL,
	class           TEXT NOT NULL,
	error           TEXT NOT NULL,
	hint            TEXT NOT NULL,
	why             TEXT NOT NULL,
	rejects         TEXT NOT NULL,
	UNIQUE (run, tbl, destination, attempt)
) STRICT;
CREATE INDEX publishes_table ON publishes (tbl, ended);
`, `
CREATE TABLE states (
	tbl       TEXT NOT NULL,
	columns   TEXT NOT NULL,
	file      TEXT NOT NULL,
	aggregate TEXT NOT NULL,
	value     REAL, -- NULL: no value, or one that is no number, as the next says
	special   TEXT NOT NULL,
	PRIMARY KEY (tbl, file, aggregate)
) STRICT, WITHOUT ROWID;
`}
}

// prepare checks the file and brings its schema up to this version. A file that is something else is not touched.
func (j *Journal) prepare(ctx context.Context) error {
	have, err := version(ctx, j.db)
	if err == nil {
		err = j.check(ctx)
	}
	if err != nil {
		return unreadable(err)
	}
	// Readers and a writer do not wait for each other. The file remembers the mode.
	if _, err := j.db.ExecContext(ctx, `PRAGMA journal_mode = WAL`); err != nil {
		return err
	}
	if have < len(migrations()) {
		if err := j.write(ctx, "prepare", func(tx *sql.Tx) error { return migrate(ctx, tx, migrations()) }); err != nil {
			return err
		}
	}
	return unreadable(j.checkShape(ctx))
}

// migrate applies the missing migrations in one transaction, so that a killed process leaves the version before or the
// version after. Another process may have been first.
func migrate(ctx context.Context, tx *sql.Tx, all []string) error {
	have, err := version(ctx, tx)
	if err != nil {
		return err
	}
	for _, step := range all[have:] {
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return err
		}
	}
	// A pragma takes no parameters.
	_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, len(all)))
	return err
}
