package wire

import (
	"strings"
	"testing"

	"weir/internal/fault"
)

// No server there is said in plain words, with what to look at.
func TestUnreached(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:1":               "connect to 127.0.0.1:1: connection refused: no server listens there",
		"no-such-host.invalid:3306": `connect to no-such-host.invalid:3306: no host is named "no-such-host.invalid"`,
	} {
		_, err := Dial(t.Context(), Config{Network: "tcp", Address: address, User: "reader", Password: "hunter2"})
		if err == nil || fault.ClassOf(err) != fault.Unavailable || err.Error() != want || fault.HintOf(err) == "" || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v (%s), want %s", err, fault.HintOf(err), want)
		}
	}
}
