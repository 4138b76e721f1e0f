package files

import (
	"fmt"
	"path"
	"strings"

	"weir/internal/job"
	"weir/internal/source"
)

// What a changed file does to the rows read from it before.
const (
	changedReplace = "replace"
	changedAppend  = "append"
	changedStop    = "stop"
)

// What columns do that the table does not have.
const (
	schemaAdd    = "add"
	schemaStop   = "stop"
	schemaReject = "reject"
	schemaExtra  = "keep_extra"
)

// extraColumn holds the unknown fields of a record under keep_extra, as a JSON object.
const extraColumn = "_extra"

// fileColumn is the provenance column a relation ends with: the split's name.
const fileColumn = "_file"

// defaultLine is how long a record may be, in bytes, where max_line_size says nothing.
const defaultLine = 16 << 20

// Reader is what a table says of the files it reads.
type Reader struct {
	Path            string   `yaml:"path" doc:"pattern relative to the connection: * and ? within a folder, ** across folders, [a-z], {csv,tsv}"`
	Format          string   `yaml:"format" enum:"csv|tsv|json|ndjson|parquet" doc:"file format; by default from the name"`
	Delimiter       string   `yaml:"delimiter" doc:"CSV: what separates fields; by default found from the first file"`
	Quote           string   `yaml:"quote" doc:"CSV: what encloses a field" default:"\""`
	Escape          string   `yaml:"escape" doc:"CSV: what stands before a quote inside a field; by default the quote itself"`
	Header          string   `yaml:"header" enum:"auto|true|false" default:"auto" doc:"CSV: whether the first line names the columns"`
	Encoding        string   `yaml:"encoding" enum:"utf-8|latin-1|utf-16" default:"utf-8" doc:"text encoding of CSV files"`
	NullValues      []string `yaml:"null_values,single" doc:"CSV: texts that mean null, beside the empty field"`
	DateFormat      string   `yaml:"date_format" doc:"CSV: format of dates, as in %d.%m.%Y; by default ISO 8601"`
	TimestampFormat string   `yaml:"timestamp_format" doc:"CSV: format of timestamps, as in %d.%m.%Y %H:%M; by default ISO 8601"`
	Skip            int      `yaml:"skip" doc:"CSV: lines to leave out before the header"`
	Comment         string   `yaml:"comment" doc:"CSV: character that starts a line to leave out"`
	Strict          bool     `yaml:"strict" doc:"the declared columns are all there are; others follow on_schema_change, which then is stop by default"`
	OnChangedFile   string   `yaml:"on_changed_file" enum:"replace|append|stop" default:"replace" doc:"what a file with changed content does: replace its own rows, append, or stop the build"`
	OnSchemaChange  string   `yaml:"on_schema_change" enum:"add|stop|reject|keep_extra" doc:"what unknown columns do: add them (default; JSON fields are looked for in the first 20,480 records of each new file), stop the build, reject the records (JSON; a CSV file stops), or keep them as JSON in _extra"`
	Hive            string   `yaml:"hive" enum:"auto|true|false" default:"auto" doc:"whether folders named key=value are columns"`
	MaxLineSize     int64    `yaml:"max_line_size" doc:"bytes a record may have; longer ones are rejected (default 16 MB)"`

	columns []job.Column
}

var _ source.Reader = (*Reader)(nil)

// SetColumns gives the reader the table's declared columns; their types win over what is found in the files.
func (r *Reader) SetColumns(columns []job.Column) { r.columns = columns }

// Summary names pattern and format.
func (r *Reader) Summary() string {
	f := r.format(r.Path)
	if f == "" {
		return r.Path
	}
	return r.Path + " (" + f + ")"
}

// Findings checks the options against each other.
func (r *Reader) Findings() []source.Finding {
	var out []source.Finding
	add := func(key, format string, args ...any) {
		out = append(out, source.Finding{Key: key, Message: fmt.Sprintf(format, args...)})
	}
	if r.Path == "" {
		add("path", "a table of files needs a path, as in path: \"orders/*.csv\"")
	} else if _, err := compileGlob(r.Path); err != nil {
		add("path", "%v", err)
	}
	for key, value := range map[string]string{"delimiter": r.Delimiter, "quote": r.Quote, "escape": r.Escape, "comment": r.Comment} {
		if len(value) > 1 && !(key == "quote" && value == "none") && unescape(value) == "" {
			add(key, "%q is not one character of ASCII", value)
		}
	}
	for key, format := range map[string]string{"date_format": r.DateFormat, "timestamp_format": r.TimestampFormat} {
		if _, err := compileFormat(format); err != nil {
			add(key, "%v", err)
		}
	}
	if r.Strict && len(r.columns) == 0 {
		add("strict", "strict: true needs columns: a list of all there are")
	}
	if r.Strict && r.OnSchemaChange == schemaAdd {
		add("on_schema_change", "strict: true and on_schema_change: add contradict each other")
	}
	if r.Skip < 0 {
		add("skip", "skip is a number of lines")
	}
	if r.MaxLineSize < 0 || r.MaxLineSize > 1<<30 {
		add("max_line_size", "max_line_size lies between 1 byte and 1 GB")
	}
	for _, c := range r.columns {
		if c.Name == fileColumn || c.Name == extraColumn {
			add("columns."+c.Name, "%s is a name Weir gives itself", c.Name)
		}
		if _, err := parseType(c.Type); err != nil {
			add("columns."+c.Name, "%v", err)
		}
	}
	return out
}

// unescape reads \t and its like, "" where the text is not one character.
func unescape(s string) string {
	switch s {
	case `\t`, "tab":
		return "\t"
	case `\0`:
		return "\x00"
	}
	if len(s) == 1 {
		return s
	}
	return ""
}

func (r *Reader) policy() string {
	switch {
	case r.OnSchemaChange != "":
		return r.OnSchemaChange
	case r.Strict:
		return schemaStop
	}
	return schemaAdd
}

func (r *Reader) onChanged() string {
	if r.OnChangedFile == "" {
		return changedReplace
	}
	return r.OnChangedFile
}

func (r *Reader) maxLine() int64 {
	if r.MaxLineSize == 0 {
		return defaultLine
	}
	return r.MaxLineSize
}

// Formats of files.
const (
	formatCSV     = "csv"
	formatTSV     = "tsv"
	formatJSON    = "json"
	formatNDJSON  = "ndjson"
	formatParquet = "parquet"
)

// format is the declared one, or the one a file's name ends in, "" where neither says.
func (r *Reader) format(name string) string {
	if r.Format != "" {
		return r.Format
	}
	base, _ := splitCompression(strings.ToLower(name))
	switch path.Ext(base) {
	case ".csv", ".txt":
		return formatCSV
	case ".tsv", ".tab":
		return formatTSV
	case ".json":
		return formatJSON
	case ".ndjson", ".jsonl":
		return formatNDJSON
	case ".parquet", ".pq":
		return formatParquet
	}
	return ""
}

// splitCompression cuts .gz or .zst from a name and says which it was: "gzip", "zstd" or "none".
func splitCompression(name string) (base, compression string) {
	switch path.Ext(strings.ToLower(name)) {
	case ".gz":
		return name[:len(name)-3], "gzip"
	case ".zst":
		return name[:len(name)-4], "zstd"
	case ".zstd":
		return name[:len(name)-5], "zstd"
	}
	return name, "none"
}
