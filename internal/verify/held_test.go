package verify

import "testing"

// A small table's parts are looked at together, and of a large one no more rows than memory is for.
func TestHeld(t *testing.T) {
	for rows, want := range map[int64]int{0: 200_000, 1000: 200_000, 1024 * 1000: 200, 1024 * 100_000: 64} {
		if got := (&Result{Rows: rows}).held(1024); got != want {
			t.Errorf("%d rows: %d parts, want %d", rows, got, want)
		}
	}
}
