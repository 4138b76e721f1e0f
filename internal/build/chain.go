package build

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"weir/internal/job"
	"weir/internal/lake"
)

// A key's chain is made of events: rows, each from its time on, and ends, at which a full read did not find the key. A version is a
// run of rows that say the same in the tracked columns, with nothing in between. It begins with the first, holds the values of the
// last and ends with the next event. Of two events of a key at one time the one of the later build counts. So that a row that comes
// late may part a version, the version keeps in SeenColumn the time of each of its rows and what all but the last said in columns
// that are not tracked: a JSON list of objects with the time as "at" and values by the field ids of their columns, all as text.
// Where rows take the run's logical time as theirs none comes late (forward), and nothing is kept.

// Columns of events.
const (
	endColumn  = "__weir_end" // whether the event is an end
	opensTerm  = "__weir_opens"
	lastTerm   = "__weir_last"
	nextTerm   = "__weir_next"
	numberTerm = "__weir_number"
	seenTerm   = "__weir_seen"
	atMember   = "at" // of an object of SeenColumn
)

// chain makes madeTable: the chains of newTable's keys and of those that are gone, as far as they may change and are not alone.
func (w *work) chain(ctx context.Context) error {
	if err := w.sortOut(ctx); err != nil {
		return err
	}
	if err := w.storedEvents(ctx); err != nil {
		return err
	}
	if err := w.newEvents(ctx); err != nil {
		return err
	}
	return w.fold(ctx)
}

// remembers says whether versions keep the rows they were made of.
func (w *work) remembers() bool {
	return indexOf(w.columns, SeenColumn) >= 0 && w.t.Table.OrderBy != ""
}

// data are the columns of an event beside its time: those of the data.
func (w *work) data() []job.Column { return w.ownColumns(w.columns) }

// sortOut leaves to the chain only the keys of which it is not plain what comes: not those whose one row says what their open version's
// last row does, of which nothing comes, nor those whose one row meets no stored version (alone), which is a version by itself.
func (w *work) sortOut(ctx context.Context) error {
	many := "SELECT " + w.key("n.") + " FROM " + newTable + " AS n GROUP BY " + w.key("n.") + " HAVING count(*) > 1"
	if len(w.identity()) == len(w.t.Table.Key) {
		many = "SELECT " + w.key("n.") + " FROM " + newTable + " AS n WHERE false"
	}
	last := "true"
	if w.remembers() {
		last = w.from("n") + " = " + w.lastSeen("o")
	}
	return w.execAll(ctx, "compare rows",
		"CREATE OR REPLACE TEMP TABLE "+manyTable+" AS "+many,
		"CREATE OR REPLACE TEMP TABLE "+calmTable+" AS SELECT "+w.key("n.")+" FROM "+newTable+" AS n JOIN "+oldTable+" AS o ON "+w.on("n", "o")+" ANTI JOIN "+manyTable+" AS m ON "+w.on("n", "m")+
			" WHERE "+w.to("o")+" IS NULL AND "+w.from("o")+" <= "+w.from("n")+" AND "+last+" AND "+alike(w.values(), "n", "o"),
		"CREATE OR REPLACE TEMP TABLE "+chainTable+" AS SELECT o.* FROM "+oldTable+" AS o ANTI JOIN "+calmTable+" AS c ON "+w.on("o", "c"),
		"CREATE OR REPLACE TEMP TABLE "+restTable+" AS SELECT n.* FROM "+newTable+" AS n SEMI JOIN (SELECT "+w.key("")+" FROM "+chainTable+" UNION ALL SELECT "+w.key("")+" FROM "+manyTable+
			") AS o ON "+w.on("n", "o"))
}

// alone is a SELECT of the rows that are versions by themselves.
func (w *work) alone() string {
	return "SELECT " + list("n.", w.columns) + " FROM " + newTable + " AS n ANTI JOIN " + oldTable + " AS o ON " + w.on("n", "o") + " ANTI JOIN " + manyTable + " AS m ON " + w.on("n", "m")
}

// values are the columns that say whether two rows of one time are the same: not the file they are from.
func (w *work) values() []job.Column {
	return slices.DeleteFunc(w.data(), func(c job.Column) bool { return c.Name == FileColumn })
}

// lastSeen is SQL for the time of a stored version's last row.
func (w *work) lastSeen(alias string) string {
	seen := alias + "." + job.Quote(SeenColumn)
	return "CASE WHEN " + seen + " IS NULL THEN " + w.from(alias) + " ELSE CAST(json_extract_string(" + seen + ", '$[#-1]." + atMember + "') AS " + w.fromType() + ") END"
}

func (w *work) fromType() string {
	return w.columns[indexOf(w.columns, w.t.Table.Versions.From)].Type
}

