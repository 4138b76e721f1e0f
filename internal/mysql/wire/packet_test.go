package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"testing"

	"pgregory.net/rapid"
)

// Messages of all sizes around those that matter arrive as they were sent, however the network cuts them.
func TestMessagesArriveWhole(t *testing.T) {
	sizes := rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(bufferSize-20, bufferSize+20), rapid.SampledFrom([]int{maxPayload - 1, maxPayload, maxPayload + 5}))
	rapid.Check(t, func(rt *rapid.T) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		in, out := newStream(&chopped{Conn: ours, rt: rt}, 64<<20), newStream(theirs, 64<<20)
		var want []int
		for range rapid.IntRange(1, 6).Draw(rt, "messages") {
			want = append(want, sizes.Draw(rt, "size"))
		}
		sent := make(chan error, 1)
		go func() {
			var err error
			for i, n := range want {
				if err = out.write(pattern(i, n)); err != nil {
					break
				}
			}
			_ = theirs.Close()
			sent <- err
		}()
		for i, n := range want {
			got, err := in.read()
			if err != nil || !bytes.Equal(got, pattern(i, n)) {
				rt.Fatalf("message %d of %d bytes came as %d: %v", i, n, len(got), err)
			}
		}
		if _, err := in.read(); err != io.EOF {
			rt.Fatalf("after the last message: %v", err)
		}
		if err := <-sent; err != nil {
			rt.Fatal(err)
		}
	})
}

func pattern(i, n int) []byte {
	b := make([]byte, n)
	for k := range b {
		b[k] = byte(k*7 + k>>9 + i)
	}
	return b
}

// chopped reads a random number of bytes at a time.
type chopped struct {
	net.Conn
	rt *rapid.T
	n  int
}

func (c *chopped) Read(b []byte) (int, error) {
	if c.n++; c.n%3 == 1 && len(b) > 1 {
		b = b[:min(len(b), rapid.IntRange(1, 9).Draw(c.rt, "bytes"))]
	}
	return c.Conn.Read(b)
}

// A message over the limit is read over, and the next one comes whole.
func TestLimitOfAMessage(t *testing.T) {
	for _, size := range []int{2 << 20, maxPayload, maxPayload + 1<<20} {
		ours, theirs := net.Pipe()
		in, out := newStream(ours, 1<<20), newStream(theirs, 0)
		go func() { _ = out.write(pattern(1, size)); _ = out.write([]byte("next")) }()
		var over *Oversize
		if _, err := in.read(); !errors.As(err, &over) || over.Size != size || !bytes.HasPrefix(pattern(1, size), over.Head) || len(over.Head) == 0 {
			t.Fatalf("a message of %d bytes: %v", size, err)
		}
		if next, err := in.read(); err != nil || string(next) != "next" {
			t.Fatalf("after it: %q, %v", next, err)
		}
		_, _ = ours.Close(), theirs.Close()
	}
}

func TestMessageOutOfOrder(t *testing.T) {
	ours, theirs := net.Pipe()
	go func() { _, _ = theirs.Write([]byte{1, 0, 0, 5, 0}) }()
	if _, err := newStream(ours, 0).read(); err == nil {
		t.Fatal("packet 5 came first and was taken")
	}
	_, _ = ours.Close(), theirs.Close()
}

// The signature is that of RFC 8032, section 7.1, test 2, whose secret is a seed of 32 bytes as a password may be.
func TestEd25519(t *testing.T) {
	seed, _ := hex.DecodeString("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
	got, err := proveEd25519(seed, []byte{0x72})
	want := "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
	if err != nil || hex.EncodeToString(got) != want {
		t.Errorf("%x, %v", got, err)
	}
}

func TestRowCells(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 70000)
	r := Row(append(append([]byte("\x02ab\xfb\x00"), appendLength(nil, len(long))...), long...))
	for i, want := range []string{"ab", "null", "", string(long)} {
		v, null, ok := r.Next()
		if got := string(v); !ok || null != (want == "null") || !null && got != want {
			t.Errorf("value %d: %d bytes, null %v, ok %v", i, len(got), null, ok)
		}
	}
	if _, _, ok := r.Next(); ok {
		t.Error("a value after the last")
	}
	for _, broken := range []string{"\x05ab", "\xfc\x01", "\xfd\xff\xff\xff", "\xfe\xff\xff\xff\xff\xff\xff\xff\xff"} {
		r := Row(broken)
		if _, _, ok := r.Next(); ok {
			t.Errorf("%q was taken", broken)
		}
	}
}
