package define

import (
	"regexp"
	"strconv"
	"strings"

	"weir/internal/job"
	"weir/internal/project"
)

// partitionFields is partition: a list of transforms over columns, or one.
type partitionFields []job.PartitionField

// transformSuffix is how a field's name ends in Iceberg: ts_day, id_bucket, sku_trunc.
var transformSuffix = map[string]string{"year": "_year", "month": "_month", "day": "_day", "hour": "_hour", "bucket": "_bucket", "truncate": "_trunc"}

// DecodeNode reads the list.
func (f *partitionFields) DecodeNode(n *project.Node) []project.Problem {
	var problems []project.Problem
	for _, item := range itemsOf(n) {
		if item.Unset {
			continue
		}
		if item.Kind >= project.List || item.IsNull() {
			problems = append(problems, item.Problem("expected a column or a transform such as day(ts), found %s", item.Describe()))
			continue
		}
		field, problem := parseTransform(item)
		if problem != nil {
			problems = append(problems, *problem)
			continue
		}
		for _, other := range *f {
			if strings.EqualFold(other.Name, field.Name) {
				problems = append(problems, item.Problem("partition field %s is there twice", field.Name))
			}
		}
		*f = append(*f, field)
	}
	return problems
}

var transformForm = regexp.MustCompile(`^\s*([A-Za-z_]+)\s*\(\s*(?:([0-9]+)\s*,\s*)?(.*?)\s*\)\s*$`)

func parseTransform(n *project.Node) (job.PartitionField, *project.Problem) {
	fail := func(hint, format string, args ...any) (job.PartitionField, *project.Problem) {
		p := n.Problem(format, args...).WithHint("%s", hint)
		return job.PartitionField{}, &p
	}
	m := transformForm.FindStringSubmatch(n.Text)
	if m == nil {
		name, ok := columnName(n.Text)
		if !ok {
			return fail("write a column, day(ts), bucket(16, id) or truncate(4, sku)", "%q is not a column or a transform of one", n.Text)
		}
		return job.PartitionField{Name: name, Column: name, Transform: "identity"}, nil
	}
	transform := strings.ToLower(m[1])
	if transform == "identity" && m[2] == "" {
		transformed := *n
		transformed.Text = m[3]
		return parseTransform(&transformed)
	}
	suffix, known := transformSuffix[transform]
	if !known {
		hint := "one of: year, month, day, hour, bucket, truncate, identity"
		if near := project.Nearest(transform, []string{"year", "month", "day", "hour", "bucket", "truncate", "identity"}); near != "" {
			hint = "nearest: " + near
		}
		return fail(hint, "%q is not a transform", m[1])
	}
	takesWidth := transform == "bucket" || transform == "truncate"
	column, ok := columnName(m[3])
	if !ok || strings.Contains(column, ",") {
		hint := "write " + transform + "(ts)"
		if takesWidth {
			hint = "write the width first: " + transform + "(16, id)"
		}
		return fail(hint, "%q does not name one column", n.Text)
	}
	field := job.PartitionField{Name: column + suffix, Column: column, Transform: transform}
	switch {
	case takesWidth && m[2] == "":
		return fail("write "+transform+"(16, "+column+")", "%s needs a width", transform)
	case !takesWidth && m[2] != "":
		return fail("write "+transform+"("+column+")", "%s takes no width", transform)
	case takesWidth:
		width, err := strconv.ParseInt(m[2], 10, 32)
		if err != nil || width < 1 {
			return fail("", "the width of %s lies between 1 and 2147483647", transform)
		}
		field.Width = int(width)
	}
	return field, nil
}

// sortTerms is sort: columns with asc, desc, nulls first and nulls last, as SQL order terms.
type sortTerms []string

var orderForm = regexp.MustCompile(`(?i)^(.*?)(?:\s+(asc|desc))?(?:\s+nulls\s+(first|last))?$`)

// DecodeNode reads one term or a list.
func (s *sortTerms) DecodeNode(n *project.Node) []project.Problem {
	var problems []project.Problem
	for _, item := range itemsOf(n) {
		if item.Unset {
			continue
		}
		if item.Kind >= project.List || item.IsNull() {
			problems = append(problems, item.Problem("expected a column, found %s", item.Describe()))
			continue
		}
		m := orderForm.FindStringSubmatch(strings.TrimSpace(item.Text))
		name, ok := columnName(m[1])
		if !ok || !strings.HasPrefix(m[1], `"`) && strings.ContainsAny(name, " ,;()") {
			problems = append(problems, item.Problem("%q is not a column to sort by", item.Text).WithHint("write ts, or ts desc nulls last"))
			continue
		}
		term := job.Quote(name)
		if m[2] != "" {
			term += " " + strings.ToUpper(m[2])
		}
		if m[3] != "" {
			term += " NULLS " + strings.ToUpper(m[3])
		}
		*s = append(*s, term)
	}
	return problems
}
