package dqdl

import "strconv"

func (p *parser) startsCondition() bool {
	t := p.peek()
	return t.isWord("not", "between", "in", "matches") || t.is("=") || t.is("!") || t.is(">") || t.is(">=") || t.is("<") || t.is("<=")
}

// operator reads a comparison. != is two signs that may stand apart.
func (p *parser) operator() (Op, *Error) {
	t := p.next()
	if t.is("!") {
		return NotEqual, p.expect("=")
	}
	if t.isWord("not") {
		switch n := p.peek(); {
		case n.isWord("between"), n.isWord("in"), n.isWord("matches"):
			return Op("not " + p.next().text), nil
		}
		return "", p.unexpected("between, in or matches after not")
	}
	return Op(t.text), nil
}

// condition reads an operator and operands, all of the kind that the first one shows.
func (p *parser) condition() (Condition, *Error) {
	at := p.peek()
	op, err := p.operator()
	if err != nil {
		return nil, err
	}
	kind := p.kindAhead(op)
	if op == Matches || op == NotMatches {
		q, err := p.text("a pattern")
		return &StringCondition{Op: op, Operands: []Text{{Quoted: q}}}, err
	}
	switch kind {
	case String:
		if op != Equal && op != NotEqual && op != In && op != NotIn {
			return nil, mistake(at, "texts have no order: '%s' compares numbers and dates", op)
		}
		return p.stringCondition(op)
	case Date:
		operands, err := operands(p, op, p.moment)
		return &DateCondition{Op: op, Operands: operands}, err
	case Span:
		operands, err := operands(p, op, p.duration)
		return &DurationCondition{Op: op, Operands: operands}, err
	case Size:
		operands, err := operands(p, op, p.bytes)
		return &SizeCondition{Op: op, Operands: operands}, err
	}
	operands, err := operands(p, op, p.number)
	return &NumberCondition{Op: op, Operands: operands}, err
}

// operands reads as many operands as the operator takes.
func operands[T any](p *parser, op Op, one func() (T, *Error)) ([]T, *Error) {
	list := op == In || op == NotIn
	if list {
		if err := p.expect("["); err != nil {
			return nil, err
		}
	}
	var all []T
	for {
		v, err := one()
		if err != nil {
			return nil, err
		}
		all = append(all, v)
		switch {
		case list && p.accept("]"), !list && op != Between && op != NotBetween, !list && len(all) == 2:
			return all, nil
		case list:
			err = p.expect(",")
		case p.peek().isWord("and", "AND"):
			p.next()
		default:
			err = p.unexpected("and")
		}
		if err != nil {
			return nil, err
		}
	}
}

// kindAhead tells the kind of a condition by its first operand that is not NULL. Only NULLs are numbers.
func (p *parser) kindAhead(op Op) Kind {
	i := 0
	if (op == In || op == NotIn) && p.peek().is("[") {
		i = 1
	}
	for keyword(p.ahead(i)) == Null && (p.ahead(i+1).is(",") || p.ahead(i+1).isWord("and", "AND")) {
		i += 2
	}
	t, n := p.ahead(i), p.ahead(i+1)
	switch {
	case t.kind == quoted, t.is("$"), keyword(t) == Empty, keyword(t) == WhitespacesOnly:
		return String
	case t.kind == dateText, t.kind == timeText, t.kind == nowCall, t.is("(") && n.kind == nowCall:
		return Date
	case t.kind == integer && n.kind == word && unitMinutes(n.text) > 0:
		return Span
	case t.kind == integer && n.kind == word && unitBytes(n.text) > 0:
		return Size
	}
	return Num
}

// keyword gives the keyword a token is, or "".
func keyword(t token) Keyword {
	switch {
	case t.isWord("NULL", "null"):
		return Null
	case t.isWord("EMPTY", "empty"):
		return Empty
	case t.isWord("WHITESPACES_ONLY", "whitespaces_only"):
		return WhitespacesOnly
	}
	return ""
}

