// Package postgres reads tables of PostgreSQL, RDS and Aurora: whole, from where a cursor column stood, or by the feed of their
// changes, which its folder replication reads.
package postgres

import (
	"context"
	"errors"
	"strings"
	"time"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/postgres"
	"weir/internal/project"
	"weir/internal/source"
)

// Kind is how a postgres connection and the tables that read it are written.
func Kind() source.Kind {
	return source.Kind{
		Config: func() source.Config { return &Config{} },
		Reader: func() source.Reader { return &Reader{} },
	}
}

// Config is a postgres connection.
type Config struct {
	postgres.Settings
	Replica       string       `yaml:"replica" doc:"url of a read replica: reads go there, loads and feeds to the server itself"`
	RowsPerSecond int64        `yaml:"rows_per_second" doc:"rows to read in a second at most, over all its tables; by default as many as come"`
	Slot          string       `yaml:"slot" doc:"replication slot that keeps changes for tables with mode: changes or read: feed; by default one that the first of them makes, with a name of its own"`
	MaxWAL        project.Size `yaml:"max_wal" doc:"bytes of log that the server may keep for the feed; where it is still more after a run, the slot is dropped to protect the server, and the tables are to be read anew; by default no limit but the server's own (max_slot_wal_keep_size)"`
	Publication   string       `yaml:"publication" doc:"publication that says which tables' changes are sent; by default weir_ and the project's name, made and added to as tables need it"`
}

// Findings checks the settings.
func (c *Config) Findings() (out []source.Finding) {
	for _, f := range c.Settings.Findings() {
		out = append(out, source.Finding(f))
	}
	if c.RowsPerSecond < 0 {
		out = append(out, source.Finding{Key: "rows_per_second", Message: "rows_per_second is a number of rows"})
	}
	return out
}

