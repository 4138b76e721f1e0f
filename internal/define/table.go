package define

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"weir/internal/job"
	"weir/internal/project"
	"weir/internal/quality"
	"weir/internal/source"
)

// tableKeys are the keys of every table: of a YAML file, of a SQL file's header, of a seed.
type tableKeys struct {
	Description    string          `yaml:"description" doc:"what a row of the table is"`
	Owner          string          `yaml:"owner" doc:"who answers for the table"`
	Tags           []string        `yaml:"tags,single" doc:"words to select tables by: tag:nightly"`
	Columns        columnList      `yaml:"columns" doc:"columns with their types, in order: { id: bigint }, or { id: { type: bigint, description: …, required: true, was: earlier_name } }; declared types win over what is found"`
	Sort           sortTerms       `yaml:"sort" doc:"order of rows inside each data file, as in [ts desc, id]"`
	Rules          ruleList        `yaml:"rules" doc:"rules in DQDL: a list of lines and of maps of rule and on_fail, or a whole document as one text"`
	MaxQuarantined limitText       `yaml:"max_quarantined" default:"0" doc:"rows that rules with on_fail: quarantine may turn away in one build: 5, 0.1%, unlimited"`
	Timeout        *time.Duration  `yaml:"timeout" doc:"how long one try of a build may take; by default the project's, and 10 minutes for rows that a recursive CTE makes"`
	Retries        *int            `yaml:"retries" doc:"tries after the first, for errors that can pass; by default the project's"`
	TargetFileSize project.Size    `yaml:"target_file_size" doc:"size of a data file to aim at, when rows are written and when weir maintain joins small files; 256MB by default"`
	Keep           keepKeys        `yaml:"keep" doc:"which snapshots stay when weir maintain expires the others; what is not written is weir.yaml's"`
	Publish        []publishText   `yaml:"publish,single" doc:"destinations outside the lake that follow the table: connection.schema.table, or a map, or a list of these"`
	Partition      partitionFields `yaml:"partition" doc:"columns, or year(c), month(c), day(c), hour(c), bucket(16, c), truncate(4, c); tables that exist keep theirs"`
}

// changeKeys say how a build changes its table. A seed, which is replaced whole, does not have them.
type changeKeys struct {
	Mode        string           `yaml:"mode" enum:"append|replace|upsert|partitions|history|changes|view" doc:"how a build changes the table: append adds, replace swaps the whole, upsert goes by key, partitions replaces those it makes, history keeps every version of a key, changes applies inserts, updates and deletes of a database's feed, view stores nothing; with a key upsert, else append for files and replace for SQL"`
	Key         columnNames      `yaml:"key" doc:"columns that tell rows apart; with mode upsert or history"`
	OrderBy     columnRef        `yaml:"order_by" doc:"column that says which row of a key wins, the greatest does, and with mode history from when a row is valid; by default the cursor, and in a history without one the run's logical time"`
	Deletes     string           `yaml:"deletes" enum:"ignore|remove|close" doc:"what a full read does with keys that are gone: with mode upsert ignore or remove, with mode history ignore or close, which ends their version at the run's logical time; ignore by default"`
	Track       columnNames      `yaml:"track" doc:"with mode history, the columns whose change opens a version, others are kept up to date on it; by default all the table began with"`
	Versions    *versionKeys     `yaml:"version_columns" doc:"with mode history, other names for the columns it adds"`
	Incremental *incrementalKeys `yaml:"incremental" doc:"of a SQL table: how it is kept up without computing all of it again"`
}

// sourceKeys are the keys of a table that reads a connection, beside those of its kind.
type sourceKeys struct {
	From       string    `yaml:"from" required:"true" doc:"a connection, or a dataset in one: shop.public.orders; names with odd characters are quoted as in SQL"`
	Cursor     columnRef `yaml:"cursor" doc:"column by which a read goes on where the last one ended"`
	MaxRejects limitText `yaml:"max_rejects" default:"0" doc:"records that cannot be taken and may be turned away in one build: 5, 0.1%, unlimited"`
}

func (l *loader) table(f project.File) {
	l.add(checkTableName(f.Path, strings.TrimPrefix(f.Path, "tables/"))...)
	t := &Table{Name: f.Name, File: f.Path, Line: 1, Kind: FromSource, Mode: Append, doc: f.Doc}
	if f.Doc != nil {
		t.Line = f.Doc.Line
	}
	l.claim(t)
	if f.Broken {
		if f.SQL != nil && strings.TrimSpace(f.SQL.Body) != "" {
			// The header says nothing, but what is below it can be looked through.
			t.Kind, t.Mode, t.SQL, t.SQLLine = FromSQL, Replace, f.SQL.Body, f.SQL.Line
		}
		return
	}
	l.add(project.Substitute(f.Doc, l.folder.Lookup)...)
	if f.SQL != nil {
		l.sqlTable(t, f)
		return
	}
	l.sourceTable(t, f.Doc)
}

// claim takes a table's name. Names tell no case apart.
func (l *loader) claim(t *Table) {
	for _, name := range sorted(l.out.Tables) {
		if strings.EqualFold(name, t.Name) {
			at := project.Place{File: t.File, Line: 1, Col: 1}
			l.add(at.Problem("table %s is defined in %s, too", t.Name, l.out.Tables[name].File).WithHint("rename one of the files; case does not tell names apart"))
			return
		}
	}
	l.out.Tables[t.Name] = t
}

func (l *loader) sqlTable(t *Table, f project.File) {
	t.Kind, t.Mode, t.SQL, t.SQLLine = FromSQL, Replace, f.SQL.Body, f.SQL.Line
	var keys tableKeys
	var change changeKeys
	found := project.DecodeAll(f.Doc, &keys, &change)
	l.common(t, keys)
	found = append(found, l.change(t, change, len(found) == 0)...)
	l.add(found...)
	l.publish(t, keys.Publish)
	t.Meaning = meaning(t, "")
}

