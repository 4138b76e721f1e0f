package mysql

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"

	"weir/internal/fault"
	"weir/internal/mysql/wire"
)

// mark is a position by cursor: everything up to Value was read and, of the rows whose cursor is just Value, those in Ties.
type mark struct {
	Value string   `json:"value"`
	Ties  []string `json:"ties,omitempty"` // digests of rows as they come
}

func (m mark) String() string {
	b, _ := json.Marshal(m)
	return string(b)
}

// mostTies is how many rows with one cursor value a position can tell apart.
const mostTies = 10_000

// cursor is a read of the rows after a mark. Its end is a value below which no transaction can still bring rows: a plain
// "greater than the last" would miss those of a transaction that took its time or its number early and commits late.
type cursor struct {
	name   string
	column string // quoted
	number bool
	zoned  bool  // TIMESTAMP, which is one moment wherever it was written
	from   *mark // nil: from the beginning
	back   string
	seen   mark  // the greatest value there is, and its rows, when the scan began
	end    *mark // what is read up to; nil until fixed
}

// beginCursor looks at how far the cursor goes.
func (s *scan) beginCursor(ctx context.Context) (*cursor, error) {
	d, ok := s.rel.column(s.reader.cursor)
	if !ok {
		return nil, fault.New(fault.Usage, "cursor: column %q is not in %s", s.reader.cursor, s.rel.shown())
	}
	c := &cursor{name: d.Name, column: wire.Name(d.Name), zoned: d.DataType == "timestamp"}
	switch d.DataType {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "decimal":
		c.number = true
	case "date", "datetime", "timestamp":
	default:
		return nil, fault.New(fault.Usage, "cursor: column %q is %s; a cursor is a number, a date or a timestamp that grows", d.Name, d.Type)
	}
	if s.reader.Lookback > 0 && c.number {
		return nil, fault.New(fault.Usage, "lookback: column %q is %s; only a point in time can be looked back from", d.Name, d.Type)
	}
	s.cursor = c
	if d.Nullable {
		if err := s.noNulls(ctx); err != nil {
			return nil, err
		}
	}
	if text, ok := s.read.From[s.rel.shown()]; ok && !s.read.Full {
		c.from = &mark{}
		if err := json.Unmarshal([]byte(text), c.from); err != nil || !c.valid(c.from.Value) {
			return nil, fault.New(fault.Data, "the position of %s is not one of a cursor: %s", s.read.Table, text).
				WithHint("weir run %s --full reads everything again", s.read.Table)
		}
	}
	var err error
	c.seen, err = s.greatest(ctx, "")
	return c, err
}

// noNulls refuses a cursor that rows are without: they would never be read.
func (s *scan) noNulls(ctx context.Context) error {
	rows, err := s.conn.Strings(ctx, "SELECT 1 FROM "+s.rel.quoted()+s.also(s.cursor.column+" IS NULL")+" LIMIT 1")
	if err != nil {
		return fmt.Errorf("look for nulls of the cursor: %w", err)
	}
	if len(rows) > 0 {
		return fault.New(fault.Data, "cursor: column %s is null in some rows of %s, and they would never be read", s.cursor.name, s.rel.shown()).
			WithHint("give them a value at the source, or leave them out: where: %s is not null", s.cursor.name)
	}
	return nil
}

// greatest finds the greatest value, below a bound where there is one, and the rows that have it.
func (s *scan) greatest(ctx context.Context, below string) (m mark, err error) {
	condition := ""
	if below != "" {
		condition = s.cursor.column + " < " + below
	}
	rows, err := s.conn.Strings(ctx, "SELECT max("+s.cursor.column+") FROM "+s.rel.quoted()+s.also(condition))
	if err != nil {
		return m, fmt.Errorf("find the end of the cursor: %w", err)
	}
	if !rows[0][0].Valid {
		return m, nil
	}
	m.Value = rows[0][0].Value
	m.Ties, err = s.ties(ctx, m.Value)
	return m, err
}