// Open resolves the settings. It reaches nothing yet.
func (c *Config) Open(ctx context.Context, env source.Env) (source.Opened, error) {
	resolve := func(text string) (string, error) { return text, nil }
	if env.Resolve != nil {
		resolve = func(text string) (string, error) { return env.Resolve(ctx, text) }
	}
	o := &opened{config: c, project: env.Project, scratch: env.Scratch, pace: source.NewPace(c.RowsPerSecond), part: rangeBytes}
	var err error
	if o.primary, err = c.Settings.Prepare(env.Root, resolve); err != nil {
		return nil, err
	}
	if o.server = o.primary; c.Replica != "" {
		settings := replica(c.Settings, c.Replica)
		if o.server, err = settings.Prepare(env.Root, resolve); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// replica are settings that lead to another host with everything else as it was.
func replica(s postgres.Settings, url string) postgres.Settings {
	s.URL, s.Host, s.Port, s.Database, s.User, s.Password = url, "", 0, "", "", ""
	return s
}

// Reader is what a table says of what it reads.
type Reader struct {
	Read           string        `yaml:"read" enum:"full|cursor|feed" doc:"how the table is read: whole, from where its cursor stood, or by the feed of changes of its connection, which with mode append makes a log of them; by default feed with mode changes, else cursor where there is one, else full"`
	Where          string        `yaml:"where" doc:"condition, in the server's SQL, that rows must meet to be read"`
	Lookback       time.Duration `yaml:"lookback" doc:"with a cursor that is a time, how far before its position to read again, for clocks that differ"`
	CursorWait     time.Duration `yaml:"cursor_wait" doc:"how long to wait for open transactions that may still bring rows below the cursor's end" default:"30s"`
	Strict         bool          `yaml:"strict" doc:"the declared columns are all that is read"`
	OnSchemaChange string        `yaml:"on_schema_change" enum:"add|stop" default:"add" doc:"what columns do that the table did not have: add them, or stop the build"`
	MaxValueBytes  project.Size  `yaml:"max_value_bytes" default:"16MB" doc:"bytes a single value may have; the row of a larger one is rejected"`

	dataset string
	cursor  string
	mode    string
	log     bool // changes are kept as they are
	columns []job.Column
}

var _ source.Reader = (*Reader)(nil)

// SetColumns gives the reader the table's declared columns.
func (r *Reader) SetColumns(columns []job.Column) { r.columns = columns }

// SetDataset gives the reader what the table reads, as written after the connection's name, its cursor, and its mode as written.
// It answers with the mode where none is written: what is read whole replaces the table, what is new comes to it.
func (r *Reader) SetDataset(dataset, cursor, mode string) (byDefault string) {
	r.dataset, r.cursor, r.mode = dataset, cursor, mode
	byDefault = "append"
	if cursor == "" && r.Read != "feed" {
		byDefault = "replace"
	}
	if mode == "" {
		mode = byDefault
	}
	r.log = r.Read == "feed" && mode == "append"
	return byDefault
}

// Follows says whether the table is read by the feed.
func (r *Reader) Follows() bool { return r.Read == "feed" || r.mode == "changes" }

// RowRejects marks rejects as rows.
func (r *Reader) RowRejects() {}

// Summary names the table.
func (r *Reader) Summary() string {
	if r.cursor == "" {
		return r.dataset
	}
	return r.dataset + " by " + r.cursor
}

// Findings checks the options against each other.
func (r *Reader) Findings() (out []source.Finding) {
	add := func(key, message string) { out = append(out, source.Finding{Key: key, Message: message}) }
	if _, _, err := splitName(r.dataset); err != nil {
		add("from", err.Error())
	}
	switch {
	case r.mode == "changes" && r.Read != "" && r.Read != "feed":
		add("read", "mode changes is read by the feed of the connection")
	case r.Follows() && r.cursor != "":
		add("cursor", "a feed needs no cursor; take it out")
	case r.Read == "cursor" && r.cursor == "":
		add("read", "read: cursor needs a cursor")
	case r.Read == "full" && r.cursor != "":
		add("cursor", "read: full needs no cursor; take it out")
	case r.Follows() && r.Where != "":
		add("where", "a feed brings all changes: where would be kept for the first read only")
	}
	if r.cursor == "" && r.Lookback != 0 {
		add("lookback", "lookback goes with a cursor")
	}
	if r.Lookback < 0 {
		add("lookback", "lookback goes back: write it without a sign")
	}
	return out
}

func (r *Reader) maxValue() int {
	if r.MaxValueBytes == 0 {
		return 16 << 20
	}
	return int(r.MaxValueBytes)
}

func (r *Reader) wait() time.Duration {
	if r.CursorWait == 0 {
		return 30 * time.Second
	}
	return r.CursorWait
}

// splitName reads schema and table, quoted as in SQL where they are odd; without a schema it is public.
func splitName(text string) (schema, table string, err error) {
	parts, err := postgres.ParseName(text)
	switch {
	case err != nil:
		return "", "", err
	case len(parts) == 1:
		return "public", parts[0], nil
	case len(parts) == 2:
		return parts[0], parts[1], nil
	}
	return "", "", errors.New("from names a connection, a schema and a table: shop.public.orders")
}

// opened is a connection that tables share.
type opened struct {
	config    *Config
	project   string
	scratch   string
	primary   *postgres.Server // where changes are written
	server    *postgres.Server // where tables are read
	pace      *source.Pace
	part      int64      // bytes of a table that one COPY reads, about
	following *following // nil: no table follows
}

func (o *opened) Dataset(reader source.Reader) (source.Source, error) {
	r, ok := reader.(*Reader)
	if !ok {
		return nil, fault.New(fault.Internal, "a postgres connection got options of another kind: %T", reader)
	}
	return &table{opened: o, reader: r}, nil
}

// Check connects and asks what the server is.
func (o *opened) Check(ctx context.Context) error {
	c, err := o.server.Dial(ctx)
	if err != nil {
		return err
	}
	_, err = postgres.Identify(ctx, c)
	return errors.Join(err, c.Close(context.WithoutCancel(ctx)))
}

// Close ends the feed.
func (o *opened) Close() error {
	if o.following == nil {
		return nil
	}
	return o.following.hub.Close()
}

// quoteLiteral writes text as a string of the server's SQL.
func quoteLiteral(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
