package define

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"weir/internal/job"
	"weir/internal/job/coltype"
	"weir/internal/project"
)

// typeError is what is wrong with a type's text.
type typeError struct{ message, hint string }

func (e *typeError) Error() string { return e.message }

func badType(hint, format string, args ...any) *typeError {
	return &typeError{fmt.Sprintf(format, args...), hint}
}

// plainTypes are the types without parts that the lake holds exactly.
var plainTypes = []string{"BOOLEAN", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "VARCHAR", "UUID", "BLOB"}

// remedies say what to declare instead of a type the lake does not hold.
var remedies = map[string]string{
	"TINYINT": "integer", "SMALLINT": "integer", "UTINYINT": "integer", "USMALLINT": "integer", "UINTEGER": "bigint", "UBIGINT": "decimal(20,0)",
	"HUGEINT": "decimal(38,0)", "UHUGEINT": "decimal(38,0)", "TIMESTAMP_S": "timestamp", "TIMESTAMP_MS": "timestamp", "TIMESTAMP_NS": "timestamp",
	"TIME WITH TIME ZONE": "varchar", "INTERVAL": "varchar", "JSON": "varchar", "ENUM": "varchar", "BIT": "varchar", "UNION": "a struct with one member for each case",
	"BIGNUM": "varchar", "VARINT": "varchar", "OBJECT": "a struct", "ARRAY": "varchar[]", "LIST": "varchar[]",
}

// maxTypeDepth bounds how deep types may nest.
const maxTypeDepth = 32

// parseType reads a type as people write it and gives its canonical text: DuckDB's spelling in upper case. Types that the
// lake does not hold are refused, with what to write instead.
func parseType(text string) (string, *typeError) {
	p := &typeReader{rest: text}
	canonical, err := p.read(0)
	if err != nil {
		return "", err
	}
	if p.space(); p.rest != "" {
		return "", badType("", "type %q goes on with %q", text, p.rest)
	}
	return canonical, nil
}

type typeReader struct{ rest string }

func (p *typeReader) space() { p.rest = strings.TrimLeft(p.rest, " \t\n") }

func (p *typeReader) take(sign string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, sign)
	p.rest = rest
	return ok
}

func (p *typeReader) read(depth int) (string, *typeError) {
	if depth > maxTypeDepth {
		return "", badType("", "the type is nested more than %d deep", maxTypeDepth)
	}
	t, err := p.base(depth)
	for err == nil && p.take("[") {
		if !p.take("]") {
			return "", badType("write "+strings.ToLower(t)+"[]", "lists have no fixed length in the lake")
		}
		t += "[]"
	}
	return t, err
}

