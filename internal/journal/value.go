package journal

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// maxText is how many bytes of one text are kept: a message may quote a record of any size.
const maxText = 16 << 10

// text takes the secrets out of a text (promise 9) and cuts it to a bearable length, in this order, so that no half
// secret is left at the cut.
func (j *Journal) text(s string) string {
	if j.Redact != nil {
		s = j.Redact(s)
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxText {
		return s
	}
	n := maxText
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// micros is a time in a column: whole microseconds, NULL for none.
type micros struct{ at *time.Time }

func stamp(t time.Time) micros { return micros{&t} }

// Value writes the time.
func (m micros) Value() (driver.Value, error) {
	if m.at.IsZero() {
		return nil, nil
	}
	return m.at.UnixMicro(), nil
}

// Scan reads the time, in UTC.
func (m micros) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*m.at = time.Time{}
	case int64:
		*m.at = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("%w: a time is a %T", ErrDamaged, src)
	}
	return nil
}

// document is a value in a column as JSON. to is a pointer.
type document struct{ to any }

// Value writes the JSON.
func (d document) Value() (driver.Value, error) {
	data, err := json.Marshal(d.to)
	return string(data), err
}

// Scan reads the JSON.
func (d document) Scan(src any) error {
	s, ok := src.(string)
	if !ok {
		return fmt.Errorf("%w: a document is a %T", ErrDamaged, src)
	}
	if err := json.Unmarshal([]byte(s), d.to); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

// now is the time of an event: UTC, whole microseconds.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
