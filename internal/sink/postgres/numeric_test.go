package postgres

import (
	"math/big"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/jackc/pgx/v5/pgtype"
	"pgregory.net/rapid"
)

// Every decimal is written as what it is, and as the driver writes it.
func TestNumeric(t *testing.T) {
	types := pgtype.NewMap()
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`-?[0-9]{1,38}`).Draw(t, "digits")
		if rapid.Bool().Draw(t, "round") {
			zeros := rapid.IntRange(0, 37).Draw(t, "zeros")
			digits = digits[:min(len(digits), 38-zeros)] + strings.Repeat("0", zeros)
		}
		scale := rapid.IntRange(0, 38).Draw(t, "scale")
		unscaled, ok := new(big.Int).SetString(digits, 10)
		if !ok {
			t.Skip(digits)
		}
		n := newNumeric(scale)
		b := n.append(nil, decimal128.FromBigInt(unscaled))
		var got pgtype.Numeric
		if err := types.Scan(oidNumeric, pgtype.BinaryFormatCode, b[4:], &got); err != nil {
			t.Fatal(err)
		}
		if int(b[3]) != len(b)-4 || int(b[11]) != scale {
			t.Errorf("%s at scale %d: % x", digits, scale, b)
		}
		want := new(big.Rat).SetFrac(unscaled, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
		is := new(big.Rat).SetInt(got.Int)
		power := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(abs(got.Exp))), nil))
		if got.Exp < 0 {
			power.Inv(power)
		}
		if is.Mul(is, power); is.Cmp(want) != 0 {
			t.Errorf("%s at scale %d is written as %s", digits, scale, is.FloatString(scale))
		}
		// No group at either end is zero: the server compares by them.
		if groups := b[12:]; len(groups) > 0 && (groups[0]|groups[1] == 0 || groups[len(groups)-1]|groups[len(groups)-2] == 0) {
			t.Errorf("%s at scale %d: % x", digits, scale, b)
		}
	})
}

func abs(n int32) int32 { return max(n, -n) }

func BenchmarkNumeric(b *testing.B) {
	n, out := newNumeric(2), make([]byte, 0, 64)
	for i := range b.N {
		out = n.append(out[:0], decimal128.FromI64(int64(i)*9973))
	}
}
