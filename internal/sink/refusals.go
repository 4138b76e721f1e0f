package sink

import (
	"fmt"
	"math"
	"strings"
)

// Refusals gathers what a destination refuses in one load, within the delivery's limit.
type Refusals struct {
	Count int64
	Kept  []Refusal
	limit func(refused, brought int64) bool
}

// NewRefusals begins with none.
func (d Delivery) NewRefusals() *Refusals {
	r := &Refusals{limit: d.Limit}
	if r.limit == nil {
		r.limit = func(refused, _ int64) bool { return refused > 0 }
	}
	return r
}

// Add notes one. brought is how many rows came, -1 where that is not known yet: then a limit that is a share of them is not
// judged. The error wraps ErrTooMany.
func (r *Refusals) Add(f Refusal, brought int64) error {
	r.Count++
	if len(r.Kept) < MaxRefusals {
		f.Raw, f.Reason = clip(f.Raw), clip(f.Reason)
		r.Kept = append(r.Kept, f)
	}
	return r.Judge(brought)
}

// maxKept is how many bytes of a refused row are kept (promise 5).
const maxKept = 16 << 10

func clip(text string) string {
	if len(text) <= maxKept {
		return text
	}
	return strings.ToValidUTF8(text[:maxKept], "") + "…"
}

// Judge says whether they are too many by now.
func (r *Refusals) Judge(brought int64) error {
	if brought < 0 {
		brought = math.MaxInt64
	}
	if r.limit(r.Count, brought) {
		return fmt.Errorf("%d refused: %w", r.Count, ErrTooMany)
	}
	return nil
}
