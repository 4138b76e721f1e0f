package model

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"weir/internal/job"
)

// Bind writes parameters into a view's SQL as typed literals, of the types the engine binds. A view cannot hold a bound
// parameter; everywhere else parameters are bound by the engine. Strings, quoted names and comments are left alone, and so
// are names without a value.
func Bind(sql string, p job.Params) string {
	var b strings.Builder
	last := 0
	for _, t := range scan(sql) {
		if t.kind != word || sql[t.start] != '$' {
			continue
		}
		v, ok := valueOf(p, sql[t.start+1:t.end])
		if !ok {
			continue
		}
		b.WriteString(sql[last:t.start])
		b.WriteString(literal(v))
		last = t.end
	}
	b.WriteString(sql[last:])
	return b.String()
}

// Spelled is a value as it is written in SQL, of a type that parameters have not: DATE '2026-03-01'. It is never a person's text.
type Spelled string

// valueOf finds a parameter. Case does not count, as in DuckDB.
func valueOf(p job.Params, name string) (any, bool) {
	if v, ok := p[name]; ok {
		return v, true
	}
	for k, v := range p {
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return nil, false
}

// literal is in brackets of its own wherever it could run into what stands before it: -$n with n = -5 must not become --5.
func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case Spelled:
		return "(" + string(v) + ")"
	case string:
		return job.Literal(v)
	case int64:
		return "CAST(" + strconv.FormatInt(v, 10) + " AS BIGINT)"
	case float64:
		return "CAST('" + strconv.FormatFloat(v, 'g', -1, 64) + "' AS DOUBLE)"
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		return "TIMESTAMPTZ " + job.Literal(v.UTC().Format("2006-01-02 15:04:05.999999")+"+00")
	}
	return job.Literal(fmt.Sprint(v))
}