// storedEvents makes eventTable of what is stored.
func (w *work) storedEvents(ctx context.Context) error {
	plain := "SELECT " + list("o.", w.data()) + ", " + w.from("o") + ", false AS " + endColumn + " FROM " + chainTable + " AS o"
	if w.remembers() {
		seen := "o." + job.Quote(SeenColumn)
		plain += " WHERE " + seen + " IS NULL UNION ALL SELECT " + w.seenValues() + ", CAST(json_extract_string(o." + seenTerm + ", '" + atMember + "') AS " + w.fromType() + "), false FROM (SELECT *, unnest(from_json(" +
			job.Quote(SeenColumn) + "::JSON, '[\"JSON\"]')) AS " + seenTerm + " FROM " + chainTable + " AS o WHERE " + seen + " IS NOT NULL) AS o"
	}
	ends := make([]string, 0, len(w.columns))
	for _, c := range w.data() {
		if slices.ContainsFunc(w.t.Table.Key, func(k string) bool { return strings.EqualFold(k, c.Name) }) {
			ends = append(ends, "o."+job.Quote(c.Name))
		} else {
			ends = append(ends, "NULL")
		}
	}
	return w.execAll(ctx, "read chains", "CREATE OR REPLACE TEMP TABLE "+eventTable+" AS "+plain+" UNION ALL SELECT "+strings.Join(ends, ", ")+", "+w.to("o")+", true FROM "+chainTable+
		" AS o WHERE "+w.to("o")+" IS NOT NULL AND NOT EXISTS (SELECT 1 FROM "+chainTable+" AS n WHERE "+w.on("o", "n")+" AND "+w.to("o")+" = "+w.from("n")+")")
}

// seenValues are the data columns of one row that a version o remembers: what it keeps of it, and else its own values.
func (w *work) seenValues() string {
	items := make([]string, 0, len(w.columns))
	for _, c := range w.data() {
		own, member := "o."+job.Quote(c.Name), fmt.Sprintf(`(o.%s, '$."%d"')`, seenTerm, c.ID)
		value := "CAST(json_extract_string" + member + " AS " + c.Type + ")"
		if text, err := lake.TextType(c.Type); err == nil && lake.Nested(c.Type) {
			value = "CAST(CAST(json_extract" + member + " AS " + text + ") AS " + c.Type + ")"
		}
		items = append(items, "CASE WHEN json_exists"+member+" THEN "+value+" ELSE "+own+" END AS "+job.Quote(c.Name))
	}
	return strings.Join(items, ", ")
}

// newEvents lays the rows brought over eventTable, the ends of keys that are gone, and the rows of keys that are there again.
func (w *work) newEvents(ctx context.Context) error {
	cols := list("n.", w.data()) + ", " + w.from("n")
	err := w.execAll(ctx, "place rows",
		"CREATE OR REPLACE TEMP TABLE "+freshTable+" AS SELECT "+cols+", false AS "+endColumn+" FROM "+restTable+" AS n ANTI JOIN "+eventTable+" AS e ON "+same(w.version(), "n", "e")+
			" AND NOT e."+endColumn+" AND "+alike(w.values(), "n", "e"),
		w.over(freshTable), "INSERT INTO "+eventTable+" SELECT * FROM "+freshTable)
	if err != nil || !w.closes() {
		return err
	}
	if err := w.endGone(ctx); err != nil || w.t.Table.OrderBy == "" {
		return err
	}
	return w.thereAgain(ctx)
}

// over deletes the events that others replace.
func (w *work) over(by string) string {
	return "DELETE FROM " + eventTable + " AS e WHERE EXISTS (SELECT 1 FROM " + by + " AS n WHERE " + same(w.version(), "n", "e") + ")"
}

// endGone ends the chains of keys that are gone at the run's logical time.
func (w *work) endGone(ctx context.Context) error {
	items := make([]string, 0, len(w.columns))
	for _, c := range w.data() {
		if slices.ContainsFunc(w.t.Table.Key, func(k string) bool { return strings.EqualFold(k, c.Name) }) {
			items = append(items, "x."+job.Quote(c.Name))
		} else {
			items = append(items, "CAST(NULL AS "+c.Type+") AS "+job.Quote(c.Name))
		}
	}
	return w.execAll(ctx, "close versions",
		"CREATE OR REPLACE TEMP TABLE "+freshTable+" AS SELECT "+strings.Join(items, ", ")+", "+w.atClock()+" AS "+job.Quote(w.t.Table.Versions.From)+", true AS "+endColumn+" FROM "+offTable+" AS x",
		w.over(freshTable), "INSERT INTO "+eventTable+" SELECT * FROM "+freshTable)
}

