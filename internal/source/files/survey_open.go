package files

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"weir/internal/blob"
	"weir/internal/fault"
)

// open gives a file's text from its beginning: unpacked, and decoded where encoding is not raw. No more is fetched of a
// remote file than is read of it.
func (v *surveyor) open(ctx context.Context, e *entry, encoding string) (io.ReadCloser, error) {
	var raw io.ReadCloser
	if path, ok := v.store.LocalPath(e.Key); ok {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		raw = f
	} else {
		ranger, ok := v.store.(blob.Ranger)
		if !ok {
			return nil, fault.New(fault.Internal, "the store of %s reads no parts of objects", v.shown)
		}
		raw = &pieces{ctx: ctx, store: ranger, key: e.Key, size: e.Size, next: firstPiece}
	}
	r, err := unpack(raw, e.compression)
	if err != nil {
		return nil, err
	}
	return decoded{decodeText(r, encoding), r}, nil
}

// head is the beginning of a file's text.
func (v *surveyor) head(ctx context.Context, e *entry, encoding string) ([]byte, error) {
	r, err := v.open(ctx, e, encoding)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	buf := make([]byte, headSize)
	n, err := io.ReadFull(r, buf)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return buf[:n], err
}

// Sizes of the pieces a remote file is read in, in bytes: a head needs one, more are for who reads on.
const (
	firstPiece = 128 << 10
	lastPiece  = 8 << 20
)

// pieces reads a remote object piece by piece.
type pieces struct {
	ctx    context.Context
	store  blob.Ranger
	key    string
	size   int64
	offset int64
	next   int64
	left   []byte
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.left) == 0 {
		if p.offset >= p.size {
			return 0, io.EOF
		}
		data, err := p.store.Range(p.ctx, p.key, p.offset, min(p.next, p.size-p.offset))
		if err != nil {
			return 0, err
		}
		if len(data) == 0 {
			return 0, io.EOF
		}
		p.left = data
		p.offset += int64(len(data))
		p.next = min(lastPiece, p.next*4)
	}
	n := copy(b, p.left)
	p.left = p.left[n:]
	return n, nil
}

func (p *pieces) Close() error { return nil }

// copies are local files for Parquet objects, which the engine reads itself.
type copies struct {
	o    *opened
	dir  string
	made map[string]string
}

func (c *copies) close() {
	if c.dir != "" {
		_ = os.RemoveAll(c.dir) // what stays goes with the scratch folder
	}
}

// place gives a local file for an object. Of a remote one that is not to be read whole it has the footer only, in its
// place: enough for the schema.
func (c *copies) place(ctx context.Context, e *entry, whole bool) (string, error) {
	if path, ok := c.o.store.LocalPath(e.Key); ok {
		return path, nil
	}
	name := e.Key
	if whole {
		name += "\x00whole"
	}
	if path, ok := c.made[name]; ok {
		return path, nil
	}
	path, err := c.fresh()
	if err != nil {
		return "", err
	}
	if whole {
		err = c.o.store.Fetch(ctx, e.Key, path)
	} else {
		err = c.footer(ctx, e, path)
	}
	if err != nil {
		return "", err
	}
	c.made[name] = path
	return path, nil
}

func (c *copies) fresh() (string, error) {
	if c.dir == "" {
		base := c.o.env.Scratch
		if base == "" {
			base = os.TempDir()
		}
		err := os.MkdirAll(base, 0o755)
		if err == nil {
			c.dir, err = os.MkdirTemp(base, "survey-")
		}
		if err != nil {
			return "", fault.New(fault.Unavailable, "make scratch folder: %w", err)
		}
		c.made = map[string]string{}
	}
	return filepath.Join(c.dir, strconv.Itoa(len(c.made))+".parquet"), nil
}

// footer makes a sparse file of an object's size that holds its footer only.
func (c *copies) footer(ctx context.Context, e *entry, path string) error {
	ranger, ok := c.o.store.(blob.Ranger)
	if !ok {
		return fault.New(fault.Internal, "the store of %s reads no parts of objects", c.o.shown)
	}
	const guess, most = 64 << 10, 64 << 20
	size := min(e.Size, guess)
	tail, err := ranger.Range(ctx, e.Key, e.Size-size, size)
	if err != nil {
		return err
	}
	if len(tail) < 12 || string(tail[len(tail)-4:]) != "PAR1" {
		return fault.New(fault.Data, "%s is not Parquet: its end is missing", e.Key)
	}
	need := int64(binary.LittleEndian.Uint32(tail[len(tail)-8:])) + 8
	if need > most || need > e.Size {
		return fault.New(fault.Data, "%s is damaged: its footer would have %d bytes", e.Key, need)
	}
	if need > size {
		if tail, err = ranger.Range(ctx, e.Key, e.Size-need, need); err != nil {
			return err
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return fault.New(fault.Unavailable, "copy a footer: %w", err)
	}
	_, err = f.WriteAt([]byte("PAR1"), 0)
	if err == nil {
		_, err = f.WriteAt(tail, e.Size-int64(len(tail)))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fault.New(fault.Unavailable, "copy a footer: %w", err)
	}
	return nil
}
