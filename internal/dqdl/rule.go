package dqdl

// top reads rules joined by AND and OR; AND binds tighter.
func (p *parser) top() (*Rule, *Error) {
	return p.joined(Or, func() (*Rule, *Error) { return p.joined(And, p.member) })
}

// joined reads one or more parts with the join between them.
func (p *parser) joined(join Join, part func() (*Rule, *Error)) (*Rule, *Error) {
	first, err := part()
	if err != nil {
		return nil, err
	}
	parts := []*Rule{first}
	for p.peek().isWord(joinWords(join)...) {
		p.next()
		r, err := part()
		if err != nil {
			return nil, err
		}
		parts = append(parts, r)
	}
	if len(parts) == 1 {
		return first, nil
	}
	all := &Rule{Join: join, Line: first.Line, Col: first.Col}
	for _, r := range parts {
		if r.Join == join && len(r.Labels) == 0 {
			all.Members = append(all.Members, r.Members...)
		} else {
			all.Members = append(all.Members, r)
		}
	}
	return all, nil
}

func joinWords(j Join) []string {
	if j == And {
		return []string{"AND", "and"}
	}
	return []string{"OR", "or"}
}

// member reads a rule, or anything in parentheses.
func (p *parser) member() (*Rule, *Error) {
	open := p.peek()
	if !p.accept("(") {
		return p.rule()
	}
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer p.up()
	r, err := p.top()
	if err != nil {
		return nil, err
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	r.Line, r.Col = open.line, open.col
	if p.peek().isWord("labels") {
		r.Labels = nil // what stands outside the parentheses wins
		return r, p.labels(r)
	}
	return r, nil
}

// head reads the name and the parameters of a rule or an analyzer.
func (p *parser) head() (*Rule, *Error) {
	name := p.peek()
	if name.kind != word || reserved(name.text) {
		return nil, p.unexpected("the name of a rule")
	}
	p.next()
	r := &Rule{Name: name.text, Line: name.line, Col: name.col}
	for {
		param, found, err := p.param()
		if err != nil {
			return nil, err
		}
		if !found {
			return r, nil
		}
		r.Params = append(r.Params, param)
	}
}

// param reads one parameter, if one stands here, with the connector word before it.
func (p *parser) param() (param Param, found bool, err *Error) {
	if t := p.peek(); t.isWord("of", "OF", "and", "AND") && startsParam(p.ahead(1)) {
		param.Connector = p.next().text
	}
	t := p.peek()
	switch {
	case !startsParam(t):
		return param, false, nil
	case t.is("$"):
		p.next()
		v, err := p.reference()
		if err != nil {
			return param, false, err
		}
		if v.List || v.Values[0].Keyword != "" {
			return param, false, mistake(t, "a parameter needs a text and variable %s is none", v.Name)
		}
		param.Var, param.Text = v.Name, string(v.Values[0].Quoted)
	default:
		p.next()
		param.Text, param.Quoted = t.text, t.kind != word
	}
	return param, true, nil
}

func startsParam(t token) bool {
	switch t.kind {
	case quoted, dateText, timeText:
		return true
	case word:
		return !reserved(t.text)
	}
	return t.is("$")
}

// reference reads the name of a variable after its $.
func (p *parser) reference() (Variable, *Error) {
	name := p.peek()
	if name.kind != word {
		return Variable{}, p.unexpected("the name of a variable after '$'")
	}
	p.next()
	v, ok := p.variables[name.text]
	if !ok {
		return v, mistake(name, "variable %s is not defined%s", name.text, hint(name.text, p.variableNames()))
	}
	return v, nil
}

func (p *parser) variableNames() []string {
	var names []string
	for n := range p.variables {
		names = append(names, n)
	}
	return names
}

func hint(name string, names []string) string {
	if n := Nearest(name, names); n != "" {
		return "; nearest: " + n
	}
	return ""
}

// rule reads a simple rule. Labels may stand before or after the tags.
func (p *parser) rule() (*Rule, *Error) {
	r, err := p.head()
	if err != nil {
		return nil, err
	}
	if p.startsCondition() {
		if r.Condition, err = p.condition(); err != nil {
			return nil, err
		}
	}
	if at := p.peek(); at.isWord("where") {
		p.next()
		if r.Where, err = p.text("an SQL condition"); err != nil {
			return nil, err
		}
		if r.Where == "" {
			return nil, mistake(at, "where is empty")
		}
	}
	for {
		switch t := p.peek(); {
		case t.isWord("labels") && len(r.Labels) > 0:
			return nil, mistake(t, "labels are given twice")
		case t.isWord("labels"):
			err = p.labels(r)
		case t.isWord("with"):
			p.next()
			err = p.tag(r)
		default:
			lowerOperands(r)
			return r, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// lowerOperands keeps the operands in lower case where the case of letters does not count.
func lowerOperands(r *Rule) {
	c, ok := r.Condition.(*StringCondition)
	if v, _ := r.Tag("ignoreCase"); ok && v == "true" {
		c.lower()
	}
}

// tag reads name = value, or threshold and its condition.
func (p *parser) tag(r *Rule) *Error {
	name := p.peek()
	if name.kind != word || reserved(name.text) {
		return p.unexpected("the name of a tag")
	}
	p.next()
	if name.text == "threshold" {
		if r.Threshold != nil {
			return mistake(name, "threshold is given twice")
		}
		if !p.startsCondition() {
			return p.unexpected("a condition such as > 0.9 after threshold")
		}
		c, err := p.condition()
		if err != nil {
			return err
		}
		n, ok := c.(*NumberCondition)
		if !ok {
			return mistake(name, "threshold is a condition on a number, not on a %s", c.Kind())
		}
		r.Threshold = n
		return nil
	}
	if _, twice := r.Tag(name.text); twice {
		return mistake(name, "tag %s is given twice", name.text)
	}
	if err := p.expect("="); err != nil {
		return err
	}
	t := Tag{Name: name.text}
	switch v := p.peek(); {
	case v.kind == quoted || v.kind == dateText || v.kind == timeText:
		t.Text, t.Quoted = p.next().text, true
	case v.kind == integer || v.kind == decimal:
		t.Text = p.next().text
	case v.is("-") && (p.ahead(1).kind == integer || p.ahead(1).kind == decimal):
		p.next()
		t.Text = "-" + p.next().text
	case v.isWord("true", "false"):
		t.Text = p.next().text
	default:
		return p.unexpected("a text or a number")
	}
	r.Tags = append(r.Tags, t)
	return nil
}

// analyzer reads a name, parameters and, joined by commas, tags.
func (p *parser) analyzer() (*Rule, *Error) {
	r, err := p.head()
	if err != nil {
		return nil, err
	}
	if p.startsCondition() || p.peek().isWord("where", "labels") {
		return nil, mistake(p.peek(), "an analyzer has neither condition nor where nor labels")
	}
	for p.peek().isWord("with") || len(r.Tags) > 0 && p.peek().is(",") && p.ahead(2).is("=") {
		p.next()
		if p.peek().isWord("threshold") {
			return nil, mistake(p.peek(), "an analyzer has no threshold")
		}
		if err := p.tag(r); err != nil {
			return nil, err
		}
	}
	return r, nil
}