// thereAgain opens at the run's logical time what a full read finds and what, by the time of its rows, had ended before: the source
// took the row back as it was.
func (w *work) thereAgain(ctx context.Context) error {
	clock := w.atClock()
	return w.execAll(ctx, "open versions again",
		"CREATE OR REPLACE TEMP TABLE "+againTable+" AS SELECT "+list("n.", w.data())+", "+clock+" AS "+job.Quote(w.t.Table.Versions.From)+", false AS "+endColumn+
			" FROM (SELECT * FROM "+restTable+" AS n QUALIFY row_number() OVER (PARTITION BY "+w.key("n.")+" ORDER BY "+w.from("n")+" DESC) = 1) AS n JOIN (SELECT "+w.key("e.")+
			", arg_max(e."+endColumn+", "+w.from("e")+") AS "+lastTerm+" FROM "+eventTable+" AS e WHERE "+w.from("e")+" <= "+clock+" GROUP BY "+w.key("e.")+") AS e ON "+w.on("n", "e")+
			" WHERE e."+lastTerm+" AND "+w.from("n")+" <= "+clock,
		w.over(againTable), "INSERT INTO "+eventTable+" SELECT * FROM "+againTable)
}

// fold makes versions of the events.
func (w *work) fold(ctx context.Context) error {
	key, from := w.key(""), job.Quote(w.t.Table.Versions.From)
	opens := "lag(" + endColumn + ", 1, true) OVER __weir_k"
	if tracked := w.tracked(); len(tracked) > 0 {
		row := "row(" + list("", tracked) + ")"
		opens += " OR " + row + " IS DISTINCT FROM lag(" + row + ") OVER __weir_k"
	}
	events := "SELECT *, " + opens + " AS " + opensTerm + ", lead(" + from + ") OVER __weir_k AS " + nextTerm + " FROM " + eventTable + " WINDOW __weir_k AS (PARTITION BY " + key + " ORDER BY " + from + ")"
	rows := "SELECT *, sum(" + opensTerm + "::BIGINT) OVER __weir_k AS " + numberTerm + ", lead(" + opensTerm + ", 1, true) OVER __weir_k AS " + lastTerm +
		" FROM (" + events + ") WHERE NOT " + endColumn + " WINDOW __weir_k AS (PARTITION BY " + key + " ORDER BY " + from + ")"
	// The window of the sum ends with the row itself by default.
	if err := w.s.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+freshTable+" AS "+rows); err != nil {
		return fmt.Errorf("part chains: %w", err)
	}
	seen := "NULL"
	if w.remembers() {
		seen = "to_json(list(" + w.remembered("m") + " ORDER BY " + w.from("m") + "))::VARCHAR"
	}
	many := "SELECT " + w.key("m.") + ", m." + numberTerm + ", min(" + w.from("m") + ") AS " + nextTerm + ", " + seen + " AS " + seenTerm + " FROM " + freshTable + " AS m WHERE NOT (m." + opensTerm +
		" AND m." + lastTerm + ") GROUP BY " + w.key("m.") + ", m." + numberTerm
	sql := "SELECT " + w.versionItems() + " FROM (SELECT * FROM " + freshTable + " WHERE " + lastTerm + ") AS n LEFT JOIN (" + many + ") AS m ON " + w.on("n", "m") + " AND n." + numberTerm + " = m." + numberTerm
	if err := w.s.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+madeTable+" AS "+sql); err != nil {
		return fmt.Errorf("make versions: %w", err)
	}
	return nil
}

// versionItems are the table's columns of a version: n is its last row, m all of it where it has more than one.
func (w *work) versionItems() string {
	items := make([]string, len(w.columns))
	v := w.t.Table.Versions
	for i, c := range w.columns {
		value := "n." + job.Quote(c.Name)
		switch {
		case !w.ofVersions(c.Name):
		case strings.EqualFold(c.Name, v.From):
			value = "coalesce(m." + nextTerm + ", " + w.from("n") + ")"
		case strings.EqualFold(c.Name, v.To):
			value = "n." + nextTerm
		case strings.EqualFold(c.Name, v.Current):
			value = "n." + nextTerm + " IS NULL"
		default:
			value = "m." + seenTerm
		}
		items[i] = "CAST(" + value + " AS " + c.Type + ") AS " + job.Quote(c.Name)
	}
	return strings.Join(items, ", ")
}

// remembered is SQL for the object that a version keeps of one of its rows.
func (w *work) remembered(alias string) string {
	at := "'" + atMember + "', CAST(" + w.from(alias) + " AS VARCHAR)"
	members := []string{at}
	apart := append(slices.Clone(w.t.Table.Key), names(w.tracked())...)
	for _, c := range w.data() {
		if slices.ContainsFunc(apart, func(n string) bool { return strings.EqualFold(n, c.Name) }) {
			continue
		}
		text, err := lake.TextType(c.Type)
		if err != nil {
			text = "VARCHAR"
		}
		members = append(members, fmt.Sprintf("'%d', CAST(%s.%s AS %s)", c.ID, alias, job.Quote(c.Name), text))
	}
	return "CASE WHEN " + alias + "." + lastTerm + " THEN json_object(" + at + ") ELSE json_object(" + strings.Join(members, ", ") + ") END"
}
