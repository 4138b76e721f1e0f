package postgres

import (
	"crypto/sha256"
	"encoding/hex"

	"weir/internal/fault"
	"weir/internal/record"
)

// mostRejects is how many rows a read turns away before it stops: they are held in memory until it ends.
const mostRejects = 100_000

func (d *decoder) turnAway(column, reason, raw string) error {
	s := d.rows.scan
	sum := sha256.Sum256([]byte(s.rel.shown() + "\x00" + raw))
	d.rows.mu.Lock()
	defer d.rows.mu.Unlock()
	if len(d.rows.rejects) >= mostRejects {
		return fault.New(fault.Data, "more than %d rows of %s do not fit; the last: %s %s", mostRejects, s.rel.shown(), column, reason)
	}
	d.rows.rejects = append(d.rows.rejects, record.Reject{ID: hex.EncodeToString(sum[:16]), Kind: record.KindReject,
		Dataset: s.rel.shown(), Offset: -1, Column: column, Reason: column + " " + reason, Raw: raw})
	return nil
}
