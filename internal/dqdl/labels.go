package dqdl

import "unicode/utf8"

const (
	maxLabels     = 10 // of a rule, defaults included
	maxLabelKey   = 128
	maxLabelValue = 256
)

func checkLabel(at token, key, value Quoted) *Error {
	k, v := utf8.RuneCountInString(key.Value()), utf8.RuneCountInString(value.Value())
	switch {
	case k == 0 || v == 0:
		return mistake(at, "a label needs a key and a value")
	case k > maxLabelKey:
		return mistake(at, "the key of a label has %d characters; at most %d are allowed", k, maxLabelKey)
	case v > maxLabelValue:
		return mistake(at, "the value of a label has %d characters; at most %d are allowed", v, maxLabelValue)
	}
	return nil
}

// labels reads labels = [ "key" = "value", … ], one at least.
func (p *parser) labels(r *Rule) *Error {
	at := p.next()
	if err := p.expect("="); err != nil {
		return err
	}
	if err := p.expect("["); err != nil {
		return err
	}
	for {
		if p.peek().is("]") && len(r.Labels) == 0 {
			return mistake(at, "labels are empty")
		}
		if err := p.label(&r.Labels); err != nil {
			return err
		}
		if p.accept("]") {
			return nil
		}
		if err := p.expect(","); err != nil {
			return err
		}
	}
}

func (p *parser) label(to *[]Label) *Error {
	at := p.peek()
	key, err := p.text("the key of a label")
	if err != nil {
		return err
	}
	if err := p.expect("="); err != nil {
		return err
	}
	value, err := p.text("the value of a label")
	if err != nil {
		return err
	}
	if hasKey(*to, key) {
		return mistake(at, "label %s is given twice", key)
	}
	*to = append(*to, Label{Key: key, Value: value})
	return checkLabel(at, key, value)
}
