package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"weir/internal/fault"
	"weir/internal/postgres"
)

// mark is a position by cursor: everything up to Value was read and, of the rows whose cursor is just Value, those in Ties.
type mark struct {
	Value string   `json:"value"`
	Ties  []string `json:"ties,omitempty"` // digests of rows, as the server computes them
}

func (m mark) String() string {
	b, _ := json.Marshal(m)
	return string(b)
}

// mostTies is how many rows with one cursor value a position can tell apart.
const mostTies = 10_000

// cursor is a read of the rows after a mark. Its end is a value below which no transaction can still bring rows: a plain
// "greater than the last" would miss those of a transaction that took its timestamp or its number early and commits late.
type cursor struct {
	column string // quoted
	typ    string // as the server prints it
	timely bool   // a point in time
	zoned  bool   // a point in time that the server's clock can be compared with
	sees   bool   // the role may see when transactions of others began
	from   *mark  // nil: from the beginning
	back   string // where to read again from, "" for from.Value
	seen   mark   // the greatest value there is, and its rows, when the scan began
	end    *mark  // what is read up to; nil until fixed
}

// beginCursor looks at how far the cursor goes.
func (s *scan) beginCursor(ctx context.Context) (*cursor, error) {
	a, ok := s.rel.attribute(s.reader.cursor)
	if !ok {
		return nil, fault.New(fault.Usage, "cursor: column %q is not in %s", s.reader.cursor, s.rel.shown())
	}
	c := &cursor{column: postgres.Quote(a.name), typ: a.shown}
	switch a.typ {
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.NumericOID:
	case pgtype.TimestampOID, pgtype.TimestamptzOID, pgtype.DateOID:
		c.timely, c.zoned = true, a.typ == pgtype.TimestamptzOID
	default:
		return nil, fault.New(fault.Usage, "cursor: column %q is %s; a cursor is a number, a date or a timestamp that grows", a.name, a.shown)
	}
	if s.reader.Lookback > 0 && !c.timely {
		return nil, fault.New(fault.Usage, "lookback: column %q is %s; only a point in time can be looked back from", a.name, a.shown)
	}
	if !a.required {
		if err := s.noNulls(ctx, c); err != nil {
			return nil, err
		}
	}
	if text, ok := s.read.From[s.rel.shown()]; ok && !s.read.Full {
		c.from = &mark{}
		if err := json.Unmarshal([]byte(text), c.from); err != nil {
			return nil, fault.New(fault.Data, "the position of %s is not one of a cursor: %s", s.read.Table, text).
				WithHint("weir run %s --full reads everything again", s.read.Table)
		}
	}
	var err error
	c.seen, err = s.greatest(ctx, c, "")
	return c, err
}

// noNulls refuses a cursor that rows are without: they would never be read.
func (s *scan) noNulls(ctx context.Context, c *cursor) error {
	var any bool
	err := s.control.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM "+s.rel.quoted()+s.also(c.column+" IS NULL")+")").Scan(&any)
	if err != nil {
		return fmt.Errorf("look for nulls of the cursor: %w", postgres.Classify(ctx, err))
	}
	if any {
		return fault.New(fault.Data, "cursor: column %s is null in some rows of %s, and they would never be read", c.column, s.rel.shown()).
			WithHint("give them a value at the source, or leave them out: where: %s is not null", c.column)
	}
	return nil
}

// also writes WHERE with the table's own condition and further ones.
func (s *scan) also(conditions ...string) string {
	all := append([]string{parenthesized(s.reader.Where)}, conditions...)
	all = slices.DeleteFunc(all, func(c string) bool { return c == "" })
	if len(all) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(all, " AND ")
}

// digest tells rows apart on the server.
const digest = "md5(" + rowAlias + "::text)"

// rowAlias names the row in queries; a column of that name would hide it.
const rowAlias = "weir_row"

// greatest finds the greatest value below a bound and the rows that have it.
func (s *scan) greatest(ctx context.Context, c *cursor, below string) (mark, error) {
	var m mark
	condition := ""
	if below != "" {
		condition = c.column + " < " + below
	}
	var value *string
	err := s.control.QueryRow(ctx, "SELECT max("+c.column+")::text FROM "+s.rel.quoted()+s.also(condition)).Scan(&value)
	if err != nil {
		return m, fmt.Errorf("find the end of the cursor: %w", postgres.Classify(ctx, err))
	}
	if value == nil {
		return m, nil
	}
	m.Value = *value
	m.Ties, err = s.ties(ctx, c, m.Value)
	return m, err
}

func (c *cursor) literal(value string) string { return quoteLiteral(value) + "::" + c.typ }

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
		m.Ties, err = s.ties(ctx, c, bound)
	default:
		m, err = s.greatest(ctx, c, c.literal(bound))
	}
	if err != nil {
		return err
	}
	if c.end = &m; m.Value == "" {
		c.end = c.from
	}
	if s.reader.Lookback > 0 && c.from != nil {
		c.back = fmt.Sprintf("(%s - interval '%d microseconds')", c.literal(c.from.Value), s.reader.Lookback.Microseconds())
	}
	return nil
}

// ties are the rows with one value.
func (s *scan) ties(ctx context.Context, c *cursor, value string) ([]string, error) {
	rows, err := s.control.Query(ctx, "SELECT "+digest+" FROM (SELECT * FROM "+s.rel.quoted()+s.also(c.column+" = "+c.literal(value))+fmt.Sprintf(" LIMIT %d) AS ", mostTies+1)+rowAlias)
	if err != nil {
		return nil, fmt.Errorf("read the rows at the end of the cursor: %w", postgres.Classify(ctx, err))
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var d string
		if err := rows.Scan(&d); err != nil {
			return nil, fmt.Errorf("read the rows at the end of the cursor: %w", postgres.Classify(ctx, err))
		}
		out = append(out, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the rows at the end of the cursor: %w", postgres.Classify(ctx, err))
	}
	if len(out) > mostTies {
		return nil, fault.New(fault.Data, "more than %d rows of %s have the cursor's greatest value %s, and later ones could not be told from those read", mostTies, s.rel.shown(), value).
			WithHint("take a finer cursor, or read the table whole: mode: replace without a cursor")
	}
	slices.Sort(out)
	return out, nil
}

// condition selects the rows of the read; "" for all. It is asked once the end is settled.
func (c *cursor) condition() string {
	if c == nil {
		return ""
	}
	if c.end == nil {
		return "false"
	}
	upto := c.column + " <= " + c.literal(c.end.Value)
	switch {
	case c.from == nil:
		return upto
	case c.back != "":
		return c.column + " >= " + c.back + " AND " + upto
	}
	after := c.column + " > " + c.literal(c.from.Value)
	if len(c.from.Ties) > 0 {
		quoted := make([]string, len(c.from.Ties))
		for i, d := range c.from.Ties {
			quoted[i] = quoteLiteral(d)
		}
		after = "(" + after + " OR " + c.column + " = " + c.literal(c.from.Value) + " AND " + digest + " NOT IN (" + strings.Join(quoted, ", ") + "))"
	} else {
		after = c.column + " >= " + c.literal(c.from.Value)
	}
	return after + " AND " + upto
}
