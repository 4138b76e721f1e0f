package histories

import (
	"fmt"
	"time"

	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/maintain"
)

// upkeep maintains a table: it writes its files anew, in another order than before, and lets every snapshot expire that the
// readers can spare.
func (h *history) upkeep(name string) {
	h.t.Helper()
	h.note("maintain %s", name)
	ctx := h.t.Context()
	u := &maintain.Upkeep{Lake: h.lake, Engine: h.engine.Engine, OrphanAge: -time.Hour}
	reads := map[string][]string{h.schema + ".t": {h.schema + ".i", h.schema + ".o"}}
	if h.form.upper != "" {
		reads[h.schema+".u"] = []string{h.schema + ".t"}
	}
	readers, err := u.Readers(ctx, reads)
	must(h.t, err)
	places, err := h.lake.Places(ctx)
	must(h.t, err)
	table, err := h.lake.Table(ctx, name)
	must(h.t, err)
	columns := table.Columns()
	sort := job.Quote(columns[h.dice.IntN(len(columns))].Name) + pick(h.dice, "", " DESC")
	t := maintain.Table{Name: name, Sort: []string{sort}, Keep: lake.Keep{AtLeast: 1, Now: time.Now().Add(time.Hour), Readers: readers[name]}}
	p, err := u.Plan(ctx, t, places)
	must(h.t, err)
	h.runs++
	_, err = u.Do(ctx, p, fmt.Sprintf("%06d-maintain", h.runs), start, places)
	must(h.t, err)
	if name == h.schema+".i" {
		h.past = nil // what a rollback would go back to may have expired
	}
}
