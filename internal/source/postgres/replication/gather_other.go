//go:build !linux

package replication

import "net"

// lowWaterOf is only for systems whose sockets have a low-water mark that waiting readers respect.
func lowWaterOf(*net.TCPConn) (*pausing, bool) { return nil, false }
