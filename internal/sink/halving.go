package sink

import "context"

// Halving does something to all staged rows, and finds those for which it is refused without losing the others. Rows have places,
// numbers of which some may have no row.
type Halving struct {
	// Try does it to the rows in a stretch of places, [from, to), all or none, and gives how many rows it changed.
	Try func(ctx context.Context, from, to int64) (int64, error)
	// Refused says whether an error is about a row.
	Refused func(error) bool
	// Refuse notes the row at a place.
	Refuse func(ctx context.Context, at int64, cause error) error
	// Middle is where a stretch is parted best; nil for its middle.
	Middle func(from, to int64) int64
}

// Run does it to the rows in [0, end).
func (h Halving) Run(ctx context.Context, end int64) (int64, error) {
	n, err := h.Try(ctx, 0, end)
	if err == nil || !h.Refused(err) {
		return n, err
	}
	return h.within(ctx, 0, end)
}

// within works through a stretch that is known to hold a row which is refused.
func (h Halving) within(ctx context.Context, from, to int64) (int64, error) {
	if to-from <= 1 {
		n, err := h.Try(ctx, from, to)
		if err != nil && h.Refused(err) {
			return 0, h.Refuse(ctx, from, err)
		}
		return n, err
	}
	mid := (from + to) / 2
	if h.Middle != nil {
		mid = h.Middle(from, to)
	}
	n, err := h.Try(ctx, from, mid)
	if err == nil { // then it is in the other half
		more, err := h.within(ctx, mid, to)
		return n + more, err
	}
	if !h.Refused(err) {
		return n, err
	}
	if n, err = h.within(ctx, from, mid); err != nil {
		return n, err
	}
	more, err := h.Try(ctx, mid, to)
	if err != nil && h.Refused(err) {
		more, err = h.within(ctx, mid, to)
	}
	return n + more, err
}
