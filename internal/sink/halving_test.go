package sink

import (
	"context"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Whatever rows are refused, all others are done, each once, and those refused are told, each once.
func TestHalving(t *testing.T) {
	no := errors.New("no")
	rapid.Check(t, func(t *rapid.T) {
		end := rapid.Int64Range(0, 300).Draw(t, "end")
		bad := rapid.SliceOfDistinct(rapid.Int64Range(0, 300), rapid.ID).Draw(t, "bad")
		done, refused := make([]int, end), []int64{}
		h := Halving{
			Try: func(_ context.Context, from, to int64) (int64, error) {
				for _, b := range bad {
					if b >= from && b < to {
						return 0, no
					}
				}
				for i := from; i < to; i++ {
					done[i]++
				}
				return to - from, nil
			},
			Refused: func(err error) bool { return errors.Is(err, no) },
			Refuse: func(_ context.Context, at int64, _ error) error {
				refused = append(refused, at)
				return nil
			},
		}
		n, err := h.Run(t.Context(), end)
		if err != nil {
			t.Fatal(err)
		}
		want := slices.DeleteFunc(bad, func(b int64) bool { return b >= end })
		slices.Sort(want)
		if !slices.Equal(refused, want) || n != end-int64(len(want)) {
			t.Errorf("%d done, refused %v, want %v", n, refused, want)
		}
		for i, times := range done {
			if is := slices.Contains(want, int64(i)); is && times != 0 || !is && times != 1 {
				t.Errorf("row %d done %d times", i, times)
			}
		}
	})
	broken := errors.New("broken")
	h := Halving{Try: func(context.Context, int64, int64) (int64, error) { return 0, broken }, Refused: func(error) bool { return false }}
	if _, err := h.Run(t.Context(), 10); !errors.Is(err, broken) {
		t.Errorf("another error became %v", err)
	}
}
