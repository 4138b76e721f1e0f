package histories

import (
	"fmt"
	"time"

	"weir/internal/lake"
	"weir/internal/maintain"
)

// upkeep maintains the input and the table: it writes their files anew, in another order than before, and lets every snapshot
// expire that the readers can spare.
func (h *history) upkeep() {
	h.t.Helper()
	h.note("maintain")
	ctx := h.t.Context()
	u := &maintain.Upkeep{Lake: h.lake, Engine: h.engine.Engine, OrphanAge: -time.Hour}
	readers, err := u.Readers(ctx, map[string][]string{h.schema + ".t": {h.schema + ".i", h.schema + ".o"}})
	must(h.t, err)
	places, err := h.lake.Places(ctx)
	must(h.t, err)
	name := h.schema + ".i"
	now := time.Now().Add(time.Hour)
	t := maintain.Table{Name: name, Sort: []string{pick(h.dice, `"id"`, `"id" DESC`, `"v"`)}, Keep: lake.Keep{AtLeast: 1, Now: now, Readers: readers[name]}}
	p, err := u.Plan(ctx, t, places)
	must(h.t, err)
	h.runs++
	_, err = u.Do(ctx, p, fmt.Sprintf("%06d-maintain", h.runs), start, places)
	must(h.t, err)
	h.past = nil // what a rollback would go back to may have expired
}