var (
	numberForm = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
	timeForm   = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9:.]+)?$`)
)

func (c *cursor) valid(value string) bool {
	return value == "" || c.number && numberForm.MatchString(value) || !c.number && timeForm.MatchString(value)
}

// literal writes a value. A number in quotes would be compared as a DOUBLE, which has not all its digits.
func (c *cursor) literal(value string) string {
	if c.number {
		return value
	}
	return wire.Literal(value)
}

// moved says whether there may be rows that were not read.
func (c *cursor) moved() bool {
	return c.from == nil || c.seen.Value != c.from.Value || !slices.Equal(c.seen.Ties, c.from.Ties)
}

// settle fixes what is read inside the snapshot: rows up to the bound, those at it told apart.
func (s *scan) settle(ctx context.Context, bound string) (err error) {
	c := s.cursor
	var m mark
	switch {
	case bound == "":
	case bound == c.seen.Value:
		// Rows at the bound that came since belong to transactions that began later; they are rows of this snapshot, too.
		m.Value = bound
		m.Ties, err = s.ties(ctx, bound)
	default:
		m, err = s.greatest(ctx, c.literal(bound))
	}
	if err != nil {
		return err
	}
	if c.end = &m; m.Value == "" {
		c.end = c.from
	}
	if s.reader.Lookback > 0 && c.from != nil && c.from.Value != "" {
		c.back = fmt.Sprintf("%s - INTERVAL %d MICROSECOND", c.literal(c.from.Value), s.reader.Lookback.Microseconds())
	}
	return nil
}

// ties are the rows with one value.
func (s *scan) ties(ctx context.Context, value string) ([]string, error) {
	rows, err := s.conn.Query(ctx, s.selectWhere(s.cursor.column+" = "+s.cursor.literal(value))+fmt.Sprintf(" LIMIT %d", mostTies+1))
	if err != nil {
		return nil, fmt.Errorf("read the rows at the end of the cursor: %w", err)
	}
	defer rows.Close()
	var out []string
	for {
		row, err := rows.Next()
		if err == io.EOF {
			break
		} else if over, ok := err.(*wire.Oversize); ok {
			out = append(out, digest(over.Head)) // told apart by its beginning, which is all that is ever seen of it
		} else if err != nil {
			return nil, fmt.Errorf("read the rows at the end of the cursor: %w", err)
		} else {
			out = append(out, digest(row))
		}
	}
	if len(out) > mostTies {
		return nil, fault.New(fault.Data, "more than %d rows of %s have the cursor's greatest value %s, and later ones could not be told from those read", mostTies, s.rel.shown(), value).
			WithHint("take a finer cursor, or read the table whole: mode: replace without a cursor")
	}
	slices.Sort(out)
	return out, nil
}

// digest tells rows apart.
func digest(row []byte) string {
	sum := sha256.Sum256(row)
	return hex.EncodeToString(sum[:16])
}

// read says whether a row at the beginning of the read was read before.
func (c *cursor) read(value, row []byte) bool {
	return c != nil && c.from != nil && string(value) == c.from.Value && c.had(row)
}

// had says whether a row, or the beginning of one that is too large, is among those read before at the mark.
func (c *cursor) had(row []byte) bool {
	if c == nil || c.from == nil || c.back != "" {
		return false
	}
	_, found := slices.BinarySearch(c.from.Ties, digest(row))
	return found
}

// condition selects the rows of the read, and of those at its beginning also the ones read before; "" for all. It is asked once
// the end is settled.
func (c *cursor) condition() string {
	if c == nil {
		return ""
	}
	if c.end == nil || c.end.Value == "" {
		return "false"
	}
	upto := c.column + " <= " + c.literal(c.end.Value)
	switch {
	case c.from == nil || c.from.Value == "":
		return upto
	case c.back != "":
		return c.column + " >= " + c.back + " AND " + upto
	}
	return c.column + " >= " + c.literal(c.from.Value) + " AND " + upto
}
