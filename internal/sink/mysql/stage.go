package mysql

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"weir/internal/fault"
	"weir/internal/mysql/wire"
	"weir/internal/record"
	"weir/internal/sink"
)

// Columns of a staging table beside those of the rows.
const (
	placeColumn = "_weir_row" // the row's place, from 1
	newColumn   = "_weir_new" // whether the destination has no row of its key
)

// stage is a temporary table without constraints, in types that take every value. It goes with the connection.
type stage struct {
	name string // quoted
	cols []placed
	end  int64 // beyond the last place
}

// stageRows loads rows into a staging table.
func (a *applying) stageRows(ctx context.Context, cols []placed, open func(context.Context) (record.Reader, error)) (*stage, *sink.Pipe, error) {
	s := a.newStage(cols)
	items := []string{placeColumn + " bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY", newColumn + " tinyint NOT NULL DEFAULT 1"}
	for _, p := range s.cols {
		items = append(items, wire.Name(p.to)+" "+p.natural.staged()+" NULL")
	}
	sql := fmt.Sprintf("CREATE TEMPORARY TABLE %s (%s) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE %s", s.name, strings.Join(items, ", "), a.load.collation())
	if err := a.load.exec(ctx, "make a staging table", sql); err != nil {
		return nil, nil, err
	}
	p, warnings, err := a.loadRows(ctx, s.name, s.cols, open)
	if err == nil && warnings > 0 {
		err = fault.New(fault.Internal, "load rows into a staging table: %s", a.warning(ctx))
	}
	if err != nil {
		return nil, nil, err
	}
	return s, p, a.measure(ctx, s)
}

func (a *applying) newStage(cols []placed) *stage {
	a.load.made++
	s := &stage{name: a.load.quoted(fmt.Sprintf("_weir_stage_%016x_%d", a.load.hash(), a.load.made))}
	for i, p := range cols {
		p.to = fmt.Sprintf("c%d", i)
		s.cols = append(s.cols, p)
	}
	return s
}

func (a *applying) measure(ctx context.Context, s *stage) error {
	rows, err := a.load.ask(ctx, "measure the staging table", "SELECT coalesce(max("+placeColumn+"), 0) + 1 FROM "+s.name)
	if err == nil {
		s.end = number(rows[0][0], 1)
	}
	return err
}

// loadRows brings rows into a table, and says about how many of their values the server warned: it changes what does not fit, and
// only says so. Then nothing of it may count.
func (a *applying) loadRows(ctx context.Context, into string, cols []placed, open func(context.Context) (record.Reader, error)) (_ *sink.Pipe, warnings int, err error) {
	rows, err := open(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var lake []string
	for _, p := range cols {
		lake = append(lake, p.Name)
	}
	l := a.load
	p := sink.NewPipe(newEncoder(cols, !l.loads, l.most()), "", "", lake, a.d.Key, a.refusals)
	p.Start(ctx, rows)
	if l.loads {
		warnings, err = a.loadData(ctx, into, cols, p)
	} else {
		warnings, err = a.insertMany(ctx, into, cols, p)
	}
	return p, warnings, p.End(ctx, err)
}

// loadData sends rows as they are to one statement. Texts are bytes there: they are in the character set that the columns have.
func (a *applying) loadData(ctx context.Context, into string, cols []placed, p *sink.Pipe) (int, error) {
	changed, err := a.load.conn.Load(ctx, "LOAD DATA LOCAL INFILE 'rows' INTO TABLE "+into+` CHARACTER SET binary FIELDS TERMINATED BY X'09' ESCAPED BY '\' LINES TERMINATED BY X'0A' (`+columnNames(cols)+")", p.Chunk)
	return changed.Warnings, err
}

// most is how many bytes a row of an INSERT may have: a chunk of other rows, and the statement's head, come with it.
func (l *load) most() int { return l.packet - 512<<10 }

// insertMany sends rows in statements of many, for servers that forbid LOAD DATA LOCAL.
func (a *applying) insertMany(ctx context.Context, into string, cols []placed, p *sink.Pipe) (warnings int, err error) {
	head := "INSERT INTO " + into + " (" + columnNames(cols) + ") VALUES "
	if a.load.most() < 256<<10 {
		return 0, fault.New(fault.Usage, "the server forbids LOAD DATA LOCAL, and takes statements of %d bytes only", a.load.packet).WithHint("let its max_allowed_packet be 1 MB or more, or its local_infile be on")
	}
	for {
		piece, err := p.Chunk()
		if errors.Is(err, io.EOF) {
			return warnings, nil
		}
		if err != nil {
			return warnings, err
		}
		changed, err := a.load.conn.Change(ctx, head+string(piece[:len(piece)-1]))
		if err != nil {
			return warnings, fmt.Errorf("load rows: %w", err)
		}
		warnings += changed.Warnings
	}
}

// warning is the first of the last statement.
func (a *applying) warning(ctx context.Context) string {
	rows, err := a.load.conn.Strings(ctx, "SHOW WARNINGS LIMIT 1")
	if err != nil || len(rows) == 0 || len(rows[0]) < 3 {
		return "the server warned of something"
	}
	return rows[0][2].Value
}

// each runs a statement over all staged rows. Those that the server refuses are left out as refusals. statement gives the SQL for the
// rows that a condition on s, the staging table, allows.
func (a *applying) each(ctx context.Context, s *stage, deletes bool, statement func(where string) string) (int64, error) {
	h := sink.Halving{
		// A statement that fails is undone, and the transaction goes on.
		Try: func(ctx context.Context, from, to int64) (int64, error) {
			where := "true"
			if from > 0 || to < s.end {
				where = fmt.Sprintf("s.%s >= %d AND s.%s < %d", placeColumn, from, placeColumn, to)
			}
			changed, err := a.load.conn.Change(ctx, statement(where))
			return changed.Rows, err
		},
		Refused: refused,
		Refuse: func(ctx context.Context, at int64, cause error) error {
			f := refusal(cause)
			f.Delete = deletes
			if err := a.tell(ctx, s, at, &f); err != nil {
				return err
			}
			return a.refusals.Add(f, a.brought)
		},
	}
	return h.Run(ctx, s.end)
}

// tell fills in which staged row a refusal is about.
func (a *applying) tell(ctx context.Context, s *stage, at int64, f *sink.Refusal) error {
	var members, values, keys []string
	for _, p := range s.cols {
		value := "s." + p.to
		if p.natural.lake.Kind == "BLOB" {
			value = "hex(" + value + ")"
		}
		members = append(members, wire.Literal(p.Name)+", "+value)
		if holds(a.d.Key, p.Name) {
			keys, values = append(keys, p.Name), append(values, "coalesce("+value+", 'null')")
		}
	}
	rows, err := a.load.ask(ctx, "read a refused row", fmt.Sprintf("SELECT %s FROM %s AS s WHERE s.%s = %d", strings.Join(append([]string{"json_object(" + strings.Join(members, ", ") + ")"}, values...), ", "), s.name, placeColumn, at))
	if err != nil || len(rows) == 0 {
		return err
	}
	var of []string
	for _, v := range rows[0][1:] {
		of = append(of, v.Value)
	}
	f.Raw, f.Key = rows[0][0].Value, sink.KeyText(keys, of)
	return nil
}

func holds(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}