func (l *loader) sourceTable(t *Table, doc *project.Node) {
	var keys tableKeys
	var change changeKeys
	var own sourceKeys
	kind, found := l.from(t, doc)
	if kind == nil {
		// What the options of the unknown kind are is not known; what is a key nowhere is still a mistake.
		known := slices.Concat(fieldsOf[tableKeys](), fieldsOf[changeKeys](), fieldsOf[sourceKeys]())
		found = append(found, project.DecodeAll(onlyKeys(doc, known), &keys, &change, &own)...)
		for _, name := range sorted(l.kinds) {
			known = append(known, project.Fields(reflect.TypeOf(l.kinds[name].Reader()))...)
		}
		found = append(found, project.UnknownKeys(doc, known)...)
	} else {
		t.Reader = kind.Reader()
		t.Source = t.Reader
		found = append(found, project.DecodeAll(doc, &keys, &change, &own, t.Reader)...)
	}
	l.common(t, keys)
	t.Cursor, t.MaxRejects = string(own.Cursor), Limit(own.MaxRejects)
	if r, ok := t.Reader.(named); ok {
		t.Mode = Mode(r.SetDataset(t.Dataset, t.Cursor, change.Mode))
	}
	found = append(found, l.change(t, change, len(found) == 0)...)
	if t.Reader != nil && len(found) == 0 {
		found = append(found, l.reader(t, doc)...)
		found = append(found, adding(t)...)
	}
	l.add(found...)
	l.publish(t, keys.Publish)
	t.Meaning = meaning(t, own.From)
}

// from finds the connection a table reads. The kind is nil where it is not known.
func (l *loader) from(t *Table, doc *project.Node) (*source.Kind, []project.Problem) {
	n := doc.Get("from")
	if n.IsNull() || n.Kind >= project.List || n.Unset {
		return nil, nil
	}
	connection, dataset, ok := splitFrom(n.Text)
	if !ok {
		return nil, []project.Problem{n.Problem("from: %q is not a connection or a dataset in one", n.Text).WithHint(`quote odd names as in SQL: 'shop.public."Order Lines"'`)}
	}
	t.Connection, t.Dataset = connection, dataset
	c, ok := l.out.Connections[connection]
	if !ok && l.folder.Config == nil {
		return nil, nil // what is in weir.yaml cannot be read, which is said there
	}
	if !ok {
		return nil, []project.Problem{n.Problem("connection %q is not in weir.yaml", connection).WithHint("%s", project.NearestHint(connection, sorted(l.out.Connections)))}
	}
	kind, ok := l.kinds[c.Type]
	if !ok {
		return nil, nil // a mistake of the connection, which is said there
	}
	if path := doc.Get("path"); dataset == "" && path != nil && path.Kind < project.List {
		t.Dataset = path.Text
	} else if dataset != "" && hasField(kind.Reader(), "path") {
		return &kind, []project.Problem{n.Problem("from: %s has files, which are named by path", connection).WithHint("write from: %s and path: …", connection)}
	}
	return &kind, nil
}

func hasField(structure any, key string) bool {
	return slices.ContainsFunc(project.Fields(reflect.TypeOf(structure)), func(f project.Field) bool { return f.Key == key })
}

// adding refuses a table that would take all of a dataset's rows again each time.
func adding(t *Table) []project.Problem {
	if f, ok := t.Reader.(source.Following); ok && f.Follows() {
		return nil
	}
	if _, ok := t.Reader.(named); !ok || t.Mode != Append || t.Cursor != "" {
		return nil
	}
	return []project.Problem{t.PlaceOf("mode").Problem("mode append would add all rows of %s again in every build", t.Dataset).
		WithHint("write cursor: with a column that grows, or a key, or mode: replace")}
}

// named is a reader of one dataset that from names. It answers with the mode of a table without key and mode.
type named interface {
	SetDataset(dataset, cursor, mode string) (byDefault string)
}

// columned is a reader that wants to know the declared columns.
type columned interface {
	SetColumns(columns []job.Column)
}

func (l *loader) reader(t *Table, doc *project.Node) []project.Problem {
	if r, ok := t.Reader.(columned); ok {
		r.SetColumns(t.Columns)
	}
	return findings(doc, project.Place{File: t.File, Line: t.Line, Col: 1}, t.Reader.Findings())
}

func (l *loader) common(t *Table, k tableKeys) {
	t.Description, t.Owner, t.Tags = strings.TrimSpace(k.Description), k.Owner, k.Tags
	t.Partition, t.Sort = k.Partition, k.Sort
	t.Columns, t.Was = k.Columns.columns()
	t.Personal = k.Columns.personal()
	t.Rules, t.MaxQuarantined = []quality.Rule(k.Rules), Limit(k.MaxQuarantined)
	t.FileBytes, t.Timeout, t.Retries = int64(k.TargetFileSize), l.out.Timeout, l.out.Retries
	t.Keep = l.keep(k.Keep, l.out.Keep, t.PlaceOf)
	if k.Timeout != nil {
		t.Timeout = *k.Timeout
	}
	if k.Retries != nil {
		t.Retries = *k.Retries
		if t.Retries < 0 || t.Retries > 100 {
			l.add(t.PlaceOf("retries").Problem("retries lies between 0 and 100"))
		}
	}
	if t.FileBytes != 0 && t.FileBytes < 1<<20 {
		l.add(t.PlaceOf("target_file_size").Problem("target_file_size: this is too little").WithHint("1MB is the least"))
	}
}
