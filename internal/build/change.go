package build

import (
	"slices"
	"strings"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
)

// Way is what follows for a table's rows from a changed definition.
type Way string

// Ways.
const (
	Nothing     Way = ""        // the definition is the one the table was built from, in all that shapes rows
	ForwardOnly Way = "forward" // new rows follow the new definition, those there are stay as they are
	FullBuild   Way = "full"    // everything is read and computed again
	Undecided   Way = "ask"     // a person has to choose: rows would be lost, or mixed
)

// Change is how a definition differs from the one its table was last built from, and what follows.
type Change struct {
	Parts   []job.Difference `json:"parts,omitempty"`
	Renames []string         `json:"renames,omitempty"` // columns the next build gives another name: old → new
	Way     Way              `json:"way,omitempty"`
	Says    string           `json:"says,omitempty"` // what follows, in words
	Or      []Choice         `json:"or,omitempty"`   // other ways
	// Later is a partitioning that the table takes once all its rows are swapped, "" for none: none → day(ts).
	Later string `json:"later,omitempty"`
}

// Told says whether there is anything to tell of it.
func (c Change) Told() bool { return c.Way != Nothing || len(c.Renames) > 0 || c.Later != "" }

// Choice is another way a person can take.
type Choice struct {
	Flags string `json:"flags"` // of weir run
	Says  string `json:"says"`
}

// What names the changed parts, in words.
func (c Change) What() string {
	names := make([]string, len(c.Parts))
	for i, p := range c.Parts {
		names[i] = p.String()
	}
	return strings.Join(names, ", ")
}

// Choices.
const (
	fullFlag    = "--full"
	destroyFlag = "--full --destroy-history"
	forwardFlag = "--forward-only"
)

// change finds how a task's definition differs from the ledger's, and the way that is taken by default.
func change(t Task, st state) Change {
	var c Change
	if st.empty() {
		return c
	}
	c.Renames = pending(t.Table, st.table.Columns())
	c.Later = repartitions(t, st)
	c.Parts = parts(t, st)
	if len(c.Parts) == 0 {
		return c
	}
	whole := t.Table.Mode == define.Replace || t.Table.Incremental.Grouped()
	switch narrowed := narrows(t, st); {
	case whole && !lossless(t, st):
		c.Way, c.Says = Undecided, "the table kept rows that a replacing build would drop"
		c.Or = []Choice{{destroyFlag, "drops them"}}
	case t.Table.Mode == define.Replace && t.Table.Incremental == nil:
		c.Way, c.Says = FullBuild, "every row is replaced, as in any build of it"
	case redefines(c.Parts, t.Table.Mode) && lossless(t, st):
		c.Way, c.Says = FullBuild, "the table is built anew"
		c.Or = []Choice{{forwardFlag, "keeps the rows there are as they are"}}
	case redefines(c.Parts, t.Table.Mode):
		c.Way, c.Says = Undecided, "the rows there are were put together in another way"
		c.Or = []Choice{{destroyFlag, "builds anew from what can be read now"}, {forwardFlag, "keeps them as they are and goes on"}}
	case narrowed != "":
		c.Way, c.Says = Undecided, narrowed
		c.Or = []Choice{{destroyFlag, "builds anew from what can be read now"}}
	case t.Table.Kind == define.FromSQL && !accumulates(string(t.Table.Mode)):
		c.Way, c.Says = FullBuild, "all its rows are computed again"
		if !lossless(t, st) {
			c.Says = "all is computed again; rows that its inputs no longer give stay as they are"
			c.Or = []Choice{{destroyFlag, "drops those rows, too"}}
		}
		c.Or = append(c.Or, Choice{forwardFlag, "leaves the rows there are until their input changes"})
	default:
		c.Way, c.Says = ForwardOnly, "new rows follow it, those there are stay as they are"
		c.Or = []Choice{{fullFlag, "reads everything there is again"}}
		if accumulates(string(t.Table.Mode)) {
			c.Or = []Choice{{destroyFlag, "builds anew from what can be read now"}}
		}
	}
	return c
}

// repartitions says how the partitioning that is defined differs from the table's, "" where it does not.
func repartitions(t Task, st state) string {
	fields := st.table.Partition()
	for i, f := range fields {
		if is := t.Table.NowNamed(f.Column); is != "" {
			fields[i].Column = is
		}
	}
	was, is := define.PartitionText(fields), define.PartitionText(t.Table.Partition)
	if t.Table.Mode == define.Partitions || strings.EqualFold(was, is) {
		return ""
	}
	return job.Difference{Part: "partition", Was: was, Is: is}.String()
}

