package replication

import (
	"bufio"
	"encoding/binary"
	"io"
	"os"

	"weir/internal/fault"
)

// spill holds a transaction that is sent while it is under way: nothing of it may be seen before its commit, and memory is not the
// place to wait in (promise 5). A file holds its messages in order; subtransactions that are rolled back are left out when the
// file is read.
type spill struct {
	file    *os.File
	out     *bufio.Writer
	aborted map[uint32]bool // subtransactions
	scratch string
}

const spillBuffer = 256 << 10

func newSpill(scratch string) (*spill, error) {
	file, err := os.CreateTemp(scratch, "transaction-*")
	if err != nil {
		return nil, notSpilled(scratch, err)
	}
	return &spill{file: file, out: bufio.NewWriterSize(file, spillBuffer), aborted: map[uint32]bool{}, scratch: scratch}, nil
}

func notSpilled(scratch string, err error) error {
	return fault.New(fault.Unavailable, "keep a large transaction in %s until it commits: %w", scratch, err)
}

// add appends a message and the transaction or subtransaction it belongs to.
func (s *spill) add(xid uint32, data []byte) error {
	var head [8]byte
	binary.BigEndian.PutUint32(head[:], uint32(len(data)))
	binary.BigEndian.PutUint32(head[4:], xid)
	_, err := s.out.Write(head[:])
	if err == nil {
		_, err = s.out.Write(data)
	}
	if err != nil {
		return notSpilled(s.scratch, err)
	}
	return nil
}

// abort leaves a subtransaction out.
func (s *spill) abort(sub uint32) { s.aborted[sub] = true }

// rewind makes the messages ready to be read.
func (s *spill) rewind() (*replay, error) {
	err := s.out.Flush()
	if err == nil {
		_, err = s.file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, notSpilled(s.scratch, err)
	}
	s.out = nil
	return &replay{spill: s, in: bufio.NewReaderSize(s.file, spillBuffer)}, nil
}

// drop removes the file.
func (s *spill) drop() {
	_ = s.file.Close()           // it is of no use any more
	_ = os.Remove(s.file.Name()) // scratch folders are emptied anyway
}

// replay reads a spilled transaction.
type replay struct {
	spill *spill
	in    *bufio.Reader
	buf   []byte
}

// next gives a message, valid until the next call, or io.EOF. Definitions are given even if the subtransaction that sent them was
// rolled back: the server sends each once, and rows of others may follow it.
func (r *replay) next() ([]byte, error) {
	for {
		var head [8]byte
		if _, err := io.ReadFull(r.in, head[:]); err != nil {
			if err == io.EOF {
				return nil, err
			}
			return nil, notSpilled(r.spill.scratch, err)
		}
		n := int(binary.BigEndian.Uint32(head[:]))
		if n > cap(r.buf) {
			r.buf = make([]byte, n)
		}
		r.buf = r.buf[:n]
		if _, err := io.ReadFull(r.in, r.buf); err != nil {
			return nil, notSpilled(r.spill.scratch, err)
		}
		kind := Kind(r.buf[0])
		if !r.spill.aborted[binary.BigEndian.Uint32(head[4:])] || kind == KindRelation || kind == KindType {
			return r.buf, nil
		}
	}
}
