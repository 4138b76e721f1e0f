package files

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"weir/internal/fault"
)

// overlap is how many bytes before a chunk are looked at again for a number that straddles the edge.
const overlap = 32

// scanNumbers looks for the longest numbers in an uncompressed file, and hashes it on the way.
func scanNumbers(ctx context.Context, path string) (longestNumber length, hash string, err error) {
	var found []length
	var h hasher
	start := func(chunks, _ int) { h.start(chunks); found = make([]length, chunks) }
	_, err = eachChunk(ctx, path, margins{lead: overlap}, start, func(_ int, c chunk) error {
		h.add(c)
		found[c.index] = longNumber(c.data)
		return nil
	})
	return slices.Max(append(found, short)), h.sum(), err
}

// exactDigits is how many decimal digits a DOUBLE holds without loss: two decimal numbers of at most 15 digits that
// are different are different DOUBLEs too.
const exactDigits = 15

// length says how long the numbers in a text are at most.
type length int

const (
	short   length = iota // up to exactDigits
	long                  // longer whole numbers
	longest               // longer ones with a point or an exponent
)

// longNumber looks for numbers of more than 15 digits. Where none is, every number in the text can be read as DOUBLE, at
// full speed, and compared with its declared type afterwards without missing a difference (promise 6).
// A run of 16 digits and points covers a place of any grid of 16, and 8 places to one side of it, so most bytes are never
// looked at.
func longNumber(b []byte) length {
	found := short
	for i := 0; i < len(b); i += 16 {
		if !numeric(b[i]) {
			continue
		}
		left := i >= 8 && numeric(b[i-8]) && numeric(b[i-4])
		right := i+8 < len(b) && numeric(b[i+8]) && numeric(b[i+4])
		if !left && !right {
			continue
		}
		from, to := i, i+1
		for from > 0 && numeric(b[from-1]) {
			from--
		}
		for to < len(b) && numeric(b[to]) {
			to++
		}
		if to-from > exactDigits {
			if found = max(found, runLength(b, from, to)); found == longest {
				return longest
			}
		}
		i = max(i, (to-1)&^15)
	}
	return found
}

// runLength judges one run: digits amid letters, as in a checksum, are no number.
func runLength(b []byte, from, to int) length {
	if from > 0 && isAlnum(b[from-1]) {
		return short
	}
	end := exponentEnd(b, to)
	switch {
	case end < len(b) && isAlnum(b[end]):
		return short
	case from > 0 && b[from-1] == '"':
		return long // a JSON string, which the engine keeps as it is
	case end > to, bytes.IndexByte(b[from:to], '.') >= 0:
		return longest
	}
	return long
}

// exponentEnd is where the number that has its digits up to i ends.
func exponentEnd(b []byte, i int) int {
	j := i
	if j < len(b) && b[j]|0x20 == 'e' {
		j++
		if j < len(b) && (b[j] == '+' || b[j] == '-') {
			j++
		}
		from := j
		for j < len(b) && b[j]-'0' <= 9 {
			j++
		}
		if j > from {
			return j
		}
	}
	return i
}

func numeric(c byte) bool { return c-'0' <= 9 || c == '.' }

// lookPacked unpacks a compressed file to its end: the engine takes the end of a truncated one for the end of the data.
func lookPacked(ctx context.Context, path, compression string) (long length, err error) {
	r, err := openPlain(path, compression)
	if err != nil {
		return short, err
	}
	defer r.Close()
	buf := make([]byte, overlap+1<<20)
	lead := 0
	for {
		if err := ctx.Err(); err != nil {
			return short, err
		}
		n, err := io.ReadFull(r, buf[lead:])
		data := buf[:lead+n]
		long = max(long, longNumber(data))
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && atEnd(r) {
			return long, nil
		}
		if err != nil {
			return short, err
		}
		lead = copy(buf, data[max(0, len(data)-overlap):])
	}
}

// atEnd tells the end of the data, which ReadFull also calls unexpected, from the end of a truncated file.
func atEnd(r io.Reader) bool {
	_, err := r.Read(make([]byte, 1))
	return errors.Is(err, io.EOF)
}

// openPlain opens a file's uncompressed bytes.
func openPlain(path, compression string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if st, err := f.Stat(); err == nil && st.Size() == 0 {
		return f, nil
	}
	return unpack(f, compression)
}

// unpack gives the uncompressed bytes of what it is given, and closes that with itself or where it fails.
func unpack(f io.ReadCloser, compression string) (io.ReadCloser, error) {
	switch compression {
	case "gzip":
		z, err := gzip.NewReader(f)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return unpacked{z, f}, nil
	case "zstd":
		z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return unpacked{z.IOReadCloser(), f}, nil
	}
	return f, nil
}

type unpacked struct {
	io.ReadCloser
	file io.Closer
}

func (u unpacked) Close() error { return errors.Join(u.ReadCloser.Close(), u.file.Close()) }

// readFault classes an error of reading a split's file.
func readFault(split string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fault.New(fault.Data, "%s is truncated: %w", split, err).WithHint("copy the file again, whole")
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.Is(err, zstd.ErrMagicMismatch), errors.Is(err, zstd.ErrCRCMismatch):
		return fault.New(fault.Data, "%s is damaged: %w", split, err).WithHint("its name says it is compressed; copy it again or name it for what it is")
	case errors.Is(err, os.ErrPermission):
		return fault.New(fault.Usage, "%s cannot be read: %w", split, err).WithHint("give the user that runs Weir the right to read it")
	case errors.Is(err, os.ErrNotExist):
		return fault.New(fault.Unavailable, "%s was there a moment ago: %w", split, err)
	}
	var p *os.PathError
	if errors.As(err, &p) {
		return fault.New(fault.Unavailable, "read %s: %w", split, err)
	}
	return fault.New(fault.Data, "%s is damaged: %w", split, err)
}
