package histories

import (
	"cmp"
	"slices"

	"weir/internal/define"
	"weir/internal/job"
)

// form is a SQL table that is kept up: SQL over S.i, over S.o where it joins and S.w where it reads a view, for the history's
// schema S.
type form struct {
	name   string
	sql    string
	mode   define.Mode // "": replace
	key    []string
	order  string
	track  []string
	delete define.Deletes
	split  string // column that mode partitions goes by
	view   string // SQL of S.w
	upper  string // a second level over the first, by its first column k

	by     []string
	window *define.Window
	rows   bool // incremental without by
	others define.Others

	inputs []string // kinds of input it is told with; nil: all
	calm   bool     // no row of the input is changed or taken away
	full   bool     // may stop where what is new cannot be told, and is built anew then
	twice  bool     // may stop at two rows of one key

	keeps keeping // what of its rows stays when it is built again; nil: none, so that it is what its SQL gives
}

// incremental is how the form is kept up, nil for a table that is computed whole.
func (f form) incremental(input string) *define.Incremental {
	if len(f.by) == 0 && f.window == nil && !f.rows {
		return nil
	}
	return &define.Incremental{Input: input, By: f.by, Window: f.window, Others: cmp.Or(f.others, define.Rebuild)}
}

// define is the form as a table over an input.
func (f form) define(name, sql, input string) *define.Table {
	t := &define.Table{Name: name, File: "tables/" + name, Kind: define.FromSQL, SQL: sql, Mode: cmp.Or(f.mode, define.Replace), Key: f.key, OrderBy: f.order,
		Track: f.track, Deletes: f.delete, Incremental: f.incremental(input)}
	if t.Mode.Keyed() && t.Deletes == "" {
		t.Deletes = define.Ignore
	}
	if t.Mode == define.History {
		t.Versions = define.VersionNames{From: "valid_from", To: "valid_to", Current: "is_current"}
	}
	if f.split != "" {
		t.Partition = []job.PartitionField{{Name: f.split, Column: f.split, Transform: "identity"}}
	}
	return t
}

var (
	allTime = &define.Window{Column: "k", Grain: "day", Lookback: define.Span{N: 1000, Unit: "day"}}
	twoDays = &define.Window{Column: "k", Grain: "day", Lookback: define.Span{N: 2, Unit: "day"}}
)

// SQL that several forms have.
const (
	sums     = "SELECT g AS k, sum(v) AS s, count(*) AS n FROM S.i WHERE g IS NOT NULL GROUP BY 1"
	days     = "SELECT ts::date AS k, count(*) AS n, sum(v) AS s FROM S.i WHERE ts >= $from AND ts < $to GROUP BY 1"
	joined   = "SELECT i.g AS k, o.name, sum(i.v) AS s FROM S.i AS i LEFT JOIN S.o AS o ON i.g = o.g GROUP BY ALL"
	ordered  = "SELECT g AS k, epoch_us(ts) + id AS moment, v, id FROM S.i WHERE g IS NOT NULL AND ts IS NOT NULL" // no two rows of one time
	moments  = "SELECT g AS k, timezone('UTC', ts) + to_microseconds(id) AS moment, v, id FROM S.i WHERE g IS NOT NULL AND ts IS NOT NULL"
	versions = "SELECT k, count(*) AS n, count(*) FILTER (is_current) AS c FROM S.t GROUP BY 1"
)

// forms are every mode of a SQL table, in every way it can be kept up.
var forms = slices.Concat(grouped, whole, rowwise, windowed, versioned)

// grouped are tables with by.
var grouped = []form{
	{name: "sum", sql: "SELECT g AS k, sum(v) AS s, count(*) AS n FROM S.i GROUP BY 1", by: byK, upper: "SELECT n AS k, sum(s) AS s, count(*) AS c FROM S.t GROUP BY 1"},
	{name: "two columns", sql: "SELECT ts::date AS k, g, sum(v) AS s FROM S.i WHERE v <> 3 GROUP BY ALL HAVING count(*) <> 2", by: []string{"k", "g"}},
	{name: "key", sql: "SELECT g AS k, sum(v) AS s FROM S.i WHERE g IS NOT NULL GROUP BY 1", by: byK, mode: define.Upsert, key: byK, upper: "SELECT s AS k, count(*) AS c FROM S.t GROUP BY 1"},
	{name: "nested", sql: "SELECT date_trunc('month', day) AS k, max(n) AS m FROM (SELECT ts::date AS day, g, count(*) AS n FROM S.i GROUP BY 1, 2) GROUP BY 1", by: byK},
	{name: "window function", sql: "SELECT g AS k, id, v, row_number() OVER (PARTITION BY g ORDER BY v, id) AS r FROM S.i QUALIFY r <= 2", by: byK},
	{name: "distinct", sql: "SELECT DISTINCT g AS k, v % 3 AS w FROM S.i", by: byK},
	{name: "join", sql: joined, by: byK},
	{name: "join that ignores", sql: joined, by: byK, others: define.Pass, keeps: touchedGroups},
	{name: "two branches", sql: "SELECT k, count(*) AS n, sum(v) AS s FROM (SELECT g AS k, v FROM S.i UNION ALL SELECT v, id FROM S.i) GROUP BY 1", by: byK},
	{name: "self join", sql: "SELECT a.g AS k, count(*) AS n, sum(a.v * b.v) AS s FROM S.i AS a JOIN S.i AS b ON a.g = b.g AND a.id <= b.id GROUP BY 1", by: byK},
	{name: "outer side", sql: "SELECT o.g AS k, count(i.id) AS n FROM S.o AS o LEFT JOIN S.i AS i ON o.g = i.g GROUP BY 1", by: byK},
	{name: "semi join", sql: "SELECT o.g AS k, o.name FROM S.o AS o SEMI JOIN (FROM S.i WHERE v > 2) AS i ON i.g = o.g", by: byK},
	{name: "single rows", sql: "SELECT g AS k, id, v + 1 AS w FROM S.i WHERE v > 1", by: byK},
	{name: "over a view", sql: "SELECT g AS k, sum(v) AS s FROM S.w GROUP BY 1", view: "SELECT id, g, v FROM S.i WHERE v <> 2", by: byK},
}

