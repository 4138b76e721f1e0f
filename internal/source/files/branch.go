package files

import (
	"fmt"
	"net/url"
	"runtime"
	"slices"
	"strings"

	"weir/internal/job"
)

// branch is a set of files that one SELECT reads: they have the same fields, written the same way.
type branch struct {
	splits  []*split
	format  string
	head    csvHead // of CSV files
	hive    []hiveKey
	long    length
	columns []job.Column // of Parquet files
	// sniffed are the types the engine finds for the fields of a CSV head, nil until asked.
	sniffed []string
}

// hiveKey is a folder named key=value.
type hiveKey struct{ name, value string }

// hiveNull is how Hive writes a null in a folder's name.
const hiveNull = "__HIVE_DEFAULT_PARTITION__"

// hiveKeys reads the folders of a file's name.
func (s *scan) hiveKeys(name string) (keys []hiveKey) {
	if s.reader.Hive == "false" {
		return nil
	}
	parts := strings.Split(name, "/")
	for _, p := range parts[:len(parts)-1] {
		k, v, ok := strings.Cut(p, "=")
		if !ok || k == "" {
			continue
		}
		if u, err := url.PathUnescape(v); err == nil {
			v = u
		}
		keys = append(keys, hiveKey{k, v})
	}
	return keys
}

// hiveFields are the folders' keys as fields, typed by all their values.
func hiveFields(all []*split, keysOf func(string) []hiveKey) []field {
	var names []string
	values := map[string][]string{}
	for _, n := range all {
		for _, k := range keysOf(n.name) {
			if _, ok := values[k.name]; !ok {
				names = append(names, k.name)
			}
			values[k.name] = append(values[k.name], k.value)
		}
	}
	out := make([]field, len(names))
	for i, n := range names {
		out[i] = field{name: n, typ: hiveType(values[n]), file: all[0].name}
	}
	return out
}

func hiveType(values []string) string {
	dates, ints := true, true
	for _, v := range values {
		if v == hiveNull {
			continue
		}
		_, isDate := ctype{kind: date}.fits(v)
		_, isInt := ctype{kind: integer, name: "BIGINT"}.fits(v)
		dates = dates && isDate && len(v) == len("2006-01-02")
		ints = ints && isInt && (v == "0" || strings.TrimLeft(v, "-")[0] != '0') && !strings.ContainsAny(v, "+.eE_ ")
	}
	switch {
	case dates:
		return "DATE"
	case ints:
		return "BIGINT"
	}
	return "VARCHAR"
}

// hiveRef is SQL for a folder's value as text, and false where the branch has no such folder.
func (b *branch) hiveRef(name string) (string, bool) {
	i := slices.IndexFunc(b.hive, func(k hiveKey) bool { return strings.EqualFold(k.name, name) })
	if i < 0 {
		return "", false
	}
	if b.oddFolders() {
		if b.hive[i].value == hiveNull {
			return "CAST(NULL AS VARCHAR)", true
		}
		return job.Literal(b.hive[i].value), true
	}
	return "nullif(" + job.Quote(b.hive[i].name) + ", " + job.Literal(hiveNull) + ")", true
}

// oddFolders says whether the engine would read the folders' names otherwise than this package: then each file is a branch
// of its own, and its folders' values stand in the SQL.
func (b *branch) oddFolders() bool {
	return b.splits[0].odd || slices.ContainsFunc(b.hive, func(k hiveKey) bool { return strings.Contains(k.value, "=") })
}

// hiveOption is what the engine's readers are told of folders.
func (b *branch) hiveOption() string {
	if len(b.hive) == 0 || b.oddFolders() {
		return ", hive_partitioning=false"
	}
	return ", hive_partitioning=true, hive_types_autocast=false"
}

// paths is an SQL list of the branch's files.
func (b *branch) paths() string {
	quoted := make([]string, len(b.splits))
	for i, n := range b.splits {
		quoted[i] = job.Literal(n.path)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// pathColumn is the name the readers give the column with a row's file.
const pathColumn = "weir path"

func pathRef() string { return job.Quote(pathColumn) }

// key groups files into branches.
func (b *branch) key() string {
	var k strings.Builder
	k.WriteString(b.format)
	k.WriteByte('0' + byte(b.long))
	if b.splits[0].plain {
		k.WriteByte('p')
	}
	if b.splits[0].sure {
		k.WriteByte('s')
	}
	for _, n := range b.head.names {
		k.WriteString("\x00" + n)
	}
	k.WriteString("\x01" + string([]byte{b.head.delimiter, b.head.quote, b.head.escape}))
	fmt.Fprintf(&k, "%v%d", b.head.header, b.head.engineSkip)
	for _, h := range b.hive {
		k.WriteString("\x00" + h.name)
	}
	if b.oddFolders() {
		k.WriteString("\x01" + b.splits[0].path)
	}
	return k.String()
}

// gather puts files with equal keys into one branch, in the order they come.
func gather(single []*branch) []*branch {
	at := map[string]int{}
	var out []*branch
	for _, b := range single {
		k := b.key()
		if i, ok := at[k]; ok {
			out[i].splits = append(out[i].splits, b.splits...)
			continue
		}
		at[k] = len(out)
		out = append(out, b)
	}
	return out
}

// A CSV file is large when reading it holds more memory than a few buffers.
const largeFile = 32 << 20

// maxGroups bounds the SELECTs that large files are parted into.
const maxGroups = 64

// parted has no more large CSV files in one branch than the engine reads side by side: given more, it lets each core read
// a file of its own, and keeps all of that file's buffers until its share of memory is full (promise 5).
func parted(branches []*branch) []*branch {
	var out []*branch
	for _, b := range branches {
		var small, large []*split
		for _, n := range b.splits {
			if b.format == formatCSV && n.mark.Size > largeFile {
				large = append(large, n)
			} else {
				small = append(small, n)
			}
		}
		size := max(2*runtime.GOMAXPROCS(0), (len(large)+maxGroups-1)/maxGroups)
		if len(b.splits) <= size || len(large) == 0 {
			out = append(out, b)
			continue
		}
		if len(small) > 0 {
			out = append(out, b.of(small))
		}
		for group := range slices.Chunk(large, size) {
			out = append(out, b.of(group))
		}
	}
	return out
}

// of is the branch with some of its files.
func (b *branch) of(splits []*split) *branch {
	some := *b
	some.splits = splits
	return &some
}
