package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"

	"weir/internal/fault"
	"weir/internal/project"
)

// setAll changes values of a raw form: members of a JSON object, fields of a delimited record under its header.
func setAll(r openReject, sets []string) (string, error) {
	raw := r.Raw
	for _, s := range sets {
		column, value, ok := strings.Cut(s, "=")
		if !ok || column == "" {
			return "", fault.New(fault.Usage, "--set: %q is not COLUMN=VALUE", s)
		}
		var err error
		if isObject(raw) {
			raw, err = setMember(raw, column, value)
		} else {
			raw, err = setField(raw, r.Header, column, value)
		}
		if err != nil {
			return "", fault.New(fault.Usage, "--set %s, reject %s: %w", column, r.ID, err).WithHint("%s", fault.HintOf(err))
		}
	}
	return raw, nil
}

func isObject(raw string) bool { return strings.HasPrefix(strings.TrimSpace(raw), "{") }

// member is one of a JSON object, as it is written.
type member struct {
	name  string
	value json.RawMessage
}

// setMember changes one member and leaves the others as they are written, to the digit and in their order. One that is not there is added.
func setMember(raw, name, value string) (string, error) {
	members, err := membersOf(raw)
	if err != nil {
		return "", err
	}
	at := -1
	for i, m := range members {
		if strings.EqualFold(m.name, name) {
			at = i
		}
	}
	if at < 0 {
		at = len(members)
		members = append(members, member{name: name})
	}
	members[at].value = jsonValue(value, members[at].value)
	var b strings.Builder
	b.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(jsonText(m.name))
		b.WriteByte(':')
		b.Write(m.value)
	}
	b.WriteByte('}')
	return b.String(), nil
}

func membersOf(raw string) ([]member, error) {
	d := json.NewDecoder(strings.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return nil, notJSON(err)
	}
	var out []member
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, notJSON(err)
		}
		m := member{name: fmt.Sprint(name)}
		if err := d.Decode(&m.value); err != nil {
			return nil, notJSON(err)
		}
		out = append(out, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, notJSON(err)
	}
	return out, nil
}

func notJSON(err error) error {
	return fault.New(fault.Usage, "the raw form is broken JSON: %w", err).WithHint("--raw FILE gives it a whole new form")
}

// jsonValue is a value as JSON: a text where a text stood, else what it is.
func jsonValue(value string, was json.RawMessage) json.RawMessage {
	text := bytes.HasPrefix(bytes.TrimSpace(was), []byte(`"`))
	if value == "null" || !text && json.Valid([]byte(value)) {
		return json.RawMessage(value)
	}
	return jsonText(value)
}

func jsonText(s string) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a text always has JSON
	return bytes.TrimRight(b.Bytes(), "\n")
}

// setField changes a field of a delimited record.
func setField(raw, header, column, value string) (string, error) {
	if header == "" {
		return "", fault.New(fault.Usage, "the record has no header that names columns").WithHint("--raw FILE gives it a whole new form")
	}
	delimiter := delimiterOf(header)
	names, err := fieldsOf(header, delimiter)
	if err != nil {
		return "", err
	}
	fields, err := fieldsOf(raw, delimiter)
	if err != nil {
		return "", err
	}
	at := -1
	for i, n := range names {
		if strings.EqualFold(strings.TrimSpace(n), column) {
			at = i
		}
	}
	if at < 0 {
		return "", fault.New(fault.Usage, "%q is not in its header", column).WithHint("%s", project.NearestHint(column, names))
	}
	if len(fields) != len(names) {
		return "", fault.New(fault.Usage, "the record has %d fields and its header %d", len(fields), len(names)).WithHint("--raw FILE gives it a whole new form")
	}
	if fields[at] = value; value == "null" {
		fields[at] = ""
	}
	var b strings.Builder
	out := csv.NewWriter(&b)
	out.Comma = delimiter
	if err := out.Write(fields); err != nil {
		return "", err
	}
	out.Flush()
	return strings.TrimRight(b.String(), "\n"), out.Error()
}

// delimiterOf is the sign that parts the names of a header.
func delimiterOf(header string) rune {
	best, most := ',', 0
	for _, d := range ",;\t|" {
		if n := strings.Count(header, string(d)); n > most {
			best, most = d, n
		}
	}
	return best
}

func fieldsOf(line string, delimiter rune) ([]string, error) {
	r := csv.NewReader(strings.NewReader(line))
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = delimiter, true, -1
	fields, err := r.Read()
	if err != nil {
		return nil, fault.New(fault.Usage, "the raw form is no record: %w", err).WithHint("--raw FILE gives it a whole new form")
	}
	return fields, nil
}
