package dqdl

import "strings"

// String prints the rule in canonical form, on one line unless a text holds a line end.
func (r *Rule) String() string {
	var b strings.Builder
	r.print(&b)
	return b.String()
}

func (r *Rule) print(b *strings.Builder) {
	if r.Join != "" {
		r.printComposite(b)
		return
	}
	b.WriteString(r.Name)
	for _, p := range r.Params {
		b.WriteByte(' ')
		b.WriteString(p.String())
	}
	if r.Condition != nil {
		b.WriteByte(' ')
		b.WriteString(r.Condition.String())
	}
	if r.Where != "" {
		b.WriteString(" where " + r.Where.String())
	}
	if r.Threshold != nil {
		b.WriteString(" with threshold " + r.Threshold.String())
	}
	for _, t := range r.Tags {
		b.WriteString(" with " + t.String())
	}
	if len(r.Labels) > 0 {
		b.WriteString(" labels=" + printLabels(r.Labels))
	}
}

// printComposite puts each member in parentheses, and all of them where labels follow.
func (r *Rule) printComposite(b *strings.Builder) {
	if len(r.Labels) > 0 {
		b.WriteByte('(')
	}
	for i, m := range r.Members {
		if i > 0 {
			b.WriteString(" " + string(r.Join) + " ")
		}
		b.WriteByte('(')
		m.print(b)
		b.WriteByte(')')
	}
	if len(r.Labels) > 0 {
		b.WriteString(") labels=" + printLabels(r.Labels))
	}
}

func (p Param) String() string {
	text := p.Text
	switch {
	case p.Var != "":
		text = "$" + p.Var
	case p.Quoted:
		text = `"` + text + `"`
	}
	if p.Connector != "" {
		return p.Connector + " " + text
	}
	return text
}

func (t Tag) String() string {
	if t.Quoted {
		return t.Name + ` = "` + t.Text + `"`
	}
	return t.Name + " = " + t.Text
}

func printLabels(labels []Label) string {
	texts := make([]string, len(labels))
	for i, l := range labels {
		texts[i] = l.Key.String() + "=" + l.Value.String()
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// String prints the document in canonical form, without a line end after it.
func (s *Ruleset) String() string {
	var sections []string
	if s.Metadata != nil {
		sections = append(sections, "Metadata = {\n    \"Version\": "+s.Metadata.Version.String()+"\n}")
	}
	if s.DataSources != nil {
		sections = append(sections, "DataSources = {\n    "+strings.Join(s.DataSources.lines(), ",\n    ")+"\n}")
	}
	if len(s.Variables) > 0 {
		lines := make([]string, len(s.Variables))
		for i, v := range s.Variables {
			lines[i] = v.String()
		}
		sections = append(sections, strings.Join(lines, "\n"))
	}
	if len(s.DefaultLabels) > 0 {
		sections = append(sections, "DefaultLabels="+printLabels(s.DefaultLabels))
	}
	if len(s.Rules) > 0 {
		sections = append(sections, "Rules = [\n    "+strings.Join(lines(s.Rules), ",\n    ")+"\n]")
	}
	if len(s.Analyzers) > 0 {
		sections = append(sections, "Analyzers = [\n    "+strings.Join(lines(s.Analyzers), ",\n    ")+"\n]")
	}
	return strings.Join(sections, "\n\n")
}

func lines(rules []*Rule) []string {
	texts := make([]string, len(rules))
	for i, r := range rules {
		texts[i] = r.String()
	}
	return texts
}

func (d *DataSources) lines() []string {
	var lines []string
	if d.Primary != "" {
		lines = append(lines, `"Primary": `+d.Primary.String())
	}
	if len(d.Additional) > 0 {
		names := make([]string, len(d.Additional))
		for i, a := range d.Additional {
			names[i] = a.String()
		}
		lines = append(lines, `"AdditionalDataSources": [ `+strings.Join(names, ", ")+" ]")
	}
	return lines
}

func (v Variable) String() string {
	if !v.List {
		return v.Name + " = " + v.Values[0].String()
	}
	texts := make([]string, len(v.Values))
	for i, t := range v.Values {
		texts[i] = t.String()
	}
	return v.Name + " = [" + strings.Join(texts, ",") + "]"
}
