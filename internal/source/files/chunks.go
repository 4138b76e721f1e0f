package files

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"runtime"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/sync/errgroup"

	"weir/internal/source/files/skim"
)

// chunkSize is the unit of the content hash and of looking through a file with all cores, in bytes: small enough to stay in a
// core's cache between the hash and the look.
const chunkSize = 1 << 20

// page is what reads are aligned to: the system copies from the middle of one page to the middle of another at half the
// speed.
const page = 4 << 10

// slack is how many bytes behind a chunk's data may be loaded without being part of it.
const slack = skim.Slack

// chunk is a part of a file, and some of what stands around it.
type chunk struct {
	index int
	from  int64  // where the chunk begins in the file
	lead  int    // how many bytes of data come before it
	size  int    // its own bytes in data, behind the lead
	data  []byte // lead, chunk, and what follows as far as it was asked for; slack bytes more can be loaded
	last  bool   // data ends where the file ends
}

func (c chunk) own() []byte { return c.data[c.lead : c.lead+c.size] }

// margins are the bytes a look needs to see before and behind a chunk; lead is at most a page.
type margins struct{ lead, tail int }

// eachChunk calls f with every chunk of a file, several at once. A worker gets its chunks in the order of the file. start
// is told how many chunks and workers there will be. It gives the file's size.
func eachChunk(ctx context.Context, path string, m margins, start func(chunks, workers int), f func(worker int, c chunk) error) (int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return 0, err
	}
	size := st.Size()
	chunks := int((size + chunkSize - 1) / chunkSize)
	workers := min(chunks, runtime.GOMAXPROCS(0))
	start(chunks, workers)
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for w := range workers {
		g.Go(func() error {
			buf := make([]byte, min(int64(page+chunkSize+m.tail), size)+slack) // small for a small file, of which there may be thousands
			for {
				i := int(next.Add(1) - 1)
				if i >= chunks {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				c, err := readChunk(file, buf, i, m, size)
				if err != nil {
					return err
				}
				if err := f(w, c); err != nil {
					return err
				}
			}
		})
	}
	return size, g.Wait()
}

func readChunk(file *os.File, buf []byte, i int, m margins, size int64) (chunk, error) {
	from := int64(i) * chunkSize
	before := min(from, page)
	want := min(before+chunkSize+int64(m.tail), size-from+before)
	n, err := file.ReadAt(buf[:want], from-before)
	if err != nil && !errors.Is(err, io.EOF) {
		return chunk{}, err
	}
	clear(buf[n : n+slack])
	lead := min(int(before), m.lead)
	data := buf[min(int(before)-lead, n):n]
	c := chunk{index: i, from: from, lead: min(lead, len(data)), data: data, last: from-before+int64(n) >= size}
	c.size = min(len(data)-c.lead, chunkSize)
	return c, nil
}

// hasher makes a file's content hash of those of its chunks, so that all cores share the work. It is xxHash64, which is no
// defence against forgery and need not be: it tells a touched file from a changed one, and sha256 would cost a third as
// much as the whole read.
type hasher struct{ sums []byte }

func (h *hasher) start(chunks int) { h.sums = make([]byte, 8*chunks) }

func (h *hasher) add(c chunk) {
	binary.BigEndian.PutUint64(h.sums[8*c.index:], xxhash.Sum64(c.own()))
}

func (h *hasher) sum() string {
	return hex.EncodeToString(binary.BigEndian.AppendUint64(nil, xxhash.Sum64(h.sums)))
}

// hashFile hashes a file's content.
func hashFile(ctx context.Context, path string) (hash string, size int64, err error) {
	var h hasher
	size, err = eachChunk(ctx, path, margins{}, func(chunks, _ int) { h.start(chunks) }, func(_ int, c chunk) error {
		h.add(c)
		return nil
	})
	return h.sum(), size, err
}
