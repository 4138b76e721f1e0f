package dqdl

// number reads an expression: operands joined by + - * /, all of one rank and grouped from the left.
func (p *parser) number() (Number, *Error) {
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	for p.peek().is("+") || p.peek().is("-") || p.peek().is("*") || p.peek().is("/") {
		op := p.next().text[0]
		right, err := p.operand()
		if err != nil {
			return nil, err
		}
		left = &Binary{Op: op, Left: left, Right: right}
	}
	return left, nil
}

func (p *parser) operand() (Number, *Error) {
	t := p.peek()
	switch {
	case keyword(t) == Null:
		p.next()
		return &NullNumber{}, nil
	case t.kind == integer || t.kind == decimal:
		p.next()
		return p.literal(t, t.text)
	case t.is("-"):
		p.next()
		if n := p.peek(); n.kind != integer && n.kind != decimal {
			return nil, p.unexpected("a number after '-'")
		}
		n := p.next()
		return p.literal(n, "-"+n.text)
	case t.is("("):
		return p.parenthesis()
	case t.kind == word && p.ahead(1).is("(") && !reserved(t.text):
		return p.call()
	case t.kind == nowCall:
		return nil, mistake(t, "a date stands where a number is needed")
	case t.kind == word:
		return nil, mistake(t, "expected a number, found %s; texts stand in double quotes", t)
	}
	return nil, p.unexpected("a number")
}

func (p *parser) literal(t token, text string) (Number, *Error) {
	n, err := literal(text)
	if err != nil {
		return nil, mistake(t, "%v", err)
	}
	return n, nil
}

func (p *parser) parenthesis() (Number, *Error) {
	p.next()
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer p.up()
	inner, err := p.number()
	if err != nil {
		return nil, err
	}
	return &Paren{Inner: inner}, p.expect(")")
}

func (p *parser) call() (Number, *Error) {
	c := &Call{Name: p.next().text}
	p.next()
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer p.up()
	if p.accept(")") {
		return c, nil
	}
	for {
		arg, err := p.number()
		if err != nil {
			return nil, err
		}
		c.Args = append(c.Args, arg)
		if p.accept(")") {
			return c, nil
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
	}
}
