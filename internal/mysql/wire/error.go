package wire

import (
	"fmt"

	"weir/internal/fault"
)

// Error is what a server said was wrong.
type Error struct {
	Code    uint16
	State   string // SQLSTATE, "" before sign-in
	Message string
}

func (e *Error) Error() string {
	if e.State == "" {
		return fmt.Sprintf("%s (error %d)", e.Message, e.Code)
	}
	return fmt.Sprintf("%s (error %d, %s)", e.Message, e.Code, e.State)
}

func parseError(p []byte) error {
	c := cursor{b: p[1:]}
	e := &Error{Code: c.uint16()}
	if len(c.b) >= 6 && c.b[0] == '#' {
		e.State = string(c.b[1:6])
		c.b = c.b[6:]
	}
	e.Message = string(c.b)
	return e
}

// codes are errors whose class their SQLSTATE does not tell.
var codes = map[uint16]fault.Class{
	1040: fault.Unavailable, // too many connections
	1046: fault.Usage,       // no database selected
	1053: fault.Unavailable, // shutdown
	1130: fault.Usage,       // this host may not connect
	1193: fault.Usage,       // unknown system variable
	1203: fault.Unavailable, // too many connections of this user
	1205: fault.Unavailable, // lock wait timeout
	1226: fault.Unavailable, // limit of a resource
	1227: fault.Usage,       // a privilege is missing
	1236: fault.Data,        // the binary log cannot be read from there
	1251: fault.Usage,       // sign-in not supported
	1290: fault.Usage,       // an option of the server forbids it
	1317: fault.Unavailable, // interrupted
	1356: fault.Usage,       // a view refers to what is not there
	1370: fault.Usage,       // a privilege is missing
	1381: fault.Usage,       // no binary log
	1412: fault.Unavailable, // the table's definition changed within the snapshot
	1524: fault.Usage,       // a plugin is not there
	1698: fault.Usage,       // access denied
	1820: fault.Usage,       // the password has expired
	1862: fault.Usage,       // likewise
	1927: fault.Unavailable, // killed
	3024: fault.Unavailable, // execution time
	3118: fault.Usage,       // the account is locked
	4031: fault.Unavailable, // idle for too long
	4151: fault.Usage,       // the account is locked (MariaDB)
}

func (e *Error) class() fault.Class {
	if c, ok := codes[e.Code]; ok {
		return c
	}
	if len(e.State) == 5 {
		switch e.State[:2] {
		case "22", "23":
			return fault.Data
		case "28", "42", "0A":
			return fault.Usage
		}
	}
	return fault.Unavailable
}

func (e *Error) hint() string {
	switch e.Code {
	case 1045, 1698:
		return "check user and password, and that the user may connect from this host"
	case 1044, 1142, 1143:
		return "grant the user SELECT on what it shall read"
	case 1130:
		return "the server lets no user connect from this host: check its users' host parts"
	case 1040, 1203:
		return "let fewer reads run side by side, or raise the server's max_connections"
	}
	return ""
}
