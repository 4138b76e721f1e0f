package model

import (
	"context"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"weir/internal/fault"
)

// Parser gives DuckDB's syntax tree of a query as JSON (json_serialize_sql).
type Parser interface {
	Parse(ctx context.Context, sql string) (string, error)
}

// Input is one table a statement reads.
type Input struct {
	Name   string // dotted, as written
	Offset int    // byte of its first mention
}

// Statement is what a SELECT is about.
type Statement struct {
	SQL        string   // the text up to its last token: no semicolon or comment after it
	Text       string   // its tokens: what layout and comments do not change
	Tree       string   // its syntax tree as text: what the case of words, brackets and optional words do not change either
	Inputs     []Input  // each once, in order of first mention
	Params     []string // names without the $, each once, in order
	Macros     []string // macros it calls, lower case, each once, in order; see Macro.Inputs
	Aggregates bool     // somewhere it groups or aggregates
	Windows    bool     // somewhere it has a window function
	Distinct   bool
	Limit      bool
	Warnings   Mistakes // what may be meant as it is, but may differ from run to run
	Marks      []Mark   // where it does any of these and more, in the order of the tree

	apart func(has func(column string) bool) bool
}

// Apart says whether given columns tell the rows that it gives apart.
func (s *Statement) Apart(has func(column string) bool) bool { return s.apart(has) }

// Option changes what Read allows.
type Option func(*rules)

// rules are what a statement may do.
type rules struct {
	clock  bool
	macros map[string]bool // lower case
	key    []string
	tables Tables
}

// AllowClock lets a statement ask for the time and for random values. A definition may not: the same input must give the
// same rows on every engine and in every run (promise 11).
func AllowClock() Option { return func(r *rules) { r.clock = true } }

// Keys tells what identifies rows: own are the output columns of the definition's key, and tables knows those of what it
// reads. Rows are in one order by them, which LIMIT and window functions need.
func Keys(own []string, tables Tables) Option {
	return func(r *rules) { r.key, r.tables = own, tables }
}

// KnownMacros adds macros that bodies may use as tables (see Macros).
func KnownMacros(names map[string]bool) Option {
	return func(r *rules) { r.know(names) }
}

func (r *rules) know(names map[string]bool) {
	for n := range names {
		r.macros[strings.ToLower(n)] = true
	}
}

func newRules(opts []Option) *rules {
	r := &rules{macros: map[string]bool{}}
	for _, o := range opts {
		o(r)
	}
	return r
}

// Read takes a definition's SQL apart. macros names the project's macros, which may stand where a table function does. What
// is not one SELECT over lake tables gives Mistakes, all of them at once where it parses.
func Read(ctx context.Context, p Parser, sql string, macros map[string]bool, opts ...Option) (*Statement, error) {
	r := newRules(opts)
	r.know(macros)
	spans := statements(sql)
	if len(spans) == 0 {
		return nil, placed(sql, []finding{{0, "there is no statement", "write one SELECT"}}).fail()
	}
	if len(spans) > 1 {
		return nil, placed(sql, []finding{{spans[1].start, "there is a second statement; only one SELECT is allowed",
			"use WITH for steps, or a definition of its own for each"}}).fail()
	}
	st, found, err := r.read(ctx, p, sql[:spans[0].end])
	if err != nil {
		return nil, err
	}
	if err := placed(sql, found).fail(); err != nil {
		return nil, err
	}
	return st, nil
}

// Query takes apart a SELECT that a person asks, which may look at the clock. What it reads is judged like a definition's.
// Macros that may stand where a table function does are named by KnownMacros.
func Query(ctx context.Context, p Parser, sql string, opts ...Option) (*Statement, error) {
	return Read(ctx, p, sql, nil, append([]Option{AllowClock()}, opts...)...)
}

// read takes one statement apart. Leading space and comments are part of the text, so that offsets are those of the file.
func (r *rules) read(ctx context.Context, p Parser, sql string) (*Statement, []finding, error) {
	text, err := p.Parse(ctx, sql)
	if err != nil {
		return nil, nil, fmt.Errorf("parse SQL: %w", err)
	}
	root, err := parseTree(text)
	if err != nil {
		return nil, nil, fault.New(fault.Internal, "parse SQL: %w", err)
	}
	if root.str("error") != "false" {
		return &Statement{}, []finding{unparsed(sql, root)}, nil
	}
	w := &walker{rules: r, sql: sql, st: &Statement{SQL: sql}, harmless: map[*tree]bool{}, sorted: map[*tree]bool{}}
	for _, s := range root.list("statements") {
		w.top = s.get("node")
		w.query(w.top)
		w.st.Tree += canonical(w.top)
	}
	w.st.Text = tokenText(sql, false)
	st := w.finish()
	st.Warnings = placed(sql, w.warned)
	st.apart = func(has func(column string) bool) bool { return w.rowsApart(w.top, nil, nil, has) }
	return st, w.found, nil
}

// unparsed explains why DuckDB gives no tree.
func unparsed(sql string, root *tree) finding {
	message, first := root.str("error_message"), firstToken(sql)
	switch {
	case strings.Contains(message, "NameListToString"):
		return finding{first, "a name has more parts than SQL can say", "a table that SQL reads has at most three parts: folder.folder.name"}
	case root.str("error_type") == "parser":
		at, err := strconv.Atoi(root.str("position"))
		if err != nil {
			at = first
		}
		return finding{at, message, ""}
	case strings.Contains(message, "Mixing named and positional"):
		return finding{first, "parameters have names here", "write $name for each"}
	}
	return notSelect(sql, message)
}

// notSelect explains why DuckDB sees no SELECT: another statement, or a PIVOT that is several of them.
func notSelect(sql, message string) finding {
	tokens := scan(sql)
	if len(tokens) > 0 && tokens[0].kind == word && !queryWords[strings.ToUpper(sql[tokens[0].start:tokens[0].end])] {
		return finding{tokens[0].start, strings.ToUpper(sql[tokens[0].start:tokens[0].end]) + " is not allowed; only one SELECT is", "write SELECT … FROM …"}
	}
	for _, t := range tokens {
		if t.is(sql, "PIVOT") || t.is(sql, "UNPIVOT") || t.is(sql, "PIVOT_WIDER") || t.is(sql, "PIVOT_LONGER") {
			return finding{t.start, "PIVOT without a list of values has columns that depend on the data",
				"name the values: FROM t PIVOT (sum(y) FOR x IN ('a', 'b'))"}
		}
	}
	return finding{firstToken(sql), message, ""}
}

func firstToken(sql string) int {
	if spans := statements(sql); len(spans) > 0 {
		return spans[0].start
	}
	return 0
}

// finish puts what was found in order of place.
func (w *walker) finish() *Statement {
	sort.SliceStable(w.inputs, func(i, j int) bool { return w.inputs[i].Offset < w.inputs[j].Offset })
	seen := map[string]bool{}
	for _, in := range w.inputs {
		if fold := strings.ToLower(in.Name); !seen[fold] {
			seen[fold] = true
			w.st.Inputs = append(w.st.Inputs, in)
		}
	}
	w.st.Params = ordered(w.params)
	w.st.Macros = ordered(w.called)
	return w.st
}

// mention is a name at a place.
type mention struct {
	name   string
	offset int
}

func ordered(ms []mention) []string {
	sort.SliceStable(ms, func(i, j int) bool { return ms[i].offset < ms[j].offset })
	seen := map[string]bool{}
	var out []string
	for _, m := range ms {
		if !seen[m.name] {
			seen[m.name] = true
			out = append(out, m.name)
		}
	}
	return out
}
