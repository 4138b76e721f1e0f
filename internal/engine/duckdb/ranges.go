package duckdb

import (
	"context"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
)

// cutSample is how many rows are looked at for each cut between ranges.
const cutSample = 200

// rangeName names the column that says which range a row belongs to. It does not get into the table's files.
const rangeName = "__weir_range"

// weight asks how much memory the rows of a query take, about: their fixed parts, and the text in them.
func (c *copying) weight(ctx context.Context, sel string, p job.Params) (rows, bytes int64, err error) {
	each, sum := int64(16), "" // its keys and pointers
	for _, col := range c.w.Columns {
		s := shapeOf(col.Type)
		each += s.width()
		switch name := job.Quote(col.Name); {
		case s.kind == "VARCHAR":
			sum += " + coalesce(sum(strlen(" + name + ")), 0)"
		case s.kind == "BLOB":
			sum += " + coalesce(sum(octet_length(" + name + ")), 0)"
		case len(s.fields) > 0:
			sum += " + 2 * coalesce(sum(strlen(CAST(" + name + " AS VARCHAR))), 0)"
		}
	}
	sum = fmt.Sprintf("count(*) * %d", each) + sum
	err = c.s.query(ctx, "SELECT count(*), CAST("+sum+" AS BIGINT) FROM ("+sel+")", p, -1, func(r []any) (err error) {
		if rows, err = whole(r[0]); err == nil {
			bytes, err = whole(r[1])
		}
		return err
	})
	return rows, bytes, err
}

// sortable is how many bytes of rows one statement sorts without running out of memory. With little memory it is what fits. With
// more it may be far larger: what a sort spills are pieces as large as memory, of which the merge holds an end each, so that
// four times the memory is enough for sixteen times the rows.
func (e *Engine) sortable() int64 {
	const little, end = 200 << 20, 40 << 20
	free, threads := e.sortMemory(), int64(e.opts.Threads)
	if free < threads*little {
		return e.unspilled()
	}
	return int64(float64(free) * float64(free) / float64(threads*end))
}

// unspilled is how many bytes of rows are sorted without spilling, which is cheapest.
func (e *Engine) unspilled() int64 { return e.sortMemory() / 4 * 3 }

// sortMemory is what a sort has beside the row groups that each thread reads and writes.
func (e *Engine) sortMemory() int64 {
	const thread = 32 << 20
	return max(e.opts.Memory-int64(e.opts.Threads)*thread, e.opts.Memory/4)
}

var orderTerm = regexp.MustCompile(`(?i)^("(?:[^"]|"")+"|[a-z_][a-z0-9_]*)(\s+(?:asc|desc))?(\s+nulls\s+(?:first|last))?$`)

// keyOf gives an expression whose values compare as rows do by order terms, and then by further expressions; "" where a term is
// more than a column.
func keyOf(terms []string, further ...string) string {
	var args []string
	for _, term := range terms {
		m := orderTerm.FindStringSubmatch(strings.TrimSpace(term))
		if m == nil {
			return ""
		}
		how := "ASC"
		if strings.EqualFold(strings.TrimSpace(m[2]), "desc") {
			how = "DESC"
		}
		if strings.HasSuffix(strings.ToLower(m[3]), "first") {
			how += " NULLS FIRST"
		} else {
			how += " NULLS LAST"
		}
		args = append(args, m[1], job.Literal(how))
	}
	for _, f := range further {
		args = append(args, f, "'ASC NULLS LAST'")
	}
	return "create_sort_key(" + strings.Join(args, ", ") + ")"
}

// ranges gives an expression that numbers n ranges of the sort order, which hold about as many rows each.
func (c *copying) ranges(ctx context.Context, sel string, n int) (string, error) {
	key := keyOf(c.w.Sort)
	cuts, err := c.cuts(ctx, key, sel, n)
	if err == nil && len(cuts) < n-1 {
		// Many rows are equal in order. Which of those comes first does not matter, so the rest of the row decides it.
		key = keyOf(c.w.Sort, "hash("+c.columns()+")")
		cuts, err = c.cuts(ctx, key, sel, n)
	}
	if err != nil {
		return "", err
	}
	return numbered(key, cuts, 0), nil
}

// numbered compares with the cut in the middle first: of many cuts, a row meets few.
func numbered(key string, cuts []string, first int) string {
	if len(cuts) == 0 {
		return strconv.Itoa(first)
	}
	mid := len(cuts) / 2
	return "CASE WHEN " + key + " < " + cuts[mid] + " THEN " + numbered(key, cuts[:mid], first) + " ELSE " + numbered(key, cuts[mid+1:], first+mid+1) + " END"
}

// cuts finds the keys that part rows into n ranges, about, as literals; fewer where many rows have one key.
func (c *copying) cuts(ctx context.Context, key, sel string, n int) ([]string, error) {
	sample := fmt.Sprintf("SELECT %s AS k FROM (%s) USING SAMPLE reservoir(%d ROWS)", key, sel, cutSample*n)
	var all []string
	err := c.s.query(ctx, "SELECT k FROM ("+sample+") ORDER BY k", nil, -1, func(r []any) error {
		switch k := r[0].(type) {
		case []byte:
			all = append(all, "unhex('"+hex.EncodeToString(k)+"')")
		case int64:
			all = append(all, strconv.FormatInt(k, 10))
		default:
			return fault.New(fault.Internal, "sort: a key is a %T", k)
		}
		return nil
	})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	var out []string
	for i := 1; i < n; i++ {
		at := all[i*len(all)/n]
		if at != all[0] && (len(out) == 0 || out[len(out)-1] != at) {
			out = append(out, at)
		}
	}
	return out, nil
}
