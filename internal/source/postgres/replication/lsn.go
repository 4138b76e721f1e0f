package replication

import (
	"fmt"
	"strconv"
	"strings"

	"weir/internal/fault"
)

// LSN is a place in a server's write-ahead log, in bytes since its beginning. A position P of a table means: changes of
// transactions whose commit record begins before P are in the table, later ones are not.
type LSN uint64

// String writes it as PostgreSQL does: 0/5A2F10.
func (l LSN) String() string { return fmt.Sprintf("%X/%X", uint32(l>>32), uint32(l)) }

// ParseLSN reads what String writes.
func ParseLSN(text string) (LSN, error) {
	high, low, ok := strings.Cut(text, "/")
	h, err1 := strconv.ParseUint(high, 16, 32)
	l, err2 := strconv.ParseUint(low, 16, 32)
	if !ok || err1 != nil || err2 != nil {
		return 0, fault.New(fault.Data, "%q is no place in a write-ahead log", text)
	}
	return LSN(h<<32 | l), nil
}
