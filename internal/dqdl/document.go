package dqdl

import (
	"slices"
	"strings"
)

// document reads the sections in their order and the end of the text.
func (p *parser) document() *Ruleset {
	set := &Ruleset{}
	last, start := -1, p.peek()
	for p.peek().kind != endOfText {
		at := p.at
		order := p.section(set)
		if order < 0 {
			break // what follows cannot be told apart any more
		}
		if order < last || order == last && order != variablesSection {
			p.report(mistake(p.tokens[at], "%s stands in the wrong place; the order is %s, each once", p.tokens[at], strings.Join(sectionOrder, ", ")))
		}
		last = max(last, order)
	}
	if len(p.errs) == 0 && len(set.Rules)+len(set.Analyzers) == 0 {
		p.report(mistake(start, "there is no rule and no analyzer"))
	}
	for _, r := range set.Rules {
		p.checkRule(r)
	}
	for _, r := range set.Analyzers {
		p.checkAnalyzer(r)
	}
	slices.SortStableFunc(p.errs, func(a, b Error) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Col - b.Col
	})
	return set
}

var sectionOrder = []string{"Metadata", "DataSources", "variables", "DefaultLabels", "Rules", "Analyzers"}

// Places in sectionOrder.
const (
	metadataSection = iota
	sourcesSection
	variablesSection
	labelsSection
	rulesSection
	analyzersSection
)

// section reads one section into the set and gives its place in the order, -1 where the text is beyond reading.
func (p *parser) section(set *Ruleset) int {
	name := p.peek()
	if name.kind != word {
		p.report(p.unexpected("a section such as Rules = [ … ]"))
		return -1
	}
	p.next()
	if err := p.expect("="); err != nil {
		p.report(err)
		return -1
	}
	order, ok := variablesSection, true
	switch name.text {
	case "Metadata":
		order, ok = metadataSection, p.try(p.metadata(set))
	case "DataSources":
		order, ok = sourcesSection, p.try(p.dataSources(set))
	case "DefaultLabels":
		order, ok = labelsSection, p.list(func() *Error { return p.label(&set.DefaultLabels) })
		p.defaults = set.DefaultLabels
		if len(p.defaults) > maxLabels {
			p.report(mistake(name, "there are %d default labels; at most %d are allowed", len(p.defaults), maxLabels))
		}
	case "Rules":
		order, ok = rulesSection, p.list(func() *Error {
			r, err := p.top()
			if err == nil && !p.cutOff() {
				set.Rules = append(set.Rules, r)
			}
			return err
		})
	case "Analyzers":
		order, ok = analyzersSection, p.list(func() *Error {
			r, err := p.analyzer()
			if err == nil && !p.cutOff() {
				set.Analyzers = append(set.Analyzers, r)
			}
			return err
		})
	default:
		ok = p.try(p.variable(name, set))
	}
	if !ok {
		return -1
	}
	return order
}

func (p *parser) try(err *Error) bool {
	p.report(err)
	return err == nil
}

func (p *parser) metadata(set *Ruleset) *Error {
	set.Metadata = &Metadata{}
	return p.dict(map[string]func() *Error{
		"Version": func() (err *Error) { set.Metadata.Version, err = p.text("the version"); return err },
	})
}

func (p *parser) dataSources(set *Ruleset) *Error {
	set.DataSources = &DataSources{}
	return p.dict(map[string]func() *Error{
		"Primary": func() (err *Error) {
			at := p.peek()
			if set.DataSources.Primary, err = p.text("a name"); err == nil && set.DataSources.Primary == "" {
				err = mistake(at, "the name of the primary source is empty")
			}
			return err
		},
		"AdditionalDataSources": func() *Error {
			before := len(p.errs)
			closed := p.list(func() *Error {
				q, err := p.text("a name")
				set.DataSources.Additional = append(set.DataSources.Additional, q)
				return err
			})
			if !closed || len(p.errs) > before {
				return mistake(p.peek(), "AdditionalDataSources is a list of names")
			}
			if len(set.DataSources.Additional) == 0 {
				return mistake(p.peek(), "AdditionalDataSources is empty")
			}
			return nil
		},
	})
}

// dict reads { "key": value, … } with the keys given, each at most once and one at least.
func (p *parser) dict(keys map[string]func() *Error) *Error {
	if err := p.expect("{"); err != nil {
		return err
	}
	seen := map[string]bool{}
	for {
		at := p.peek()
		key, err := p.text("a key")
		if err != nil {
			return err
		}
		read, known := keys[string(key)]
		if !known || seen[string(key)] {
			return mistake(at, "key %s is not known here or given twice", key)
		}
		seen[string(key)] = true
		if err := p.expect(":"); err != nil {
			return err
		}
		if err := read(); err != nil {
			return err
		}
		if p.accept("}") {
			return nil
		}
		if err := p.expect(","); err != nil {
			return err
		}
	}
}

// variable reads the value of a variable whose name and sign are read.
func (p *parser) variable(name token, set *Ruleset) *Error {
	v := Variable{Name: name.text}
	_, twice := p.variables[v.Name]
	switch {
	case twice:
		return mistake(name, "variable %s is defined twice", v.Name)
	case reserved(v.Name):
		return mistake(name, "%s is a word of the language and no name for a variable", v.Name)
	case strings.HasPrefix(v.Name, ".") || strings.HasPrefix(v.Name, "_"):
		return mistake(name, "the name of a variable does not start with '.' or '_'")
	}
	value := func() *Error {
		t, err := p.plainText()
		v.Values = append(v.Values, t)
		return err
	}
	if v.List = p.peek().is("["); v.List {
		before := len(p.errs)
		if !p.list(value) {
			return mistake(name, "the list of variable %s is not closed", v.Name)
		}
		if len(v.Values) == 0 && len(p.errs) == before {
			return mistake(name, "variable %s is an empty list", v.Name)
		}
	} else if err := value(); err != nil {
		return err
	}
	p.variables[v.Name] = v
	set.Variables = append(set.Variables, v)
	return nil
}

// plainText takes a text or keyword that a variable may stand for.
func (p *parser) plainText() (Text, *Error) {
	t := p.peek()
	if k := keyword(t); k != "" {
		p.next()
		return Text{Keyword: k}, nil
	}
	q, err := p.text("the value of a variable stands")
	if err == nil && refersToVariable(string(q)) {
		err = mistake(t, "the value of a variable cannot hold another variable")
	}
	return Text{Quoted: q}, err
}

// refersToVariable finds a $name in a value.
func refersToVariable(s string) bool {
	for i := 0; i+1 < len(s); i++ {
		if c := s[i+1]; s[i] == '$' && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
			return true
		}
	}
	return false
}

// cutOff says whether a rule ends where something stands that belongs nowhere, or with the text: half a rule is not checked.
func (p *parser) cutOff() bool { return p.peek().kind == stray || p.peek().kind == endOfText }