var typeWords = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(?:[ \t\n]+[A-Za-z_][A-Za-z0-9_]*)*`)

func (p *typeReader) base(depth int) (string, *typeError) {
	p.space()
	written := typeWords.FindString(p.rest)
	if written == "" {
		return "", badType("", "a type is missing")
	}
	p.rest = p.rest[len(written):]
	name := coltype.Own(strings.ToUpper(strings.Join(strings.Fields(written), " ")))
	switch name {
	case "DECIMAL":
		return p.decimal()
	case "STRUCT":
		return p.structure(depth)
	case "MAP":
		return p.mapping(depth)
	}
	for _, plain := range plainTypes {
		if name == plain {
			return p.plain(name)
		}
	}
	if instead, ok := remedies[name]; ok {
		return "", badType("write "+instead, "the lake does not hold %s", name)
	}
	known := append([]string{"DECIMAL", "STRUCT", "MAP"}, plainTypes...)
	known = append(known, coltype.Aliases()...)
	slices.Sort(known)
	hint := ""
	if near := project.Nearest(name, known); near != "" {
		hint = "nearest: " + strings.ToLower(near)
	}
	return "", badType(hint, "%q is not a type", written)
}

// plain is a type without parts. A length or a number of digits that would not be kept is refused.
func (p *typeReader) plain(name string) (string, *typeError) {
	if !p.take("(") {
		return name, nil
	}
	inner, rest, ok := strings.Cut(p.rest, ")")
	if !ok {
		return "", badType("", "a ( is not closed")
	}
	p.rest = rest
	inner = strings.TrimSpace(inner)
	switch {
	case name == "VARCHAR":
		return "", badType("write varchar, and the rule ColumnLength <= "+inner, "the lake keeps no length of texts")
	case strings.HasPrefix(name, "TIME") && inner == "6":
		if zone := strings.TrimPrefix(name, "TIMESTAMP"); zone == "" && p.zone() {
			return name + " WITH TIME ZONE", nil
		}
		return name, nil
	case strings.HasPrefix(name, "TIME"):
		return "", badType("write "+strings.ToLower(name), "the lake keeps microseconds, not %s digits of a second", inner)
	}
	return "", badType("write "+strings.ToLower(name), "%s takes nothing in parentheses", name)
}

var zoned = regexp.MustCompile(`(?i)^\s*with\s+time\s+zone`)

func (p *typeReader) zone() bool {
	m := zoned.FindString(p.rest)
	p.rest = p.rest[len(m):]
	return m != ""
}

func (p *typeReader) decimal() (string, *typeError) {
	digits, scale := 18, 3
	if p.take("(") {
		inner, rest, ok := strings.Cut(p.rest, ")")
		if !ok {
			return "", badType(`quote it where it stands in { }: "decimal(12,2)"`, "decimal( is not closed")
		}
		p.rest = rest
		first, second, has := strings.Cut(inner, ",")
		var err, err2 error
		digits, err = strconv.Atoi(strings.TrimSpace(first))
		if scale = 0; has {
			scale, err2 = strconv.Atoi(strings.TrimSpace(second))
		}
		if err != nil || err2 != nil {
			return "", badType("write decimal(12,2)", "decimal(%s) is not digits and decimals", inner)
		}
	}
	if digits < 1 || digits > 38 || scale < 0 || scale > digits {
		return "", badType("", "decimal(%d,%d) is not possible: 1 to 38 digits, of which at most all are decimals", digits, scale)
	}
	return fmt.Sprintf("DECIMAL(%d,%d)", digits, scale), nil
}

func (p *typeReader) structure(depth int) (string, *typeError) {
	if !p.take("(") {
		return "", badType("write struct(name type, …)", "a struct needs its members")
	}
	var members []string
	seen := map[string]bool{}
	for {
		name, err := p.name()
		if err != nil {
			return "", err
		}
		if seen[strings.ToLower(name)] {
			return "", badType("", "struct member %q is there twice", name)
		}
		seen[strings.ToLower(name)] = true
		inner, err := p.read(depth + 1)
		if err != nil {
			return "", err
		}
		members = append(members, job.Quote(name)+" "+inner)
		if p.take(",") {
			continue
		}
		if !p.take(")") {
			return "", badType("", "struct( is not closed")
		}
		return "STRUCT(" + strings.Join(members, ", ") + ")", nil
	}
}

func (p *typeReader) mapping(depth int) (string, *typeError) {
	if !p.take("(") {
		return "", badType("write map(varchar, bigint)", "a map needs the types of its keys and values")
	}
	key, err := p.read(depth + 1)
	if err != nil {
		return "", err
	}
	if !p.take(",") {
		return "", badType("write map(varchar, bigint)", "a map needs the types of its keys and values")
	}
	value, err := p.read(depth + 1)
	if err != nil {
		return "", err
	}
	if !p.take(")") {
		return "", badType("", "map( is not closed")
	}
	return "MAP(" + key + ", " + value + ")", nil
}

var memberName = regexp.MustCompile(`^[\pL_][\pL\pN_]*`)

// name reads the name of a struct's member, quoted as in SQL or plain.
func (p *typeReader) name() (string, *typeError) {
	p.space()
	if strings.HasPrefix(p.rest, `"`) {
		name, rest, ok := quotedName(p.rest)
		if !ok || name == "" {
			return "", badType("", "a name of a struct member is not closed")
		}
		p.rest = rest
		return name, nil
	}
	name := memberName.FindString(p.rest)
	if name == "" {
		return "", badType("write struct(name type, …)", "a struct member has no name")
	}
	p.rest = p.rest[len(name):]
	return name, nil
}
