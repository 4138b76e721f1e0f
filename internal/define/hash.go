package define

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"weir/internal/job"
	"weir/internal/project"
)

// meaning is what a definition makes of its inputs: which rows, which columns, which of two rows wins. Layout, comments
// and what only describes, limits or arranges rows have no part in it, nor has what is written but is so by convention.
// from is the dataset as written. What SQL says is not in it: whoever parses the SQL adds that.
func meaning(t *Table, from string) job.Meaning {
	m := job.Meaning{}
	write := func(name string, value any) {
		if text := written(value); text != "" {
			m[name] = job.Plain(text)
		}
	}
	write("mode", string(t.Mode))
	write("key", t.Key)
	write("order_by", t.OrderBy)
	if t.Mode == History {
		write("track", t.Track)
		if t.Versions != (*versionKeys)(nil).names() {
			write("version_columns", []string{t.Versions.From, t.Versions.To, t.Versions.Current})
		}
	}
	if t.Deletes != Ignore {
		write("deletes", string(t.Deletes))
	}
	if i := t.Incremental; i != nil {
		// What a look-back or a policy for other inputs leaves out of a build is a matter of that build; what the table holds is not.
		write("incremental", i.Input)
		write("incremental.by", i.By)
		if i.Window != nil {
			write("incremental.window", "yes")
		}
	}
	if t.Mode == Partitions {
		// Here the partition decides which rows go.
		write("partition", PartitionText(t.Partition))
	}
	write("cursor", t.Cursor)
	if now, before := columnsText(t, nil), columnsText(t, t.Was); now != "" {
		// Under the names of before, too: a rename alone is not another column.
		m["columns"] = job.Digest(slices.Compact([]string{before, now})...)
	}
	if from = strings.TrimSpace(from); from != "" {
		m["from"] = job.Digest(from)
	}
	readerMeaning(m, t)
	return m
}

// written is a value as it stands in a definition, "" for one that is empty.
func written(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case []string:
		return strings.Join(v, ", ")
	}
	text, err := json.Marshal(value)
	if err != nil {
		text = fmt.Append(nil, value)
	}
	return string(text)
}

// columnsText writes the declared columns, those with an earlier name under that. In SQL their order says nothing.
func columnsText(t *Table, was map[string]string) string {
	var lines []string
	for _, c := range t.Columns {
		name := c.Name
		if before, ok := was[name]; ok {
			name = before
		}
		lines = append(lines, fmt.Sprintf("%q %s %t", strings.ToLower(name), c.Type, c.Required))
	}
	if t.Kind == FromSQL {
		slices.Sort(lines)
	}
	return strings.Join(lines, "\n")
}

// PartitionText writes a partitioning as a definition does: day(ts), bucket(16, id), "" for none.
func PartitionText(fields []job.PartitionField) string {
	var texts []string
	for _, f := range fields {
		switch {
		case f.Transform == "identity":
			texts = append(texts, f.Column)
		case f.Width > 0:
			texts = append(texts, fmt.Sprintf("%s(%d, %s)", f.Transform, f.Width, f.Column))
		default:
			texts = append(texts, f.Transform+"("+f.Column+")")
		}
	}
	return strings.Join(texts, ", ")
}

// readerMeaning adds the options of a dataset that are not what they are by default. By convention on_… and max_… say what
// to do with what does not fit, and not what rows are.
func readerMeaning(m job.Meaning, t *Table) {
	v := reflect.ValueOf(t.Reader)
	if t.Reader == nil || v.Kind() != reflect.Pointer || v.IsNil() {
		return
	}
	plain := reflect.New(v.Type().Elem())
	// Problems are those of required keys, which have no default.
	_ = project.Decode(&project.Node{Kind: project.Map}, plain.Interface())
	for _, f := range project.Fields(v.Type()) {
		if strings.HasPrefix(f.Key, "on_") || strings.HasPrefix(f.Key, "max_") {
			continue
		}
		// An option may hold what a secret led to, so only its digest is kept (promise 9).
		if text := written(f.Of(v.Elem()).Interface()); text != written(f.Of(plain.Elem()).Interface()) {
			m[f.Key] = job.Digest(text)
		}
	}
}
