package define

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"

	"weir/internal/project"
)

// hashVersion changes with what is hashed, so that a hash of another version is never taken for an equal one.
const hashVersion = 1

// hash is the hash of what a definition makes of its inputs: which rows, which columns, which of two rows wins. Layout,
// comments and what only describes, limits or arranges rows do not count. from is the dataset as written.
func hash(t *Table, from string) string {
	h := sha256.New()
	write := func(name string, value any) {
		text, err := json.Marshal(value)
		if err != nil {
			text = fmt.Append(nil, value)
		}
		fmt.Fprintf(h, "%s=%s\n", name, text)
	}
	write("version", hashVersion)
	write("kind", t.Kind)
	write("mode", t.Mode)
	write("key", []string(t.Key))
	write("order_by", t.OrderBy)
	write("deletes", t.Deletes)
	if t.Mode == History {
		write("track", t.Track)
		write("versions", []string{t.Versions.From, t.Versions.To, t.Versions.Current})
	}
	if t.Incremental != nil {
		// What a look-back or a policy for other inputs leaves out of a build is a matter of that build; what the table holds is not.
		write("incremental", []any{t.Incremental.Input, t.Incremental.By, t.Incremental.Window != nil})
	}
	for _, c := range t.Columns {
		write("column", []any{c.Name, c.Type, c.Required})
	}
	if t.Mode == Partitions {
		// Here the partition decides which rows go.
		write("partition", t.Partition)
	}
	write("from", strings.TrimSpace(from))
	write("cursor", t.Cursor)
	hashReader(h, t)
	write("sql", sqlTokens(t.SQL))
	return hex.EncodeToString(h.Sum(nil))
}

// hashReader hashes the options of a dataset. By convention on_… and max_… say what to do with what does not fit, and not
// what rows are.
func hashReader(w io.Writer, t *Table) {
	if t.Reader == nil {
		return
	}
	v := reflect.ValueOf(t.Reader)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return
	}
	for _, f := range project.Fields(v.Type()) {
		if strings.HasPrefix(f.Key, "on_") || strings.HasPrefix(f.Key, "max_") {
			continue
		}
		value := f.Of(v.Elem()).Interface()
		text, err := json.Marshal(value)
		if err != nil {
			text = fmt.Append(nil, value)
		}
		fmt.Fprintf(w, "reader.%s=%s\n", f.Key, text)
	}
}