var byK = []string{"k"}

// whole are tables without incremental.
var whole = []form{
	{name: "whole", sql: "SELECT g AS k, sum(v) AS s, count(*) AS n FROM S.i GROUP BY 1", upper: "SELECT n AS k, sum(s) AS s FROM S.t GROUP BY 1"},
	{name: "whole over a view", sql: "SELECT g AS k, o.name, v FROM S.w LEFT JOIN S.o AS o USING (g)", view: "SELECT g, v FROM S.i WHERE v <> 2"},
	{name: "whole append", sql: "SELECT g AS k, count(*) AS n, sum(v) AS s FROM S.i GROUP BY 1", mode: define.Append, keeps: adds, upper: "SELECT k, sum(s) AS s, count(*) AS c FROM S.t GROUP BY 1"},
	{name: "whole partitions", sql: "SELECT g AS k, id, v FROM S.i WHERE v > 1", mode: define.Partitions, split: "k", keeps: partitions, upper: "SELECT k, sum(v) AS s FROM S.t GROUP BY 1"},
	{name: "whole upsert", sql: sums, mode: define.Upsert, key: byK, keeps: overlays, upper: "SELECT n AS k, sum(s) AS s FROM S.t GROUP BY 1"},
	{name: "whole upsert that removes", sql: sums, mode: define.Upsert, key: byK, delete: define.Remove},
	{name: "whole upsert in order", sql: "SELECT g AS k, epoch_us(ts) AS moment, v, id FROM S.i WHERE g IS NOT NULL", mode: define.Upsert, key: byK, order: "moment", keeps: overlaysInOrder},
}

// rowwise are tables that read only new rows.
var rowwise = []form{
	{name: "append", sql: "SELECT id, g, v * 2 AS w FROM S.i WHERE v > 1", mode: define.Append, rows: true, inputs: []string{"append", "upsert"}, full: true},
	{name: "append from appends", sql: "SELECT id, g AS k, v * 2 AS w FROM S.i WHERE v > 1", mode: define.Append, rows: true, inputs: []string{"append"}, full: true, upper: "SELECT k, sum(w) AS s FROM S.t GROUP BY 1"},
	{name: "append that joins", sql: "SELECT i.id, i.v, o.name FROM S.i AS i JOIN S.o AS o USING (g)", mode: define.Append, rows: true, others: define.Pass, inputs: []string{"append"}, calm: true, full: true, keeps: addsUnseen},
	{name: "upsert rows that removes", sql: "SELECT id, g, v FROM S.i WHERE v > 1", mode: define.Upsert, key: []string{"id"}, rows: true, delete: define.Remove, inputs: []string{"upsert", "replace"}},
	{name: "upsert rows", sql: "SELECT id AS k, g, v FROM S.i WHERE v > 1", mode: define.Upsert, key: byK, rows: true, keeps: overlays},
	{name: "upsert rows in order", sql: ordered, mode: define.Upsert, key: byK, order: "moment", rows: true, keeps: overlaysLatest},
	{name: "upsert rows in order that removes", sql: ordered, mode: define.Upsert, key: byK, order: "moment", rows: true, delete: define.Remove, keeps: latestOnly},
}

// windowed are tables with a window.
var windowed = []form{
	{name: "window", sql: days, window: allTime},
	{name: "window with a key", sql: days, window: allTime, mode: define.Upsert, key: byK, upper: "SELECT n AS k, sum(s) AS s FROM S.t GROUP BY 1"},
	{name: "window of two days", sql: days, window: twoDays, keeps: windows},
}

// versioned are tables of mode history. Their columns are k, moment where rows have a time, those that are tracked and the others.
var versioned = []form{
	{name: "history", sql: "SELECT g AS k, sum(v) AS s, count(*) AS n FROM S.i WHERE g IS NOT NULL GROUP BY 1", mode: define.History, key: byK, track: []string{"s"}, keeps: replays, upper: versions},
	{name: "history that closes", sql: sums, mode: define.History, key: byK, delete: define.Close, keeps: replays},
	{name: "history in order", sql: moments, mode: define.History, key: byK, order: "moment", track: []string{"v"}, keeps: replays},
	{name: "history in order that closes", sql: moments, mode: define.History, key: byK, order: "moment", track: []string{"v"}, delete: define.Close, keeps: replays, upper: versions},
	{name: "history of rows", sql: "SELECT id AS k, g, v FROM S.i WHERE v > 1", mode: define.History, key: byK, rows: true, track: []string{"g"}, keeps: replays},
	{name: "history of rows in order", sql: moments, mode: define.History, key: byK, order: "moment", track: []string{"v"}, rows: true, keeps: replays, upper: versions},
	{name: "history of a log", sql: "SELECT id % 12 AS k, v, id FROM S.i", mode: define.History, key: byK, rows: true, track: []string{"v"}, inputs: []string{"append"}, keeps: replaysUnseen, twice: true},
}
