package mysql

import (
	"math/big"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"pgregory.net/rapid"
)

// Moments are written as Go's calendar has them.
func TestMoments(t *testing.T) {
	first, last := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(first.UnixMicro(), last.UnixMicro()).Draw(t, "micros")
		at := time.UnixMicro(micros).UTC()
		got, reason := timestamp(nil, micros)
		if want := at.Format("2006-01-02 15:04:05.000000"); string(got) != want || reason != "" {
			t.Errorf("%d is written %s (%s), want %s", micros, got, reason, want)
		}
	})
	for _, micros := range []int64{first.UnixMicro() - 1, last.UnixMicro() + 1, 1<<63 - 1, -1 << 63} {
		if got, reason := timestamp(nil, micros); reason == "" {
			t.Errorf("%d is written %s", micros, got)
		}
	}
}

func TestDecimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`-?[0-9]{1,38}`).Draw(t, "digits")
		scale := rapid.IntRange(0, 38).Draw(t, "scale")
		n, _ := new(big.Int).SetString(digits, 10)
		got, ok := new(big.Rat).SetString(string(decimal(nil, decimal128.FromBigInt(n), scale)))
		want := new(big.Rat).SetFrac(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
		if !ok || got.Cmp(want) != 0 {
			t.Errorf("%s at scale %d is written %s", digits, scale, decimal(nil, decimal128.FromBigInt(n), scale))
		}
	})
}
