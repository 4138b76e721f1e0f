package files

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"weir/internal/fault"
)

// hashChunk is the unit of the content hash, in bytes. A file's hash is the hash of its chunks' hashes, so that all
// cores share the work: a file of 764 MB takes 0.1 s of both of two cores while the read itself takes 3 s. The hash is
// xxHash64, which is no defence against forgery and need not be: it tells a touched file from a changed one, and sha256
// would cost a third as much as the whole read.
const hashChunk = 8 << 20

// seen is what one pass over a file's bytes finds.
type seen struct {
	hash string
	long length
}

// lookPlain reads a file once, in chunks side by side.
func lookPlain(ctx context.Context, path string) (seen, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return seen{}, 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return seen{}, 0, err
	}
	chunks := int((st.Size() + hashChunk - 1) / hashChunk)
	sums, longs := make([]byte, 8*chunks), make([]length, chunks)
	g, ctx := errgroup.WithContext(ctx)
	workers := min(chunks, runtime.GOMAXPROCS(0))
	for w := range workers {
		g.Go(func() error {
			buf := make([]byte, overlap+hashChunk)
			for i := w; i < chunks; i += workers {
				if err := ctx.Err(); err != nil {
					return err
				}
				sum, long, err := lookChunk(f, buf, int64(i)*hashChunk)
				if err != nil {
					return err
				}
				binary.BigEndian.PutUint64(sums[8*i:], sum)
				longs[i] = long
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return seen{}, 0, err
	}
	s := seen{hash: hex.EncodeToString(binary.BigEndian.AppendUint64(nil, xxhash.Sum64(sums)))}
	for _, l := range longs {
		s.long = max(s.long, l)
	}
	return s, st.Size(), nil
}

// overlap is how many bytes before a chunk are looked at again for a number that straddles the edge.
const overlap = 32

func lookChunk(f *os.File, buf []byte, offset int64) (sum uint64, long length, err error) {
	lead := min(offset, overlap)
	n, err := f.ReadAt(buf[:lead+hashChunk], offset-lead)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, short, err
	}
	data := buf[:n]
	return xxhash.Sum64(data[min(int64(n), lead):]), longNumber(data), nil
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
// A run of 16 digits and points covers two places of any grid of 8, so most bytes are never looked at.
func longNumber(b []byte) length {
	found := short
	for i := 0; i+8 < len(b); i += 8 {
		if !numeric(b[i]) || !numeric(b[i+8]) || !numeric(b[i+4]) {
			continue
		}
		from, to := i+4, i+5
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
		i = max(i, to&^7-8)
	}
	return found
}

// runLength judges one run: digits amid letters, as in a checksum, are no number.
func runLength(b []byte, from, to int) length {
	if from > 0 && isAlnum(b[from-1]) {
		return short
	}
	exponent := to < len(b) && b[to]|0x20 == 'e'
	switch {
	case exponent && to+1 < len(b) && b[to+1] != '+' && b[to+1] != '-' && !numeric(b[to+1]):
		return short
	case !exponent && to < len(b) && isAlnum(b[to]):
		return short
	case from > 0 && b[from-1] == '"':
		return long // a JSON string, which the engine keeps as it is
	case exponent, bytes.IndexByte(b[from:to], '.') >= 0:
		return longest
	}
	return long
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
	switch compression {
	case "gzip":
		if st, err := f.Stat(); err == nil && st.Size() == 0 {
			return f, nil
		}
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
	file *os.File
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

func wrapFile(split string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("read files: %w", readFault(split, err))
}
