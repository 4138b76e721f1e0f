package value

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"

	"weir/internal/fault"
	"weir/internal/mysql/wire"
)

// Charsets knows the character sets of a server. Those that do not hold Unicode are decoded by tables that the server itself
// makes: published ones differ from each other, and a row must be the same whether a query or the log gives it.
type Charsets struct {
	Names    map[int]string // by collation
	decoders map[string]Decoder
	dial     func(context.Context) (*wire.Conn, error)
}

// ReadCharsets asks a server for its collations. dial opens connections for tables as they are needed.
func ReadCharsets(ctx context.Context, dial func(context.Context) (*wire.Conn, error)) (_ *Charsets, err error) {
	c, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	rows, err := c.Strings(ctx, "SELECT id, character_set_name FROM information_schema.collations WHERE id IS NOT NULL AND character_set_name IS NOT NULL")
	if err != nil {
		return nil, fmt.Errorf("ask for collations: %w", err)
	}
	if c.Server.Maria {
		// Since 10.10 some collations are of several character sets, and have a number with each.
		more, err := c.Strings(ctx, "SELECT id, character_set_name FROM information_schema.collation_character_set_applicability")
		var said *wire.Error
		if err != nil && (!errors.As(err, &said) || said.Code != 1054) {
			return nil, fmt.Errorf("ask for collations: %w", err)
		}
		rows = append(rows, more...)
	}
	all := &Charsets{Names: map[int]string{}, decoders: map[string]Decoder{}, dial: dial}
	for _, r := range rows {
		if n, err := strconv.Atoi(r[0].Value); err == nil {
			all.Names[n] = r[1].Value
		}
	}
	return all, nil
}

// Name is the character set of a collation, "" for one that is not known.
func (s *Charsets) Name(collation int) string { return s.Names[collation] }

// Decoder gives the decoder of a character set; nil where it is none.
func (s *Charsets) Decoder(ctx context.Context, name string) (Decoder, error) {
	if d, ok := unicodeDecoders[name]; ok {
		return d, nil
	}
	if d, ok := s.decoders[name]; ok {
		return d, nil
	}
	if s.dial == nil {
		return nil, fault.New(fault.Data, "the character set %q is not known", name)
	}
	t, err := s.read(ctx, name)
	if err != nil {
		return nil, err
	}
	s.decoders[name] = t.decode
	return t.decode, nil
}

// table decodes a character set of up to three bytes, of which those below 0x80 are ASCII unless single says otherwise.
type table struct {
	single [256]string
	pairs  [256]*[256]string // by first byte, nil where none begins a pair
	third  map[[2]byte]string
	quads  func(b, text []byte) (out []byte, size int) // of four bytes; nil where there are none
}

func (t *table) decode(b, text []byte) ([]byte, bool) {
	for len(text) > 0 {
		c := text[0]
		n, found := 1, t.single[c]
		if p := t.pairs[c]; p != nil && len(text) > 1 && p[text[1]] != "" {
			n, found = 2, p[text[1]]
		} else if c == threeLead && len(text) > 2 && t.third[[2]byte{text[1], text[2]}] != "" {
			n, found = 3, t.third[[2]byte{text[1], text[2]}]
		} else if t.quads != nil && len(text) > 3 && text[1] < 0x40 && c >= utf8.RuneSelf {
			b, n = t.quads(b, text[:4])
			found = ""
			if n == 0 {
				return b, false
			}
			text = text[n:]
			continue
		}
		if found == "" {
			return b, false
		}
		b, text = append(b, found...), text[n:]
	}
	return b, true
}

// threeLead begins characters of three bytes in the Japanese character sets that have them.
const threeLead = 0x8f

// read has the server convert all characters of a set.
func (s *Charsets) read(ctx context.Context, name string) (_ *table, err error) {
	c, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	rows, err := c.Strings(ctx, "SELECT maxlen FROM information_schema.character_sets WHERE character_set_name = "+wire.Literal(name))
	if err != nil {
		return nil, fmt.Errorf("ask for the character set %s: %w", name, err)
	}
	if len(rows) == 0 {
		return nil, fault.New(fault.Data, "the server has no character set %q", name)
	}
	t := &table{}
	if err := ask(ctx, c, name, "", 0, &t.single); err != nil {
		return nil, err
	}
	if rows[0][0].Value == "1" {
		return t, nil
	}
	for first := 0x80; first < 0x100; first++ {
		var p [256]string
		if err := ask(ctx, c, name, fmt.Sprintf("%02x", first), 0x30, &p); err != nil {
			return nil, err
		}
		t.pairs[first] = &p
	}
	switch rows[0][0].Value {
	case "3":
		err = t.readThird(ctx, c, name)
	case "4":
		t.quads = quadsGB18030
	}
	return t, err
}

func (t *table) readThird(ctx context.Context, c *wire.Conn, name string) error {
	t.third = map[[2]byte]string{}
	for second := 0xa1; second < 0x100; second++ {
		var p [256]string
		if err := ask(ctx, c, name, fmt.Sprintf("%02x%02x", threeLead, second), 0xa1, &p); err != nil {
			return err
		}
		for last, text := range p {
			if text != "" {
				t.third[[2]byte{byte(second), byte(last)}] = text
			}
		}
	}
	return nil
}

// ask converts characters that end in each byte from one on. What comes back as more than one character is several, and what
// comes back as none is none.
func ask(ctx context.Context, c *wire.Conn, name, before string, from int, to *[256]string) error {
	var items []string
	for last := from; last < 256; last++ {
		items = append(items, fmt.Sprintf("CONVERT(0x%s%02x USING %s)", before, last, name))
	}
	rows, err := c.Strings(ctx, "SELECT "+strings.Join(items, ", "))
	if err != nil {
		return fmt.Errorf("ask for the character set %s: %w", name, err)
	}
	for i, v := range rows[0] {
		if v.Valid && utf8.RuneCountInString(v.Value) == 1 && utf8.ValidString(v.Value) {
			to[from+i] = v.Value
		}
	}
	return nil
}

// quadsGB18030 decodes a character of four bytes, which stand for all of Unicode that has no pair by a rule.
func quadsGB18030(b, text []byte) ([]byte, int) {
	out, err := simplifiedchinese.GB18030.NewDecoder().Bytes(text)
	if r, n := utf8.DecodeRune(out); err != nil || r == utf8.RuneError || n != len(out) {
		return b, 0
	}
	return append(b, out...), 4
}
