package lake

import (
	"bytes"
	"os"
	"testing"

	"github.com/apache/iceberg-go"
)

func TestValueText(t *testing.T) {
	for _, c := range []struct {
		text   string
		typ    iceberg.Type
		number bool
	}{
		{"-719528", iceberg.PrimitiveTypes.Date, true}, {"3", iceberg.PrimitiveTypes.Int32, true}, {"0001-01-01", iceberg.PrimitiveTypes.Date, false},
		{"9999-12-31", iceberg.PrimitiveTypes.Date, false}, {"1969-12-31 23:59:59.999999", iceberg.PrimitiveTypes.Timestamp, false},
		{"2026-03-01 00:00:00", iceberg.PrimitiveTypes.Timestamp, false}, {"2026-03-01 00:00:00.5+00", iceberg.PrimitiveTypes.TimestampTz, false},
		{"23:59:59.000001", iceberg.PrimitiveTypes.Time, false}, {"00:00:00", iceberg.PrimitiveTypes.Time, false}, {"-9223372036854775808", iceberg.PrimitiveTypes.Int64, false},
		{"-0.05", iceberg.DecimalTypeOf(9, 2), false}, {"12345678901234567890123456789012345678", iceberg.DecimalTypeOf(38, 0), false}, {"0.00", iceberg.DecimalTypeOf(9, 2), false},
		{`\x00\xFFabc\x5C\x27`, iceberg.PrimitiveTypes.Binary, false}, {"", iceberg.PrimitiveTypes.Binary, false}, {"3f2504e0-4f89-11d3-9a0c-0305e82c3301", iceberg.PrimitiveTypes.UUID, false},
		{"any ü text", iceberg.PrimitiveTypes.String, false}, {"false", iceberg.PrimitiveTypes.Bool, false},
	} {
		v, err := readValue(c.text, c.typ, c.number)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if got, err := writeValue(v, c.typ, c.number); err != nil || got != c.text {
			t.Errorf("%q as %s came back as %q, %v", c.text, c.typ, got, err)
		}
	}
	for text, typ := range map[string]iceberg.Type{"x": iceberg.PrimitiveTypes.Int32, "3000000000": iceberg.PrimitiveTypes.Int32, "2026-02-30": iceberg.PrimitiveTypes.Date,
		"infinity": iceberg.PrimitiveTypes.Timestamp, "1.234": iceberg.DecimalTypeOf(9, 2), "": iceberg.DecimalTypeOf(9, 2), `\x0`: iceberg.PrimitiveTypes.Binary, "1.5": iceberg.PrimitiveTypes.Float64} {
		if v, err := readValue(text, typ, false); err == nil {
			t.Errorf("%q as %s is %v", text, typ, v)
		}
	}
}

func FuzzBlobText(f *testing.F) {
	f.Add([]byte("\x00\xffabc\\'\""))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := readBlob(writeBlob(b))
		if err != nil || !bytes.Equal(got, b) {
			t.Fatalf("%x came back as %x, %v", b, got, err)
		}
		_, _ = readBlob(string(b))
	})
}

func FuzzLedger(f *testing.F) {
	f.Add([]byte(`{"version":1,"position":{"a":"1"}}`))
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		dir, err := os.MkdirTemp("", "ledger")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		l, err := Open(t.Context(), Config{Location: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if err := l.store.Put(t.Context(), "ledger", data); err != nil {
			t.Fatal(err)
		}
		if led, err := l.readLedger(t.Context(), l.root+"ledger"); err == nil && led.Version != 1 {
			t.Fatalf("took %+v", led)
		}
	})
}
