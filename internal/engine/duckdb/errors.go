package duckdb

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	driver "github.com/duckdb/duckdb-go/v2"

	"weir/internal/fault"
)

// SQLError is what DuckDB says about a statement, without its decoration.
type SQLError struct {
	Kind    string // DuckDB's name of the exception: Parser, Binder, Catalog, Conversion, …
	Message string // one line
	Detail  string // all DuckDB said, many lines where it proposes settings
	Offset  int    // byte offset in the SQL the caller gave, -1 where DuckDB does not say
	Line    int    // 1-based, 0 without an offset
	Col     int    // 1-based in characters, 0 without an offset
}

func (e *SQLError) Error() string { return e.Message }

// Position gives line and column in the caller's SQL, zeros where DuckDB does not say.
func (e *SQLError) Position() (line, col int) { return e.Line, e.Col }

// Full says whether memory or disk was full.
func (e *SQLError) Full() bool {
	return e.Kind == "Out of Memory" || strings.Contains(e.Detail, "No space left")
}

// locate finds line and column of an offset that DuckDB counted from shift bytes before the caller's SQL.
func (e *SQLError) locate(sql string, shift int) {
	at := e.Offset - shift
	if e.Offset < 0 || at < 0 || at > len(sql) {
		e.Offset, e.Line, e.Col = -1, 0, 0
		return
	}
	before := sql[:at]
	e.Offset = at
	e.Line = strings.Count(before, "\n") + 1
	e.Col = utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
}

// exception is DuckDB's error as JSON, which errors_as_json asks for.
type exception struct {
	Kind     string `json:"exception_type"`
	Message  string `json:"exception_message"`
	Position string `json:"position"` // byte offset as text
	Errno    string `json:"errno"`    // of a failed system call, as text
}

// classify turns an error of the driver into a classed one (promise 10). An interrupted context gives its own error. Where
// shift is negative the position is dropped.
func classify(ctx context.Context, err error, shift int, sql ...string) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var d *driver.Error
	if !errors.As(err, &d) {
		return fault.New(fault.Internal, "%w", err)
	}
	x := parseException(d.Msg)
	e := &SQLError{Kind: x.Kind, Message: oneLine(x.Message), Detail: x.Message, Offset: -1}
	if n, bad := strconv.Atoi(x.Position); bad == nil {
		e.Offset = n
	}
	if shift < 0 || len(sql) == 0 {
		e.Offset = -1
	} else {
		e.locate(sql[0], shift)
	}
	errno, _ := strconv.Atoi(x.Errno)
	return faultOf(e, syscall.Errno(errno))
}

func parseException(msg string) (x exception) {
	if at := strings.Index(msg, `{"exception_type"`); at >= 0 && json.Unmarshal([]byte(msg[at:]), &x) == nil {
		return x
	}
	kind, text, found := strings.Cut(msg, " Error: ")
	if !found {
		kind, text = "", msg
	}
	text, _, _ = strings.Cut(text, "\n\nLINE ")
	return exception{Kind: kind, Message: text}
}

// oneLine keeps what happened and drops proposals to change settings that a person cannot reach here.
func oneLine(msg string) string {
	for _, end := range []string{"\n\n", "\nPossible ", "\nThe search space", "\nThis limit was set", "\nBy default", "\nStack Trace"} {
		msg, _, _ = strings.Cut(msg, end)
	}
	return strings.Join(strings.Fields(strings.ReplaceAll(strings.TrimSpace(msg), "\n", "; ")), " ")
}

func faultOf(e *SQLError, errno syscall.Errno) error {
	switch e.Kind {
	case "Parser", "Binder", "Catalog", "Syntax", "Not implemented", "Permission", "Parameter Not Resolved", "Parameter Not Allowed",
		"Missing Extension", "Extension Autoloading", "Settings", "Invalid Configuration", "Dependency", "Expression", "Planner":
		return fault.New(fault.Usage, "%w", e)
	case "Conversion", "Constraint", "Invalid Input", "Out of Range", "Mismatch Type", "Divide by Zero", "Decimal", "Object Size",
		"Invalid type", "Serialization":
		return fault.New(fault.Data, "%w", e)
	case "Out of Memory":
		return fullOf(e)
	case "IO":
		return ioFault(e, errno)
	case "Interrupt", "INTERRUPT":
		return fault.New(fault.Canceled, "%w", e)
	case "HTTP", "Network", "Connection", "TransactionContext":
		return fault.New(fault.Unavailable, "%w", e)
	}
	return fault.New(fault.Internal, "%w", e)
}

// fullOf tells memory that is too small from a temporary folder that is full: DuckDB calls both out of memory.
func fullOf(e *SQLError) error {
	if strings.Contains(e.Detail, "max_temp_directory_size") || strings.Contains(e.Message, "failed to offload") {
		return fault.New(fault.Unavailable, "temporary folder is full: %w", e).
			WithHint("free disk space, or give more memory with --memory")
	}
	return fault.New(fault.Unavailable, "out of memory: %w", e).
		WithHint("give more with --memory, or build fewer tables at a time")
}

// ioFault classes errors of files. A failed system call may pass; a file that is not what its name says will not.
func ioFault(e *SQLError, errno syscall.Errno) error {
	switch {
	case errno == syscall.ENOSPC || errno == syscall.EDQUOT || strings.Contains(e.Detail, "No space left"):
		return fault.New(fault.Unavailable, "disk is full: %w", e).WithHint("free disk space and run again")
	case strings.HasPrefix(e.Message, "No files found"):
		return fault.New(fault.Usage, "%w", e)
	case errno != 0 || strings.Contains(e.Message, "Cannot open file") || strings.Contains(e.Message, "Could not"):
		return fault.New(fault.Unavailable, "%w", e)
	}
	return fault.New(fault.Data, "%w", e)
}
