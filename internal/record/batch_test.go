package record

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"pgregory.net/rapid"

	"weir/internal/job"
)

// A batch holds what was appended, whatever was undone between: values, nulls, lists with nulls in them.
func TestBuilder(t *testing.T) {
	pool := NewPool()
	defer pool.Close()
	cols := []job.Column{{Name: "b", Type: "BOOLEAN"}, {Name: "i", Type: "INTEGER"}, {Name: "l", Type: "BIGINT"}, {Name: "d", Type: "DECIMAL(30,2)"},
		{Name: "t", Type: "VARCHAR"}, {Name: "a", Type: "VARCHAR[]"}, {Name: "u", Type: "UUID"}, {Name: "f", Type: "DOUBLE"}}
	rapid.Check(t, func(rt *rapid.T) {
		b, err := NewBuilder(cols, pool)
		if err != nil {
			rt.Fatal(err)
		}
		defer b.Release()
		for range rapid.IntRange(1, 3).Draw(rt, "batches") {
			var want []string
			for range rapid.IntRange(0, 40).Draw(rt, "rows") {
				said, stopAt := appendRow(rt, b), rapid.IntRange(0, 3).Draw(rt, "undo")
				if stopAt == 0 {
					b.Undo()
					continue
				}
				b.EndRow()
				want = append(want, said)
			}
			appendRow(rt, b)
			b.Undo()
			batch := b.Take()
			if got := rowsOf(batch); strings.Join(got, "\n") != strings.Join(want, "\n") {
				rt.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			batch.Release()
		}
	})
}

// appendRow appends a random row, sometimes only the first part of one, and says what it is.
func appendRow(rt *rapid.T, b *Builder) string {
	var said []string
	for i := range b.Columns {
		c := &b.Columns[i]
		if rapid.IntRange(0, 4).Draw(rt, "null") == 0 {
			c.Null()
			said = append(said, "(null)")
			continue
		}
		n := rapid.Int64Range(-99, 99).Draw(rt, "value")
		switch i {
		case 0:
			c.Bool(n > 0)
			said = append(said, fmt.Sprint(n > 0))
		case 1:
			c.Int32(int32(n))
			said = append(said, fmt.Sprint(n))
		case 2:
			c.Int64(n)
			said = append(said, fmt.Sprint(n))
		case 3:
			c.Decimal(uint64(n*100), n>>63)
			said = append(said, fmt.Sprint(n))
		case 4:
			c.Text(strings.Repeat("ä", int(n&7)))
			said = append(said, strings.Repeat("ä", int(n&7)))
		case 5:
			said = append(said, appendList(rt, c))
		case 6:
			c.UUID([16]byte{15: byte(n & 15)})
			said = append(said, fmt.Sprintf("00000000-0000-0000-0000-%012x", n&15))
		case 7:
			c.Float64(float64(n))
			said = append(said, fmt.Sprint(n))
		}
	}
	return strings.Join(said, "|")
}

func appendList(rt *rapid.T, c *Column) string {
	var items []string
	for range rapid.IntRange(0, 3).Draw(rt, "items") {
		if rapid.Bool().Draw(rt, "null item") {
			c.Item.Null()
			items = append(items, "null")
			continue
		}
		c.Item.Bytes([]byte("x"))
		items = append(items, `"x"`)
	}
	c.EndList()
	return "[" + strings.Join(items, ",") + "]"
}

func rowsOf(batch arrow.RecordBatch) (rows []string) {
	for r := range int(batch.NumRows()) {
		values := make([]string, batch.NumCols())
		for i, col := range batch.Columns() {
			if values[i] = col.ValueStr(r); col.DataType().ID() == arrow.LIST && !col.IsNull(r) {
				values[i] = list(col.(*array.List), r)
			}
		}
		rows = append(rows, strings.Join(values, "|"))
	}
	return rows
}

func list(l *array.List, r int) string {
	from, to := l.ValueOffsets(r)
	var items []string
	for i := from; i < to; i++ {
		if l.ListValues().IsNull(int(i)) {
			items = append(items, "null")
			continue
		}
		items = append(items, `"`+l.ListValues().ValueStr(int(i))+`"`)
	}
	return "[" + strings.Join(items, ",") + "]"
}
