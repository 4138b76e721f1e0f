package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
)

// tree is a JSON value of DuckDB's syntax tree.
type tree struct {
	text    string // of a string, number or boolean
	items   []*tree
	names   []string // of the members of an object, in order
	members map[string]*tree
}

// parseTree reads JSON. Numbers keep their text: DuckDB writes 2^64-1 for a place it does not know.
func parseTree(text string) (*tree, error) {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	t, err := readTree(d, 0)
	if err != nil {
		return nil, fmt.Errorf("read syntax tree: %w", err)
	}
	return t, nil
}

// maxDepth is far beyond what DuckDB's own parser takes.
const maxDepth = 20000

func readTree(d *json.Decoder, depth int) (*tree, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	tok, err := d.Token()
	if err == io.EOF {
		return nil, io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	switch v := tok.(type) {
	case json.Delim:
		if v == '{' {
			return readObject(d, depth)
		}
		return readArray(d, depth)
	case string:
		return &tree{text: v}, nil
	case nil:
		return nil, nil
	}
	return &tree{text: fmt.Sprint(tok)}, nil
}

func readObject(d *json.Decoder, depth int) (*tree, error) {
	t := &tree{members: map[string]*tree{}}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := readTree(d, depth+1)
		if err != nil {
			return nil, err
		}
		name := fmt.Sprint(key)
		t.names = append(t.names, name)
		t.members[name] = v
	}
	_, err := d.Token()
	return t, err
}

func readArray(d *json.Decoder, depth int) (*tree, error) {
	t := &tree{}
	for d.More() {
		v, err := readTree(d, depth+1)
		if err != nil {
			return nil, err
		}
		t.items = append(t.items, v)
	}
	_, err := d.Token()
	return t, err
}

// get gives a member, nil where it is missing or null. It works on nil.
func (t *tree) get(name string) *tree {
	if t == nil {
		return nil
	}
	return t.members[name]
}

// str gives a member's text, "" where it is missing.
func (t *tree) str(name string) string {
	if m := t.get(name); m != nil {
		return m.text
	}
	return ""
}

// list gives a member's items.
func (t *tree) list(name string) []*tree {
	if m := t.get(name); m != nil {
		return m.items
	}
	return nil
}

// offset is the byte at which a node stands, -1 where DuckDB does not know.
func (t *tree) offset() int {
	n, err := strconv.ParseInt(t.str("query_location"), 10, 64)
	if err != nil {
		return -1
	}
	return int(n)
}
