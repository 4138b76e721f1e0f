package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"weir/internal/job"
	"weir/internal/source"
)

// The engine's CSV reader counts records, where a person looks for a line: behind a quoted field with a line end in it the
// two part. It also says at which byte a record begins, and the lines before that are counted here, once the read is done
// and only where something was rejected.

// maxPlaced is how many rejects of a branch get the line of their text; more keep the number of their record.
const maxPlaced = 1_000_000

// lineTable is the table of a branch's lines: where a reject's record begins, and in which line that is.
func lineTable(tables string) string { return tables + "_l" }

// settleLines makes the branch's table of lines.
func (m *maker) settleLines(ctx context.Context, b *branch, tables string) error {
	if err := m.e.Exec(ctx, "CREATE OR REPLACE TABLE "+lineTable(tables)+` (path VARCHAR, "at" BIGINT, line BIGINT)`); err != nil {
		return err
	}
	if b.head.encoding != "" && b.head.encoding != "utf-8" {
		return nil // the engine's offsets are those of another text
	}
	rows, err := m.e.Strings(ctx, fmt.Sprintf(`SELECT DISTINCT s.file_path, CAST(e.line_byte_position AS BIGINT) AS "at" FROM %s_e AS e JOIN %s_s AS s USING (scan_id, file_id) ORDER BY s.file_path, "at" LIMIT %d`,
		tables, tables, maxPlaced+1))
	if err != nil || len(rows) > maxPlaced {
		return err
	}
	for len(rows) > 0 {
		path := rows[0][0].Value
		n := 1
		for n < len(rows) && rows[n][0].Value == path {
			n++
		}
		if err := m.placeRejects(ctx, b, tables, path, rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// placeRejects finds the lines of one file's rejects; each row is a path and an offset, which the engine counts from 1.
func (m *maker) placeRejects(ctx context.Context, b *branch, tables, path string, rows [][]source.Text) error {
	var file *split
	for _, n := range b.splits {
		if n.path == path {
			file = n
		}
	}
	if file == nil {
		return nil
	}
	r, err := openPlain(file.path, file.compression)
	if err != nil {
		return readFault(file.name, err)
	}
	defer r.Close()
	c := lineCounter{r: r, buf: make([]byte, 256<<10)}
	const batch = 1000
	var values []string
	flush := func() error {
		if len(values) == 0 {
			return nil
		}
		err := m.e.Exec(ctx, "INSERT INTO "+lineTable(tables)+" VALUES "+strings.Join(values, ", "))
		values = values[:0]
		return err
	}
	for _, row := range rows {
		var offset int64
		if _, err := fmt.Sscan(row[1].Value, &offset); err != nil {
			continue // the engine does not know where it is
		}
		line, err := c.at(offset - 1)
		if err != nil {
			return readFault(file.name, err)
		}
		values = append(values, fmt.Sprintf("(%s, %d, %d)", job.Literal(path), offset, line))
		if len(values) == batch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// lineCounter counts the lines of a text up to offsets that only grow.
type lineCounter struct {
	r      io.Reader
	buf    []byte
	part   []byte // of buf, not counted yet
	offset int64
	feeds  int64 // line feeds before offset
	lone   int64 // carriage returns before offset
}

// at is the number of the line that holds the byte at an offset, or the first character behind line ends there.
func (c *lineCounter) at(offset int64) (int64, error) {
	for {
		n := min(int64(len(c.part)), offset-c.offset)
		c.feeds += int64(bytes.Count(c.part[:n], []byte{'\n'}))
		c.lone += int64(bytes.Count(c.part[:n], []byte{'\r'}))
		c.part, c.offset = c.part[n:], c.offset+n
		if c.offset == offset {
			return c.line(), nil
		}
		got, err := c.r.Read(c.buf)
		c.part = c.buf[:got]
		if got == 0 && err != nil {
			if errors.Is(err, io.EOF) {
				return c.line(), nil
			}
			return 0, err
		}
	}
}

// line is the number of the line at the offset. The engine's record may begin with the line ends before it.
func (c *lineCounter) line() int64 {
	line := 1 + c.feeds
	if c.feeds == 0 {
		line += c.lone
	}
	for _, b := range c.part {
		if b != '\n' && b != '\r' {
			break
		}
		if b == '\n' {
			line++
		}
	}
	return line
}
