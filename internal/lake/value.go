package lake

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/iceberg-go"
	"github.com/google/uuid"

	"weir/internal/fault"
)

// Text of single values, in DuckDB's spelling: what CAST(v AS VARCHAR) gives in a session whose time zone is UTC.
const (
	dateText  = "2006-01-02"
	clockText = "15:04:05.999999"
)

// readValue reads a text as a value of an Iceberg type, in the Go type iceberg-go takes for partitions. number is true for
// values counted from the epoch and bucket numbers, which are decimal digits.
func readValue(text string, t iceberg.Type, number bool) (any, error) {
	v, err := valueOf(text, t, number)
	if err != nil {
		return nil, fault.New(fault.Internal, "%q is no %s: %w", text, t, err)
	}
	return v, nil
}

func valueOf(text string, t iceberg.Type, number bool) (any, error) {
	if number {
		n, err := strconv.ParseInt(text, 10, 32)
		if _, day := t.(iceberg.DateType); day {
			return iceberg.Date(n), err
		}
		return int32(n), err
	}
	switch t := t.(type) {
	case iceberg.BooleanType:
		return strconv.ParseBool(text)
	case iceberg.Int32Type:
		n, err := strconv.ParseInt(text, 10, 32)
		return int32(n), err
	case iceberg.Int64Type:
		return strconv.ParseInt(text, 10, 64)
	case iceberg.DateType:
		d, err := time.Parse(dateText, text)
		return iceberg.Date(d.Unix() / 86400), err
	case iceberg.TimeType:
		c, err := time.Parse(clockText, text)
		return iceberg.Time(c.Sub(c.Truncate(24*time.Hour)) / time.Microsecond), err
	case iceberg.TimestampType:
		ts, err := time.Parse(dateText+" "+clockText, text)
		return iceberg.Timestamp(ts.UnixMicro()), err
	case iceberg.TimestampTzType:
		ts, err := time.Parse(dateText+" "+clockText, strings.TrimSuffix(text, "+00"))
		return iceberg.Timestamp(ts.UnixMicro()), err
	case iceberg.StringType:
		return text, nil
	case iceberg.UUIDType:
		return uuid.Parse(text)
	case iceberg.BinaryType:
		return readBlob(text)
	case iceberg.DecimalType:
		return readDecimal(text, t)
	}
	return nil, fmt.Errorf("such values have no text")
}

func readDecimal(text string, t iceberg.DecimalType) (any, error) {
	whole, fraction, _ := strings.Cut(text, ".")
	if whole == "" {
		return nil, fmt.Errorf("not a number")
	}
	if len(fraction) > t.Scale() {
		return nil, fmt.Errorf("more than %d digits after the point", t.Scale())
	}
	n, ok := new(big.Int).SetString(whole+fraction+strings.Repeat("0", t.Scale()-len(fraction)), 10)
	if !ok {
		return nil, fmt.Errorf("not a number")
	}
	return iceberg.Decimal{Val: decimal128.FromBigInt(n), Scale: t.Scale()}, nil
}

// readBlob reads DuckDB's text of a BLOB: bytes that are not printable stand as \xHH.
func readBlob(text string) ([]byte, error) {
	var out []byte
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			out = append(out, text[i])
			continue
		}
		if i+3 >= len(text) || text[i+1] != 'x' {
			return nil, fmt.Errorf("a \\ without xHH")
		}
		n, err := strconv.ParseUint(text[i+2:i+4], 16, 8)
		if err != nil {
			return nil, err
		}
		out = append(out, byte(n))
		i += 3
	}
	return out, nil
}

// writeValue is readValue the other way round; v is of the types iceberg-go gives for partitions and bounds.
func writeValue(v any, t iceberg.Type, number bool) (string, error) {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v), nil
	case int32:
		return writeNumber(int64(v), t, number), nil
	case int64:
		return writeNumber(v, t, number), nil
	case int:
		return writeNumber(int64(v), t, number), nil
	case iceberg.Date:
		return writeNumber(int64(v), t, number), nil
	case iceberg.Time:
		return writeNumber(int64(v), t, number), nil
	case iceberg.Timestamp:
		return writeNumber(int64(v), t, number), nil
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case string:
		return v, nil
	case []byte:
		return writeBlob(v), nil
	case uuid.UUID:
		return v.String(), nil
	case iceberg.Decimal:
		return writeDecimal(v.Val.BigInt(), v.Scale), nil
	case iceberg.DecimalLiteral:
		return writeDecimal(v.Val.BigInt(), v.Scale), nil
	}
	return "", fault.New(fault.Data, "a %T for a %s", v, t)
}

func writeNumber(n int64, t iceberg.Type, number bool) string {
	if number {
		return strconv.FormatInt(n, 10)
	}
	switch t.(type) {
	case iceberg.DateType:
		return time.Unix(n*86400, 0).UTC().Format(dateText)
	case iceberg.TimeType:
		return time.UnixMicro(n).UTC().Format(clockText)
	case iceberg.TimestampType:
		return time.UnixMicro(n).UTC().Format(dateText + " " + clockText)
	case iceberg.TimestampTzType:
		return time.UnixMicro(n).UTC().Format(dateText+" "+clockText) + "+00"
	}
	return strconv.FormatInt(n, 10)
}

func writeDecimal(n *big.Int, scale int) string {
	digits := new(big.Int).Abs(n).String()
	sign := ""
	if n.Sign() < 0 {
		sign = "-"
	}
	if scale == 0 {
		return sign + digits
	}
	if len(digits) <= scale {
		digits = strings.Repeat("0", scale+1-len(digits)) + digits
	}
	at := len(digits) - scale
	return sign + digits[:at] + "." + digits[at:]
}

func writeBlob(b []byte) string {
	var out strings.Builder
	for _, c := range b {
		if c < 32 || c > 126 || c == '\\' || c == '\'' || c == '"' {
			fmt.Fprintf(&out, "\\x%02X", c)
			continue
		}
		out.WriteByte(c)
	}
	return out.String()
}
