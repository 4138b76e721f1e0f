package dqdl

import "fmt"

// Limits of a text, far beyond what people write: they bound the work that a hostile one can cause.
const (
	maxDepth  = 200 // parentheses within parentheses
	maxErrors = 50
)

// parser walks the tokens. Its parts return the first mistake they meet; the lists collect mistakes and go on with the
// next element.
type parser struct {
	tokens    []token
	at        int
	depth     int
	errs      Errors
	variables map[string]Variable
	defaults  []Label
}

// Parse reads a whole document. The error is of type Errors.
func Parse(text string) (*Ruleset, error) {
	tokens, strays := scan(text)
	p := &parser{tokens: tokens, errs: strays, variables: map[string]Variable{}}
	set := p.document()
	if len(p.errs) > 0 {
		return nil, p.errs
	}
	return set, nil
}

// ParseRule reads one rule or composite, as it stands in a list. The error is of type Errors.
func ParseRule(text string) (*Rule, error) {
	tokens, strays := scan(text)
	if len(strays) > 0 {
		return nil, strays
	}
	p := &parser{tokens: tokens}
	rule, err := p.top()
	if err == nil && p.peek().kind != endOfText {
		err = p.unexpected("the end of the rule")
	}
	if err != nil {
		return nil, Errors{*err}
	}
	p.checkRule(rule)
	if len(p.errs) > 0 {
		return nil, p.errs
	}
	return rule, nil
}

func (p *parser) peek() token { return p.tokens[p.at] }

// ahead gives a token after the next one.
func (p *parser) ahead(n int) token { return p.tokens[min(p.at+n, len(p.tokens)-1)] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != endOfText {
		p.at++
	}
	return t
}

// accept takes the next token if it is the sign.
func (p *parser) accept(sign string) bool {
	if p.peek().is(sign) {
		p.at++
		return true
	}
	return false
}

func (p *parser) expect(sign string) *Error {
	if !p.accept(sign) {
		return p.unexpected("'" + sign + "'")
	}
	return nil
}

func (p *parser) unexpected(wanted string) *Error {
	return mistake(p.peek(), "expected %s, found %s", wanted, p.peek())
}

func mistake(t token, format string, args ...any) *Error {
	return &Error{Line: t.line, Col: t.col, Msg: fmt.Sprintf(format, args...)}
}

func (p *parser) report(err *Error) {
	if err == nil || len(p.errs) >= maxErrors {
		return
	}
	for _, known := range p.errs {
		if known.Line == err.Line && known.Col == err.Col {
			return // what stands there is said to be wrong already
		}
	}
	p.errs = append(p.errs, *err)
}

// deeper counts nesting; the caller calls up when it is through.
func (p *parser) deeper() *Error {
	if p.depth == maxDepth {
		return mistake(p.peek(), "parentheses are nested more than %d deep", maxDepth)
	}
	p.depth++
	return nil
}

func (p *parser) up() { p.depth-- }

// list reads [ element, … ], reporting the mistakes of each element and going on behind its comma. It says whether the
// closing bracket was found.
func (p *parser) list(element func() *Error) bool {
	if err := p.expect("["); err != nil {
		p.report(err)
		return false
	}
	if p.accept("]") {
		return true
	}
	for {
		if err := element(); err != nil {
			p.report(err)
			p.recover()
		}
		switch {
		case p.accept("]"):
			return true
		case p.accept(","):
		default:
			p.report(p.unexpected("',' or ']'"))
			p.recover()
			if p.peek().kind == endOfText {
				return false
			}
			if p.accept("]") {
				return true
			}
			p.accept(",")
		}
	}
}

// recover moves to the comma or bracket that ends the current element.
func (p *parser) recover() {
	for depth := 0; p.peek().kind != endOfText; p.at++ {
		switch t := p.peek(); {
		case depth <= 0 && (t.is(",") || t.is("]")):
			return
		case t.is("["), t.is("("), t.is("{"):
			depth++
		case t.is("]"), t.is(")"), t.is("}"):
			depth--
		}
	}
}

// text takes a text in quotes. Text that looks like a date or a time is taken too, where nothing else could be meant.
func (p *parser) text(what string) (Quoted, *Error) {
	switch p.peek().kind {
	case quoted, dateText, timeText:
		return Quoted(p.next().text), nil
	}
	return "", p.unexpected(what + ` in double quotes`)
}
