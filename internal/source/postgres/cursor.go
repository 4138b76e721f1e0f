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
	Value   string   `json:"value"`
	Ties    []string `json:"ties,omitempty"`    // digests of rows, as the server computes them
	Keys    []string `json:"keys,omitempty"`    // the same of their primary keys, where there is one
	Columns []string `json:"columns,omitempty"` // what Ties are made of: names and types
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
	zoned  bool   // one that does not depend on a session's time zone
	from   *mark  // nil: from the beginning
	back   string // where to read again from, "" for from.Value
	after  string // condition that rows meet which were not read; "" without from
	more   bool   // there are such rows
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
	return c, s.news(ctx, c)
}

// news finds how rows that were not read are told from those that were, and whether there are any.
func (s *scan) news(ctx context.Context, c *cursor) (err error) {
	condition := ""
	if c.from != nil {
		if c.after, err = s.afterMark(c); err != nil {
			return err
		}
		condition = c.after
	}
	err = s.control.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM "+s.rel.quoted()+s.also(condition)+")").Scan(&c.more)
	if err != nil {
		return fmt.Errorf("look for rows after the cursor: %w", postgres.Classify(ctx, err))
	}
	return nil
}

// afterMark is the condition of rows that a position does not have. A table that has gained columns since is compared by those it had.
func (s *scan) afterMark(c *cursor) (string, error) {
	greater := c.column + " > " + c.literal(c.from.Value)
	if len(c.from.Ties) == 0 {
		return c.column + " >= " + c.literal(c.from.Value), nil
	}
	told, digests := digestOf(c.from.Columns), c.from.Ties
	if told == "" || !s.hasColumns(c.from.Columns) {
		if len(c.from.Keys) == 0 || len(s.rel.key) == 0 {
			return "", fault.New(fault.Data, "columns of %s have gone or changed, and rows with the cursor's last value %s cannot be told from those read", s.rel.shown(), c.from.Value).
				WithHint("weir run %s --full reads everything again; with a primary key rows are told apart by that", s.read.Table)
		}
		told, digests = s.keyDigest(), c.from.Keys
	}
	quoted := make([]string, len(digests))
	for i, d := range digests {
		quoted[i] = quoteLiteral(d)
	}
	return "(" + greater + " OR " + c.column + " = " + c.literal(c.from.Value) + " AND " + told + " NOT IN (" + strings.Join(quoted, ", ") + "))", nil
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

// digestOf is SQL that tells rows apart by columns, which are written as a mark has them: a quoted name and a type.
func digestOf(columns []string) string {
	if len(columns) == 0 {
		return ""
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i], _, _ = cutName(c)
	}
	return "left(md5(ROW(" + strings.Join(names, ", ") + ")::text), 20)"
}

// cutName parts a column of a mark: its quoted name and its type.
func cutName(column string) (name, typ string, ok bool) {
	for i := 1; i < len(column); i++ {
		if column[i] != '"' {
			continue
		}
		if i+1 < len(column) && column[i+1] == '"' {
			i++
			continue
		}
		return column[:i+1], strings.TrimPrefix(column[i+1:], " "), true
	}
	return column, "", false
}

// digested are the columns that rows are told apart by: those that are read, and the primary key's.
func (s *scan) digested() (out []string) {
	for _, a := range s.rel.columns {
		if slices.ContainsFunc(s.columns, func(c column) bool { return c.name == a.name }) || slices.Contains(s.rel.key, a.name) && a.allowed {
			out = append(out, postgres.Quote(a.name)+" "+a.shown)
		}
	}
	return out
}

// hasColumns says whether the table has columns of a mark as they were.
func (s *scan) hasColumns(columns []string) bool {
	for _, c := range columns {
		if !slices.ContainsFunc(s.rel.columns, func(a attribute) bool { return postgres.Quote(a.name)+" "+a.shown == c }) {
			return false
		}
	}
	return true
}

func (s *scan) keyDigest() string {
	names := make([]string, len(s.rel.key))
	for i, k := range s.rel.key {
		names[i] = postgres.Quote(k)
	}
	return digestOf(names)
}

