package binlog

import (
	"encoding/hex"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"weir/internal/job"
	"weir/internal/record"
	"weir/internal/source/mysql/value"
)

// Text writes a column's value for a person: as a query shows it; what has no text as \x and its bytes in the log.
func (m *Image) Text(column int, c value.Column) string {
	v := m.values[column]
	c.Zero = value.TextZero
	pool := record.NewPool()
	defer pool.Close()
	b, err := record.NewBuilder([]job.Column{c.Lake()}, pool)
	if err != nil {
		return `\x` + hex.EncodeToString(v)
	}
	defer b.Release()
	cell := value.NewCell(c, &b.Columns[0], 0)
	if m.table.Columns[column].put(&cell, v) != value.OK {
		return `\x` + hex.EncodeToString(v)
	}
	b.EndRow()
	batch := b.Take()
	defer batch.Release()
	if bytes, ok := batch.Column(0).(*array.Binary); ok {
		return `\x` + hex.EncodeToString(bytes.Value(0))
	}
	return strings.Clone(batch.Column(0).ValueStr(0))
}
