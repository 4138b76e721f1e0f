package mysql

import (
	"context"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"weir/internal/fault"
	"weir/internal/mysql/wire"
	"weir/internal/source"
)

// hashes says whether the server has MD5: MySQL since 9.6 has it only where a component was installed. Without it the texts of
// all rows are fetched and summed up here.
func (s *summed) hashes(ctx context.Context) (bool, error) {
	_, err := s.c.Strings(ctx, "SELECT MD5('')")
	var said *wire.Error
	if errors.As(err, &said) && said.Code == 1305 {
		return false, nil
	}
	return err == nil, err
}

// eachHere reads the canonical texts of all rows and gives part, key and digest of each.
func (s *summed) eachHere(ctx context.Context, q source.Summing, each func(part int, key string, digest uint64) error) error {
	keyTexts, err := s.rowTexts(keyColumns(q))
	if err != nil {
		return err
	}
	texts, err := s.rowTexts(q.Columns)
	if err != nil {
		return err
	}
	key, err := s.keyText(q)
	if err != nil {
		return err
	}
	rows, err := s.c.Query(ctx, "SELECT "+keyTexts+", "+key+", "+texts+s.from())
	if err != nil {
		return fmt.Errorf("sum up %s: %w", s.rel.shown(), err)
	}
	defer rows.Close()
	for {
		row, err := rows.Next()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("sum up %s: %w", s.rel.shown(), err)
		}
		var v [3][]byte
		for i := range v {
			var ok bool
			if v[i], _, ok = row.Next(); !ok {
				return fault.New(fault.Unavailable, "sum up %s: a row ends early", s.rel.shown())
			}
		}
		ofKey, ofRow := md5.Sum(v[0]), md5.Sum(v[2])
		part := int(binary.BigEndian.Uint32(ofKey[:])>>8) % q.Parts // the first 6 of its 32 digits
		if err := each(part, string(v[1]), binary.BigEndian.Uint64(ofRow[:])>>4); err != nil {
			return err
		}
	}
}

func (s *summed) sumsHere(ctx context.Context, q source.Summing) (map[int]source.Part, error) {
	type sum struct {
		rows int64
		of   big.Int
	}
	parts := map[int]*sum{}
	var one big.Int
	err := s.eachHere(ctx, q, func(part int, _ string, digest uint64) error {
		p := parts[part]
		if p == nil {
			p = &sum{}
			parts[part] = p
		}
		p.rows++
		p.of.Add(&p.of, one.SetUint64(digest))
		return nil
	})
	out := map[int]source.Part{}
	for n, p := range parts {
		out[n] = source.Part{Rows: p.rows, Sum: p.of.String()}
	}
	return out, err
}

func (s *summed) rowsHere(ctx context.Context, q source.Summing, parts []int, each func(source.Row) error) error {
	return s.eachHere(ctx, q, func(part int, key string, digest uint64) error {
		if !slices.Contains(parts, part) {
			return nil
		}
		return each(source.Row{Key: strings.Split(key, "\x1f"), Digest: strconv.FormatUint(digest, 10)})
	})
}
