package duckdb

import (
	"reflect"
	"unsafe"

	driver "github.com/duckdb/duckdb-go/v2"
	"github.com/duckdb/duckdb-go/v2/mapping"

	"weir/internal/fault"
)

// handle reaches the C connection inside the driver's connection, which has no accessor. Progress and streaming results
// need it. A test holds that the field is there in the driver we use.
func handle(c *driver.Conn) (mapping.Connection, error) {
	f := reflect.ValueOf(c).Elem().FieldByName("conn")
	if !f.IsValid() || f.Type() != reflect.TypeFor[mapping.Connection]() {
		return mapping.Connection{}, fault.New(fault.Internal, "the DuckDB driver has changed: no connection handle")
	}
	return *(*mapping.Connection)(unsafe.Pointer(f.UnsafeAddr())), nil
}
