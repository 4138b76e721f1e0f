//go:build !linux

package replication

import (
	"io"
	"net"
)

// marked is only for systems whose sockets have a low-water mark that waiting readers respect.
func marked(*net.TCPConn) (io.Reader, bool) { return nil, false }
