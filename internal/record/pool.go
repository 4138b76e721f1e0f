package record

import (
	"math/bits"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/arrow/memory/mallocator"
)

// Pool lends buffers and takes them back. They lie outside Go's heap, because the engine reads them while no Go code is
// running for it. Sizes are powers of two.
type Pool struct {
	mu    sync.Mutex
	free  map[int][][]byte // by size class
	under *mallocator.Mallocator
	kept  int
}

// keep is how many bytes a pool holds back for the next batch.
const keep = 64 << 20

// NewPool makes a pool. Close gives its memory back.
func NewPool() *Pool {
	return &Pool{free: map[int][][]byte{}, under: mallocator.NewMallocator()}
}

const least = 12 // the smallest buffer has 4 KiB

func class(size int) int { return max(least, bits.Len(uint(max(size, 1)-1))) }

// bytes lends an empty buffer with room for at least size bytes.
func (p *Pool) bytes(size int) []byte {
	k := class(size)
	p.mu.Lock()
	defer p.mu.Unlock()
	if list := p.free[k]; len(list) > 0 {
		b := list[len(list)-1]
		p.free[k] = list[:len(list)-1]
		p.kept -= cap(b)
		return b[:0]
	}
	return p.under.Allocate(1 << k)[:0]
}

// buffer makes a buffer that goes back to the pool when it is released; an empty one needs no memory.
func (p *Pool) buffer(b []byte) *memory.Buffer {
	if b == nil {
		b = p.bytes(1)
	}
	return memory.NewBufferWithAllocator(b, p)
}

// Allocate lends a buffer of a size. Arrow takes it for zeroed: it makes arrays of nulls by leaving it as it is.
func (p *Pool) Allocate(size int) []byte {
	b := p.bytes(size)[:size]
	clear(b)
	return b
}

// Reallocate gives a buffer another size.
func (p *Pool) Reallocate(size int, b []byte) []byte {
	if size <= cap(b) {
		if size > len(b) {
			clear(b[len(b):size])
		}
		return b[:size]
	}
	bigger := p.Allocate(size)
	copy(bigger, b)
	p.Free(b)
	return bigger
}

// Free takes a buffer back.
func (p *Pool) Free(b []byte) {
	if cap(b) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept+cap(b) > keep || p.free == nil {
		p.under.Free(b[:cap(b)])
		return
	}
	k := class(cap(b))
	p.free[k] = append(p.free[k], b)
	p.kept += cap(b)
}

// Close gives back what is not lent; what is lent goes when it is freed.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, list := range p.free {
		for _, b := range list {
			p.under.Free(b[:cap(b)])
		}
	}
	p.free, p.kept = nil, 0
}
