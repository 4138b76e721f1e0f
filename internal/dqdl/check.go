package dqdl

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

func (p *parser) wrong(r *Rule, format string, args ...any) {
	p.report(&Error{Line: r.Line, Col: r.Col, Msg: fmt.Sprintf(format, args...)})
}

// checkRule finds what the grammar cannot see: types, parameters, conditions that do not fit.
func (p *parser) checkRule(r *Rule) {
	if n := len(r.Labels) + len(p.defaults); len(r.Labels) > 0 && n > maxLabels {
		p.wrong(r, "the rule has %d labels, defaults included; at most %d are allowed", n, maxLabels)
	}
	if r.Join != "" {
		for _, m := range r.Members {
			p.checkRule(m)
		}
		return
	}
	t, ok := p.typeOf(r)
	if !ok {
		return
	}
	if t.only {
		p.wrong(r, "%s is an analyzer and no rule", r.Name)
		return
	}
	p.checkCondition(r, t)
	if r.Where != "" && !t.where {
		p.wrong(r, "%s takes no where", r.Name)
	}
	if r.Threshold != nil && !t.threshold {
		p.wrong(r, "%s takes no threshold", r.Name)
	}
	if r.Threshold != nil && t.optional && r.Condition != nil {
		p.wrong(r, "%s takes a condition or a threshold, not both", r.Name)
	}
	p.checkTags(r)
}

// typeOf finds the type of a rule by name and number of parameters.
func (p *parser) typeOf(r *Rule) (ruleType, bool) {
	types := typesNamed(r.Name)
	if len(types) == 0 {
		p.wrong(r, "rule type %q is not known%s", r.Name, hint(r.Name, TypeNames()))
		return ruleType{}, false
	}
	n := len(r.Params)
	for _, t := range types {
		if n >= t.min && (n <= t.max || t.max < 0) {
			return t, true
		}
	}
	more := ""
	if slices.ContainsFunc(r.Params, func(x Param) bool {
		return strings.EqualFold(x.Connector, "and") || len(typesNamed(x.Text)) > 0
	}) {
		more = "; where rules are joined, each stands in parentheses: (…) AND (…)"
	}
	p.wrong(r, "%s takes %s, not %d%s", r.Name, counts(types), n, more)
	return ruleType{}, false
}

func counts(types []ruleType) string {
	low, high := types[0].min, types[0].max
	for _, t := range types {
		low = min(low, t.min)
		high = max(high, t.max)
	}
	switch {
	case types[0].max < 0:
		return fmt.Sprintf("%d or more parameters", low)
	case high == 0:
		return "no parameters"
	case low == high && low == 1:
		return "one parameter"
	case low == high:
		return fmt.Sprintf("%d parameters", low)
	}
	return fmt.Sprintf("%d to %d parameters", low, high)
}

func (p *parser) checkCondition(r *Rule, t ruleType) {
	if r.Condition == nil {
		if len(t.kinds) > 0 && !t.optional {
			p.wrong(r, "%s needs a condition on a %s", r.Name, kindNames(t.kinds))
		}
		return
	}
	if len(t.kinds) == 0 {
		p.wrong(r, "%s takes no condition", r.Name)
		return
	}
	if slices.Contains(t.kinds, Size) {
		if size, ok := asSize(r.Condition); ok {
			r.Condition = size
		}
	}
	if !slices.Contains(t.kinds, r.Condition.Kind()) {
		p.wrong(r, "%s needs a condition on a %s, not on a %s", r.Name, kindNames(t.kinds), r.Condition.Kind())
		return
	}
	if d, ok := r.Condition.(*DateCondition); ok {
		for _, m := range d.Operands {
			if _, err := m.At(time.Time{}, time.UTC); err != nil {
				p.wrong(r, "%v", err)
			}
		}
	}
}

func kindNames(kinds []Kind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return strings.Join(names, " or ")
}

// asSize reads whole numbers as sizes in bytes.
func asSize(c Condition) (*SizeCondition, bool) {
	n, ok := c.(*NumberCondition)
	if !ok {
		return nil, false
	}
	size := &SizeCondition{Op: n.Op}
	for _, o := range n.Operands {
		l, ok := o.(*Literal)
		if !ok || !likeInteger.MatchString(l.Text) || l.Value > 1<<62 {
			return nil, false
		}
		size.Operands = append(size.Operands, Bytes{Amount: int64(l.Value)})
	}
	return size, true
}

func (p *parser) checkTags(r *Rule) {
	zone, given := r.Tag("timeZone")
	if !given {
		return
	}
	if _, err := time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
		p.wrong(r, "time zone %q is not known", zone)
	}
}

func (p *parser) checkAnalyzer(r *Rule) {
	t, ok := p.typeOf(r)
	switch {
	case !ok:
	case !t.analyzer():
		p.wrong(r, "%s is a rule and no analyzer", r.Name)
	case len(r.Tags) > 0 && r.Name != "Distribution":
		p.wrong(r, "analyzer %s takes no tags", r.Name)
	}
}