// parts are the differences. Of a ledger that holds no meaning only the hash can be compared.
func parts(t Task, st state) []job.Difference {
	if st.ledger.Definition == t.Definition {
		return nil
	}
	if len(st.ledger.Meaning) == 0 || len(t.Meaning) == 0 {
		return []job.Difference{{Part: "definition", Was: job.Digest(st.ledger.Definition), Is: job.Digest(t.Definition)}}
	}
	return t.Meaning.Differs(st.ledger.Meaning)
}

// accumulates says whether a mode keeps rows that no later read need give again.
func accumulates(mode string) bool {
	switch define.Mode(mode) {
	case define.Replace, define.Upsert, define.Partitions, define.Changes, define.View:
		return false
	}
	return true
}

// lossless says whether a table can be built anew without losing a row: it holds just what its last build computed, or its
// inputs hold all that they ever held.
func lossless(t Task, st state) bool {
	was := st.ledger.Meaning["mode"]
	if was == "" {
		was = string(t.Table.Mode)
	}
	switch {
	case st.empty() || was == string(define.Replace):
		return true
	case was == string(define.Changes) && t.Table.Mode == define.Changes:
		return true // it is what its source is
	case accumulates(was) || accumulates(string(t.Table.Mode)) || t.Table.Kind != define.FromSQL:
		return false
	case st.ledger.Meaning["deletes"] == string(define.Remove), st.ledger.Meaning["incremental.by"]+st.ledger.Meaning["incremental.window"] != "":
		return true
	}
	return !slices.ContainsFunc(t.Inputs, func(in Input) bool { return in.View == "" && !in.Keeps })
}

// redefines says whether parts are among the changed that say what a row of the table is.
func redefines(parts []job.Difference, mode define.Mode) bool {
	return slices.ContainsFunc(parts, func(d job.Difference) bool {
		return d.Part == "mode" || d.Part == "key" || d.Part == "version_columns" || d.Part == "partition" && mode == define.Partitions
	})
}

// decide takes the way of a changed definition: the default one, or the one that flags name.
func (w *work) decide() error {
	w.t = limited(w.t, w.state)
	w.change = change(w.t, w.state)
	c := &w.change
	switch {
	case w.t.Full:
		w.asked = true
		if err := refuseFull(w.t, w.state, *c); err != nil {
			return err
		}
		c.take(FullBuild, "as asked for, everything is read and computed again")
	case w.t.Forward && offers(*c, forwardFlag):
		c.take(ForwardOnly, "as asked for, the rows there are stay as they are")
	case c.Way == FullBuild:
		// A table that is replaced is read whole in any case.
		w.t.Full = w.t.Table.Mode != define.Replace
	case c.Way == Undecided:
		return fault.New(fault.Usage, "definition changed: %s; %s", c.What(), c.Says).WithHint("%s", c.hint(w.t.Table.Name))
	}
	return nil
}

// take notes the way a person chose.
func (c *Change) take(way Way, says string) {
	if len(c.Parts) > 0 {
		c.Way, c.Says, c.Or = way, says, nil
	}
}

func offers(c Change, flag string) bool {
	return slices.ContainsFunc(c.Or, func(o Choice) bool { return o.Flags == flag })
}

// hint writes the commands that take the other ways.
func (c Change) hint(table string) string {
	var texts []string
	for _, o := range c.Or {
		texts = append(texts, "weir run "+table+" "+o.Flags+" "+o.Says)
	}
	return strings.Join(texts, " · ")
}

// refuseFull keeps a full build from losing rows that cannot be read again, and from mixing rows of two kinds.
func refuseFull(t Task, st state, c Change) error {
	if t.Destroy || st.empty() || lossless(t, st) {
		return nil
	}
	switch {
	case accumulates(string(t.Table.Mode)):
		return fault.New(fault.Usage, "--full is refused: with mode %s the table keeps a past that may not be there to be read again", t.Table.Mode).
			WithHint("add --destroy-history to drop the rows of %s and build from what its %s now", t.Table.Name, holds(t.Table))
	case c.Way == Undecided:
		return fault.New(fault.Usage, "--full is refused: definition changed: %s; %s", c.What(), c.Says).
			WithHint("add --destroy-history to drop the rows of %s and build from what its %s now", t.Table.Name, holds(t.Table))
	}
	return nil
}

func holds(t *define.Table) string {
	if t.Kind == define.FromSQL {
		return "inputs hold"
	}
	return "source holds"
}