func (p *parser) stringCondition(op Op) (Condition, *Error) {
	list := op == In || op == NotIn
	bare := list && p.peek().is("$")
	c := &StringCondition{Op: op, Bare: bare}
	one := func() (Text, *Error) { return p.operandText(list) }
	var err *Error
	if bare {
		c.Operands, err = operands(p, Equal, one)
	} else {
		c.Operands, err = operands(p, op, one)
	}
	return c, err
}

// operandText reads a text, a keyword or a variable; only a list takes a variable that is a list.
func (p *parser) operandText(list bool) (Text, *Error) {
	t := p.peek()
	if k := keyword(t); k != "" {
		p.next()
		return Text{Keyword: k}, nil
	}
	if p.accept("$") {
		v, err := p.reference()
		if err == nil && v.List && !list {
			err = mistake(t, "variable %s is a list; compare with in", v.Name)
		}
		return Text{Var: v.Name, Of: v.Values}, err
	}
	if t.kind != quoted {
		return Text{}, p.unexpected("a text like the others")
	}
	return Text{Quoted: Quoted(p.next().text)}, nil
}

// moment reads a date, a time, now(), a shifted now() in parentheses, or NULL.
func (p *parser) moment() (Moment, *Error) {
	t := p.peek()
	switch {
	case keyword(t) == Null:
		p.next()
		return Moment{Form: NoMoment}, nil
	case t.kind == dateText:
		p.next()
		return Moment{Form: Day, Text: t.text}, nil
	case t.kind == timeText:
		p.next()
		return Moment{Form: TimeOfDay, Text: t.text}, nil
	case t.kind == nowCall:
		p.next()
		if p.peek().is("-") || p.peek().is("+") {
			return Moment{}, mistake(p.peek(), "a shifted now() stands in parentheses: (now() - 3 days)")
		}
		return Moment{Form: Now}, nil
	case t.is("(") && p.ahead(1).kind == nowCall:
		p.next()
		p.next()
		m := Moment{Form: Now}
		if m.Back = p.accept("-"); !m.Back && !p.accept("+") {
			return m, p.unexpected("'+' or '-' and a duration after now()")
		}
		var err *Error
		if m.Shift, err = p.duration(); err != nil {
			return m, err
		}
		return m, p.expect(")")
	}
	return Moment{}, p.unexpected("a date, a time or now()")
}

func (p *parser) duration() (Duration, *Error) {
	amount, err := p.amount("a duration such as 3 days")
	if err != nil {
		return Duration{}, err
	}
	unit := p.peek()
	if unit.kind != word || unitMinutes(unit.text) == 0 {
		return Duration{}, p.unexpected("days, hours or minutes")
	}
	p.next()
	// Ten thousand years: far beyond use, far below where minutes and nanoseconds overflow.
	if d := (Duration{Amount: amount, Unit: unit.text}); amount <= 5_000_000_000 && d.Minutes() <= 150_000_000 {
		return d, nil
	}
	return Duration{}, mistake(unit, "the duration is too long")
}

// bytes reads a size; a bare number is bytes.
func (p *parser) bytes() (Bytes, *Error) {
	at := p.peek()
	amount, err := p.amount("a size such as 5 MB")
	if err != nil {
		return Bytes{}, err
	}
	b := Bytes{Amount: amount}
	if unit := p.peek(); unit.kind == word && unitBytes(unit.text) > 0 {
		p.next()
		b.Unit = unit.text
	}
	if amount > (1<<62)/unitBytes(b.Unit) {
		return b, mistake(at, "the size is too large")
	}
	return b, nil
}

func (p *parser) amount(what string) (int64, *Error) {
	t := p.peek()
	if t.kind != integer {
		return 0, p.unexpected(what)
	}
	p.next()
	n, err := strconv.ParseInt(t.text, 10, 64)
	if err != nil {
		return 0, mistake(t, "%s is too large", t)
	}
	return n, nil
}
