package define

import (
	"slices"
	"strings"

	"weir/internal/project"
	"weir/internal/sink"
)

// Sinks are the kinds of connection that tables can be published to, by their type.
type Sinks map[string]sink.Kind

// Publish is one destination of a table.
type Publish struct {
	To         string // as written: bi.public.daily_sales
	Connection string
	Schema     string // "" for the connection's own
	Table      string
	Mode       PublishMode
	Key        []string // of upsert and history; of history with valid_from at its end
	Columns    []string // the only ones to publish; nil for all
	MaxRejects Limit
	Place      project.Place
}

// PublishMode is how a destination follows its table.
type PublishMode string

// Modes of publishing.
const (
	PublishAppend  PublishMode = "append"  // new rows are added
	PublishUpsert  PublishMode = "upsert"  // rows are inserted, updated and deleted by key
	PublishReplace PublishMode = "replace" // all rows are loaded anew
	PublishHistory PublishMode = "history" // versions are inserted, updated and deleted by key and valid_from
)

// publishKeys are the keys of one destination.
type publishKeys struct {
	To         string      `yaml:"to" required:"true" doc:"where to: connection.schema.table; names with odd characters are quoted as in SQL"`
	Mode       string      `yaml:"mode" enum:"upsert|append|replace|history" doc:"upsert inserts, updates and deletes by key; append adds new rows; replace loads all rows anew; history is upsert of the versions of a table with mode history; by default history for such a table, upsert where there is a key, else replace"`
	Key        columnNames `yaml:"key" doc:"columns that tell rows apart, with mode upsert; by default the table's key"`
	Columns    columnNames `yaml:"columns" doc:"the only columns to publish; by default all but those that Weir adds itself, such as _file"`
	MaxRejects limitText   `yaml:"max_rejects" default:"0" doc:"rows that the destination may refuse in one load, by its constraints or its types, and that are left out then: 5, 0.1%, unlimited"`
}

// publishText is one destination as it is written: where to, or a map.
type publishText struct {
	publishKeys
	node *project.Node
}

// DecodeNode reads the keys and keeps their place.
func (p *publishText) DecodeNode(n *project.Node) []project.Problem {
	p.node = n
	if n.Kind == project.Text {
		p.To = n.Text
		return nil
	}
	return project.Decode(n, &p.publishKeys)
}

func (publishText) describe() (string, *schema) {
	return "destination", &schema{AnyOf: []*schema{{Type: "string"}, object("a destination", fieldsOf[publishKeys]())}}
}

// publish takes over the destinations of a table whose mode and key are settled.
func (l *loader) publish(t *Table, texts []publishText) {
	for _, text := range texts {
		if p, ok := l.destination(t, text); ok {
			t.Publish = append(t.Publish, p)
		}
	}
}

func (l *loader) destination(t *Table, text publishText) (p Publish, ok bool) {
	if text.node == nil || text.To == "" {
		return p, false // said where it was read
	}
	at := func(key string) project.Place { return placeOf(text.node, key, text.node.Place) }
	sound := true
	fail := func(key, hint, format string, args ...any) {
		sound = false
		l.add(at(key).Problem(format, args...).WithHint("%s", hint))
	}
	p = Publish{To: text.To, Key: text.Key, Columns: text.Columns, MaxRejects: Limit(text.MaxRejects), Mode: PublishMode(text.Mode), Place: at("to")}
	if t.Mode == View {
		fail("to", "build it as a table: take mode: view out", "a view stores nothing that could be published")
	}
	if p.Mode == PublishHistory && len(p.Key) > 0 {
		fail("key", "take it out", "key has no meaning with mode history: versions go by the table's key and the time they are valid from")
	}
	l.reach(&p, fail)
	p.conventions(t)
	p.together(t, fail)
	if other := l.published[p.To]; other != "" {
		fail("to", "give one of them a destination of its own", "%s is published by %s, too", p.To, other)
	}
	if l.published == nil {
		l.published = map[string]string{}
	}
	l.published[p.To] = t.Name
	return p, sound
}

// reach finds the connection and the name of the destination in it.
func (l *loader) reach(p *Publish, fail func(key, hint, format string, args ...any)) {
	connection, rest, ok := splitFrom(p.To)
	parts := nameParts(rest)
	if !ok || len(parts) == 0 || len(parts) > 2 {
		fail("to", `write connection.schema.table; odd names are quoted as in SQL: 'bi.public."Daily Sales"'`, "to: %q is no table in a connection", p.To)
		return
	}
	p.Connection, p.Table = connection, parts[len(parts)-1]
	if len(parts) == 2 {
		p.Schema = parts[0]
	}
	c, known := l.out.Connections[connection]
	switch {
	case !known && l.folder.Config == nil: // what is in weir.yaml cannot be read, which is said there
	case !known:
		fail("to", project.NearestHint(connection, sorted(l.out.Connections)), "connection %q is not in weir.yaml", connection)
	case c.Type == "": // a mistake of the connection, which is said there
	default:
		if _, ok := l.sinks[c.Type]; !ok {
			fail("to", "tables are published to connections of type "+strings.Join(sorted(l.sinks), ", "), "%s is a connection of type %s, which takes no tables", connection, c.Type)
		}
	}
}

// nameParts are the parts of a dotted name.
func nameParts(text string) (parts []string) {
	for text != "" {
		part, rest := "", ""
		if strings.HasPrefix(text, `"`) {
			part, rest, _ = quotedName(text)
		} else {
			part = plainPart.FindString(text)
			rest = text[len(part):]
		}
		parts = append(parts, part)
		text = strings.TrimPrefix(rest, ".")
	}
	return parts
}

// conventions fill in what is not written.
func (p *Publish) conventions(t *Table) {
	if p.Mode == "" {
		switch {
		case t.Mode == History && len(p.Key) == 0:
			p.Mode = PublishHistory
		case len(p.Key) > 0 || len(t.Key) > 0:
			p.Mode = PublishUpsert
		default:
			p.Mode = PublishReplace
		}
	}
	switch {
	case p.Mode == PublishHistory && t.Mode == History:
		p.Key = append(slices.Clone(t.Key), t.Versions.From)
	case p.Mode == PublishUpsert && len(p.Key) == 0:
		p.Key = t.Key
	}
}

// together checks that the keys of a destination go together, and with the table.
func (p *Publish) together(t *Table, fail func(key, hint, format string, args ...any)) {
	switch p.Mode {
	case PublishHistory:
		if t.Mode != History {
			fail("mode", "write mode: upsert, or mode: history in the table itself", "mode history publishes the versions of a table with mode history; this one has mode %s", t.Mode)
			return
		}
	case PublishUpsert:
		if len(p.Key) == 0 {
			fail("mode", "write key: with the columns that tell rows apart, or mode: replace", "mode upsert needs a key, and the table has none")
			return
		}
	default:
		if len(p.Key) > 0 {
			fail("key", "take it out, or write mode: upsert", "key has no meaning with mode %s", p.Mode)
		}
	}
	for _, k := range p.Key {
		if len(p.Columns) > 0 && !holds(p.Columns, k) {
			fail("columns", "add it", "column %q is part of the key and has to be published", k)
		}
	}
}
