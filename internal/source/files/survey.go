package files

import (
	"context"
	"fmt"
	"strings"

	"weir/internal/blob"
	"weir/internal/fault"
	"weir/internal/source"
)

var (
	_ source.Surveyor = (*opened)(nil)
	_ source.Evolving = (*Reader)(nil)
)

// surveyor looks through a connection once.
type surveyor struct {
	*opened
	request source.SurveyRequest
	found   []*entry // what may hold rows, by name
	others  []string // names that a pattern must not stand for
	out     source.Survey
	copies  *copies
}

// entry is one file of the survey.
type entry struct {
	blob.Object
	format      string
	compression string
	told        bool // the format stands in the file and not in its name
	look        look
	looked      bool
	claimed     bool
}

// look is what the beginning of a file tells.
type look struct {
	columns []string
	unnamed bool
	err     error
}

// Survey lists the files, gives those that a table reads already to that table, and puts the others into groups.
func (o *opened) Survey(ctx context.Context, r source.SurveyRequest) (source.Survey, error) {
	v := &surveyor{opened: o, request: r, copies: &copies{o: o}}
	defer v.copies.close()
	if err := v.list(ctx); err != nil {
		return source.Survey{}, fmt.Errorf("survey files: %w", err)
	}
	for _, c := range r.Claims {
		if err := v.claim(ctx, c); err != nil {
			return source.Survey{}, fmt.Errorf("survey %s: %w", c.Table, err)
		}
	}
	if err := v.groups(ctx); err != nil {
		return source.Survey{}, fmt.Errorf("survey files: %w", err)
	}
	return v.out, nil
}

// claim surveys the files a defined table reads.
func (v *surveyor) claim(ctx context.Context, c source.Claim) error {
	reader, ok := c.Reader.(*Reader)
	if !ok {
		return fault.New(fault.Internal, "a files connection got options of another kind: %T", c.Reader)
	}
	g, err := compileGlob(reader.Path)
	if err != nil {
		return fault.New(fault.Usage, "%w", err)
	}
	var members []*entry
	for _, e := range v.found {
		if g.match(e.Key) && !hidden(e.Key, reader.Path) {
			e.claimed = true
			members = append(members, e)
		}
	}
	t := source.Surveyed{Claim: c.Table, Dataset: reader.Path}
	if len(members) == 0 {
		if v.request.Only == "" { // else they were not asked about
			t.Breaks = []string{"no file matches " + reader.Path}
			v.out.Tables = append(v.out.Tables, t)
		}
		return nil
	}
	s := &sampled{surveyor: v, reader: reader, claim: &c, members: members}
	if t, err = s.survey(ctx, t); err != nil {
		return err
	}
	if c.Read != nil {
		t.New = newParts(members, c)
	}
	v.out.Tables = append(v.out.Tables, t)
	return nil
}

// newParts are the files that the table has not read, and the folders among them in which it has read none.
func newParts(members []*entry, c source.Claim) *source.NewParts {
	n := &source.NewParts{}
	seen := map[string]bool{}
	folder := func(key string) string { return key[:strings.LastIndexByte(key, '/')+1] }
	for key := range c.Read {
		seen[folder(key)] = true
	}
	for _, e := range members {
		if _, read := c.Read[e.Key]; read {
			continue
		}
		n.Count++
		n.Bytes += e.Size
		if f := folder(e.Key); f != "" && !seen[f] {
			seen[f] = true
			n.Folders = append(n.Folders, strings.TrimSuffix(f, "/"))
		}
	}
	if n.Count == 0 {
		return nil
	}
	return n
}

// NewColumn says what on_schema_change does with a column that the table does not have.
func (r *Reader) NewColumn(format string) (policy, effect string) {
	json := strings.HasPrefix(format, "json") || strings.HasPrefix(format, "ndjson")
	switch policy = r.policy(); {
	case policy == schemaAdd:
		return policy, "would be added by the next run"
	case policy == schemaExtra:
		return policy, "would be kept in " + extraColumn
	case policy == schemaReject && json:
		return policy, "records that have it would be rejected"
	}
	return policy, "the next run will stop"
}
