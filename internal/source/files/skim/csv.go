package skim

// #include "skim.h"
import "C"

import "unsafe"

// MaxFields is the most fields that a line may have.
const MaxFields = C.WINDOW

// Field is what the texts of one field must look like.
type Field struct {
	Form           Form
	Before, Behind int // most digits before and behind the point
}

// CSV looks through CSV. It holds scratch, so that each goroutine needs its own.
type CSV struct {
	fields []C.struct_field
	c      C.struct_csv
}

// NewCSV takes 1 to MaxFields fields; quote is 0 where there is none.
func NewCSV(delimiter, quote byte, fields []Field) *CSV {
	l := &CSV{}
	l.c.fields, l.c.delimiter, l.c.quote = C.uint32_t(len(fields)), C.uint8_t(delimiter), C.uint8_t(quote)
	for _, f := range fields {
		l.fields = append(l.fields, C.struct_field{form: C.uint32_t(f.Form), before: C.uint32_t(f.Before), behind: C.uint32_t(f.Behind)})
	}
	return l
}

// Found is what a look at CSV found.
type Found struct {
	Next  int      // where the first line begins that was not looked at
	Lines int      // that were
	Left  []uint32 // where those of them begin that it is not sure of; good until the next look
	ASCII bool     // they hold nothing else
}

// Lines looks at lines of text that begin in [from, end) and are ended by a line feed: some of them, until lines are left. Slack bytes
// must stand behind text. Where it comes no further, the next line has no end.
func (l *CSV) Lines(text []byte, from, end int) Found {
	next := C.csv_lines(&l.c, unsafe.SliceData(l.fields), start(text), C.int64_t(from), C.int64_t(end), C.int64_t(len(text)))
	left := unsafe.Slice((*uint32)(unsafe.Pointer(&l.c.left[0])), l.c.lefts)
	return Found{Next: int(next), Lines: int(l.c.lines), Left: left, ASCII: l.c.high == 0}
}
