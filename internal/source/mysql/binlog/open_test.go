package binlog

import (
	"errors"
	"io"
	"strings"
	"testing"

	"weir/internal/fault"
	"weir/internal/mysql/wire"
)

// A server refuses a position with one number for every reason; what a person can do differs.
func TestExplain(t *testing.T) {
	for message, want := range map[string]string{
		"Could not find first log file name in binary log index file":                                             "the position is not in the server's binary log",
		"binlog truncated in the middle of event; consider out of disk space on master; the first event '.' at 4": "ends in the middle of a change",
	} {
		err := explain(&wire.Error{Code: 1236, State: "HY000", Message: message})
		if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), message) || fault.ClassOf(err) != fault.Data || !strings.Contains(fault.HintOf(err), "--full") {
			t.Errorf("%s: %v (%s)", message, err, fault.HintOf(err))
		}
	}
	if err := explain(io.ErrUnexpectedEOF); !errors.Is(err, io.ErrUnexpectedEOF) || fault.HintOf(err) != "" {
		t.Errorf("an error of the network became %v", err)
	}
}