// rowAlias names the row in queries.
const rowAlias = "weir_row"

// greatest finds the greatest value below a bound, "" for none.
func (s *scan) greatest(ctx context.Context, c *cursor, below string) (string, error) {
	condition := ""
	if below != "" {
		condition = c.column + " < " + below
	}
	var value *string
	err := s.control.QueryRow(ctx, "SELECT max("+c.column+")::text FROM "+s.rel.quoted()+s.also(condition)).Scan(&value)
	if err != nil {
		return "", fmt.Errorf("find the end of the cursor: %w", postgres.Classify(ctx, err))
	}
	if value == nil {
		return "", nil
	}
	return *value, nil
}

// literal is a value in the cursor's own type.
func (c *cursor) literal(value string) string { return quoteLiteral(value) + "::" + c.typ }

// settle fixes what is read inside the snapshot: rows up to the bound, those at it told apart. held says that the bound itself
// is not read.
func (s *scan) settle(ctx context.Context, bound string, held bool) (err error) {
	c := s.cursor
	if c.from != nil { // the columns may have changed since
		if c.after, err = s.afterMark(c); err != nil {
			return err
		}
		if s.reader.Lookback > 0 {
			c.back = fmt.Sprintf("(%s - interval '%d microseconds')", c.literal(c.from.Value), s.reader.Lookback.Microseconds())
		}
	}
	c.end = nil
	if held {
		if bound, err = s.greatest(ctx, c, c.literal(bound)); err != nil {
			return err
		}
	}
	if bound == "" {
		return nil
	}
	if c.from != nil {
		var before bool
		if err := s.control.QueryRow(ctx, "SELECT "+c.literal(bound)+" < "+c.literal(c.from.Value)).Scan(&before); err != nil {
			return fmt.Errorf("compare the end of the cursor: %w", postgres.Classify(ctx, err))
		}
		if before {
			return nil // a position never goes back
		}
	}
	// Rows at the bound that came since belong to transactions that began later; they are rows of this snapshot, too.
	m := mark{Value: bound, Columns: s.digested()}
	if err := s.ties(ctx, c, &m); err != nil {
		return err
	}
	c.end = &m
	return nil
}

// ties notes the rows with a mark's value.
func (s *scan) ties(ctx context.Context, c *cursor, m *mark) error {
	failed := func(err error) error {
		return fmt.Errorf("read the rows at the end of the cursor: %w", postgres.Classify(ctx, err))
	}
	key := "''"
	if len(s.rel.key) > 0 {
		key = s.keyDigest()
	}
	rows, err := s.control.Query(ctx, fmt.Sprintf("SELECT %s, %s FROM %s%s LIMIT %d", digestOf(m.Columns), key, s.rel.quoted(), s.also(c.column+" = "+c.literal(m.Value)), mostTies+1))
	if err != nil {
		return failed(err)
	}
	defer rows.Close()
	for rows.Next() {
		var row, key string
		if err := rows.Scan(&row, &key); err != nil {
			return failed(err)
		}
		if m.Ties = append(m.Ties, row); key != "" {
			m.Keys = append(m.Keys, key)
		}
	}
	if err := rows.Err(); err != nil {
		return failed(err)
	}
	if len(m.Ties) > mostTies {
		return fault.New(fault.Data, "more than %d rows of %s have the cursor's greatest value %s, and later ones could not be told from those read", mostTies, s.rel.shown(), m.Value).
			WithHint("take a finer cursor, or read the table whole: mode: replace without a cursor")
	}
	slices.Sort(m.Ties)
	slices.Sort(m.Keys)
	return nil
}

// condition selects the rows of the read; "" for all. It is asked once the end is settled.
func (c *cursor) condition() string {
	switch {
	case c == nil:
		return ""
	case c.end == nil:
		return "false"
	}
	upto := c.column + " <= " + c.literal(c.end.Value)
	switch {
	case c.from == nil:
		return upto
	case c.back != "":
		return c.column + " >= " + c.back + " AND " + upto
	}
	return c.after + " AND " + upto
}
