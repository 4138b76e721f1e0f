package duckdb

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"weir/internal/fault"
	"weir/internal/job"
)

// View makes a query readable under a table's dotted name in this session, replacing what had the name before.
//
// DuckDB reads a.b.c as table c in schema b of catalog a, and catalogs are shared by all sessions. So a table whose name
// has three parts or more stands in a schema named a·b, and every statement of the session that names it is rewritten:
// same number of characters, so that places in errors stay right.
func (s *Session) View(ctx context.Context, name, sql string) error {
	quoted, err := s.place(ctx, name)
	if err != nil {
		return fmt.Errorf("make view %s: %w", name, err)
	}
	if err := s.view(ctx, quoted, sql); err != nil {
		return fmt.Errorf("make view %s: %w", name, err)
	}
	s.remember(name)
	return nil
}

// Table makes an empty table under a dotted name, so that a bound plan (PlanJSON) tells it by its name. It replaces no view of
// that name.
func (s *Session) Table(ctx context.Context, name string, cols []job.Column) error {
	quoted, err := s.place(ctx, name)
	if err != nil {
		return fmt.Errorf("make table %s: %w", name, err)
	}
	items := make([]string, len(cols))
	for i, c := range cols {
		items[i] = job.Quote(c.Name) + " " + c.Type
	}
	if err := s.Exec(ctx, "CREATE OR REPLACE TABLE "+quoted+" ("+strings.Join(items, ", ")+")"); err != nil {
		return fmt.Errorf("make table %s: %w", name, err)
	}
	s.remember(name)
	return nil
}

// place makes the schema for a dotted name and gives the name as the session writes it.
func (s *Session) place(ctx context.Context, name string) (quoted string, err error) {
	parts := strings.Split(name, ".")
	for _, p := range parts {
		if p == "" {
			return "", fault.New(fault.Usage, "%q is not a table name", name)
		}
	}
	schema, table := "main", parts[len(parts)-1]
	if len(parts) > 1 {
		schema = strings.Join(parts[:len(parts)-1], joint)
	}
	if reserved(schema) && len(parts) > 1 {
		return "", fault.New(fault.Usage, "DuckDB has a catalog of its own named %s", schema).
			WithHint("give the folder tables/%s another name", schema)
	}
	if fold := strings.ToLower(schema); !s.schemas[fold] {
		if err := s.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+job.Quote(schema)); err != nil {
			return "", err
		}
		s.schemas[fold] = true
	}
	return job.Quote(schema) + "." + job.Quote(table), nil
}

// remember notes a name that DuckDB cannot say.
func (s *Session) remember(name string) {
	if parts := strings.Split(name, "."); len(parts) > 2 {
		s.deep = append(s.deep, deepName{parts: parts})
	}
}

func (s *Session) view(ctx context.Context, quoted, sql string) error {
	end, err := s.begin()
	if err != nil {
		return err
	}
	defer end()
	create := "CREATE OR REPLACE VIEW " + quoted + " AS "
	sql = s.resolve(sql)
	_, err = s.conn.ExecContext(ctx, create+sql, nil)
	return classify(ctx, err, len(create), sql)
}

// reserved says whether a schema would be hidden by a catalog DuckDB always has.
func reserved(schema string) bool {
	switch strings.ToLower(schema) {
	case "memory", "system", "temp", "pg_catalog", "information_schema":
		return true
	}
	return false
}

const joint = "·"

// deepName is a table's name of three parts or more.
type deepName struct{ parts []string }

// resolve rewrites the deep names in a statement to what they are called in the session.
func (s *Session) resolve(sql string) string {
	if len(s.deep) == 0 {
		return sql
	}
	var b strings.Builder
	for i := 0; i < len(sql); {
		if n := opaque(sql[i:]); n > 0 {
			b.WriteString(sql[i : i+n])
			i += n
			continue
		}
		chain, n := dotted(sql[i:])
		if n == 0 {
			_, size := utf8.DecodeRuneInString(sql[i:])
			b.WriteString(sql[i : i+size])
			i += size
			continue
		}
		b.WriteString(s.rewritten(chain, sql[i:i+n]))
		i += n
	}
	return b.String()
}

// rewritten gives a dotted name as the session knows it, in as many characters as it had.
func (s *Session) rewritten(chain []part, text string) string {
	for _, d := range s.deep {
		n := len(d.parts)
		if !d.heads(chain) {
			continue
		}
		head := text[:chain[n-2].end]
		names := make([]string, n-1)
		for i := range names {
			names[i] = chain[i].name
		}
		short := job.Quote(strings.Join(names, joint))
		if !strings.ContainsAny(head, "\" \t\n") {
			short = strings.Join(names, joint)
		}
		pad := utf8.RuneCountInString(head) - utf8.RuneCountInString(short)
		return short + strings.Repeat(" ", max(0, pad)) + text[len(head):]
	}
	return text
}

// heads says whether a dotted name begins with the table's name. Case does not count, as in DuckDB.
func (d deepName) heads(chain []part) bool {
	if len(chain) < len(d.parts) {
		return false
	}
	for i, p := range d.parts {
		if !strings.EqualFold(chain[i].name, p) {
			return false
		}
	}
	return true
}

// part is one name of a dotted chain; end is where it stops in the text.
type part struct {
	name string
	end  int
}

// dotted reads the dotted name a text begins with; n is its length, 0 where there is none.
func dotted(s string) (chain []part, n int) {
	for {
		name, size := identifier(s[n:])
		if size == 0 {
			return chain, chainEnd(chain)
		}
		n += size
		chain = append(chain, part{name: name, end: n})
		gap := len(s[n:]) - len(strings.TrimLeft(s[n:], " \t\r\n"))
		if n+gap >= len(s) || s[n+gap] != '.' {
			return chain, n
		}
		n += gap + 1
		n += len(s[n:]) - len(strings.TrimLeft(s[n:], " \t\r\n"))
	}
}

func chainEnd(chain []part) int {
	if len(chain) == 0 {
		return 0
	}
	return chain[len(chain)-1].end
}

// identifier reads the plain or quoted name, or the number, a text begins with.
func identifier(s string) (name string, n int) {
	if strings.HasPrefix(s, `"`) {
		for n = 1; n < len(s); n++ {
			if s[n] != '"' {
				continue
			}
			if n+1 < len(s) && s[n+1] == '"' {
				n++
				continue
			}
			return strings.ReplaceAll(s[1:n], `""`, `"`), n + 1
		}
		return "", 0
	}
	for n < len(s) && wordByte(s[n]) {
		n++
	}
	return s[:n], n
}

func wordByte(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// opaque is the length of the string, comment or dollar-quoted text that starts here, 0 where none does.
func opaque(s string) int {
	switch {
	case strings.HasPrefix(s, "'"):
		return until(s, 1, "'")
	case strings.HasPrefix(s, "--"):
		return until(s, 2, "\n")
	case strings.HasPrefix(s, "/*"):
		return until(s, 2, "*/")
	case strings.HasPrefix(s, "$"):
		n := 1
		for n < len(s) && s[n] != '$' && wordByte(s[n]) {
			n++
		}
		if n < len(s) && s[n] == '$' && !(n > 1 && s[1] >= '0' && s[1] <= '9') {
			return until(s, n+1, s[:n+1])
		}
	}
	return 0
}

func until(s string, from int, end string) int {
	if at := strings.Index(s[from:], end); at >= 0 {
		return from + at + len(end)
	}
	return len(s)
}
