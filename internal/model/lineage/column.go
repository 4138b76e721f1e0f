package lineage

// direct are the places that make up a value, each with the strongest kind on its way.
type direct map[place]Kind

// effect is a place that decides about values or rows.
type effect struct {
	place
	kind Kind
}

// effects is a set of them.
type effects map[effect]bool

func (e effects) addAll(more effects) {
	for x := range more {
		e[x] = true
	}
}

// column is what is known of one column of an operator. It is shared between operators and never changed once made.
type column struct {
	direct direct
	aside  effects            // of this column alone
	fields map[string]*column // of a struct that the query itself puts together
	key    bool               // a column of the outer row of a correlated subquery, as DuckDB hands it in
}

func newColumn() *column { return &column{direct: direct{}, aside: effects{}} }

// take adds what another column is made of, at least as strong as a kind.
func (c *column) take(other *column, least Kind) {
	for p, k := range other.direct {
		if strength[k] < strength[least] {
			k = least
		}
		if strength[k] > strength[c.direct[p]] {
			c.direct[p] = k
		}
	}
	c.aside.addAll(other.aside)
}

// decide adds another column as something that decides about this one's value.
func (c *column) decide(other *column, kind Kind) { c.aside.decide(other, kind) }

// decide adds all that a column depends on as effects of a kind. What decided about its rows keeps its own kind.
func (e effects) decide(other *column, kind Kind) {
	for p := range other.direct {
		e[effect{p, kind}] = true
	}
	for x := range other.aside {
		switch x.kind {
		case Conditional, Window:
			x.kind = kind
		}
		e[x] = true
	}
}

// with is a column that more effects decide about.
func (c *column) with(more effects) *column {
	if len(more) == 0 {
		return c
	}
	out := newColumn()
	out.take(c, Identity)
	out.aside.addAll(more)
	out.fields, out.key = c.fields, c.key
	return out
}

// field is a field of a struct column.
func (c *column) field(name string) *column {
	if f, ok := c.fields[name]; ok {
		return f
	}
	out := newColumn()
	out.aside.addAll(c.aside)
	for p, k := range c.direct {
		if k == Identity {
			if p.field != "" {
				p.field += "."
			}
			p.field += name
		}
		out.direct[p] = k
	}
	return out
}

// merged is a column that is one or the other: of a UNION.
func merged(a, b *column) *column {
	out := newColumn()
	out.take(a, Identity)
	out.take(b, Identity)
	return out
}
