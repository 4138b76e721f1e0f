package build

import (
	"context"
	"errors"
	"fmt"

	"weir/internal/define"
	"weir/internal/job"
	"weir/internal/source"
)

// Peek is what a build would do.
type Peek struct {
	Build  bool
	Why    string
	Rows   int64 // to read, -1 where unknown
	Bytes  int64 // to read
	Splits []source.Split
	// Deferred are inputs that would be read in another environment.
	Deferred []Deferred
	Change   Change // of the definition
}

// Peek finds what a build would read, without reading it. changing are inputs that the same run builds before.
func (b *Builder) Peek(ctx context.Context, t Task, changing []string) (Peek, error) {
	st, err := b.load(ctx, t.Table.Name)
	if err != nil {
		return Peek{}, fmt.Errorf("plan %s: %w", t.Table.Name, err)
	}
	w := &work{b: b, t: t, state: st}
	if err := w.decide(); err != nil {
		return Peek{Change: w.change}, fmt.Errorf("plan %s: %w", t.Table.Name, err)
	}
	look := w.peekSource
	if t.Table.Kind == define.FromSQL {
		look = func(ctx context.Context) (Peek, error) { return w.peekSQL(ctx, changing) }
	}
	p, err := look(ctx)
	if err != nil {
		return Peek{}, fmt.Errorf("plan %s: %w", t.Table.Name, err)
	}
	p.Change = w.change
	switch {
	case p.Build:
	case len(p.Change.Renames) > 0:
		p.Build, p.Why = true, "renames "+join(p.Change.Renames)
	case p.Change.Way == ForwardOnly:
		p.Build, p.Why = true, "takes over the changed definition, no rows"
	}
	return p, nil
}

func (w *work) peekSource(ctx context.Context) (p Peek, err error) {
	src, err := w.b.Source(ctx, w.t.Table)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	server, err := src.Server(ctx)
	if err != nil {
		return p, err
	}
	if err := w.sameServer(server); err != nil {
		return p, err
	}
	request := w.request()
	request.Look = true
	scan, err := src.Begin(ctx, request)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, scan.Close()) }()
	p.Rows, p.Splits = -1, scan.Splits()
	changed := 0
	for _, s := range p.Splits {
		p.Bytes += s.Bytes
		if s.Replaces {
			changed++
		}
	}
	p.Build = len(p.Splits) > 0 || w.state.table == nil || (w.t.Table.ReadsWhole() && !scan.End().Equal(w.state.ledger.Position))
	p.Why = whySource(len(p.Splits), changed, p.Build, w.t, w.state)
	if e, ok := scan.(source.Explained); ok && len(p.Splits) > 0 {
		p.Why = e.Explain()
	}
	return p, nil
}

func whySource(splits, changed int, gone bool, t Task, st state) string {
	switch {
	case t.Full:
		return fmt.Sprintf("full read of %s", files(splits))
	case st.table == nil && splits == 0:
		return "first build, nothing to read yet"
	case splits == 0 && gone:
		return "files are gone"
	case splits == 0:
		return "nothing new"
	case st.table == nil:
		return "first build, " + files(splits)
	case changed > 0:
		return fmt.Sprintf("%s, %d of them changed", files(splits), changed)
	case t.Table.ReadsWhole():
		return "read again, " + files(splits)
	}
	return files(splits) + " new"
}

func files(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}

func (w *work) peekSQL(ctx context.Context, changing []string) (Peek, error) {
	p := Peek{Build: true, Rows: -1}
	if len(changing) > 0 {
		p.Why = "after " + join(changing)
	}
	tables, next, deferred, err := w.b.inputs(ctx, w.t)
	if err != nil {
		if len(changing) > 0 {
			return p, nil // an input is built for the first time by the same run
		}
		return p, err
	}
	p.Rows, p.Deferred = 0, deferred
	for _, t := range tables {
		fs, err := t.Files(ctx)
		if err != nil {
			return p, err
		}
		for _, f := range fs {
			p.Rows, p.Bytes = p.Rows+f.Rows, p.Bytes+f.Bytes
		}
	}
	if w.t.Table.Incremental != nil && len(changing) == 0 {
		return w.peekIncremental(ctx, tables, next, p)
	}
	switch {
	case len(changing) > 0:
	case w.asked:
		p.Why = "full build"
	case w.unchanged(next):
		return Peek{Why: "inputs unchanged since " + w.since()}, nil
	case w.state.table == nil:
		p.Why = "first build"
	case w.change.Way == FullBuild:
		p.Why = "definition changed: " + w.change.What()
	default:
		p.Why = "changed: " + join(differ(w.state.ledger.Position, next))
	}
	return p, nil
}

func differ(a, b job.Position) (names []string) {
	for k, v := range b {
		if a[k] != v {
			names = append(names, k)
		}
	}
	return names
}
