package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"weir/internal/fault"
)

// dialect is how one CSV file is written.
type dialect struct {
	delimiter byte
	quote     byte // 0 for none
	escape    byte
	comment   byte // 0 for none
	skip      int
	encoding  string
	header    bool
	single    bool // one column, so that a blank line is a record
}

// csvHead is what the beginning of a CSV file tells.
type csvHead struct {
	dialect
	names []string // of the columns; nil for a file without a record
	line  string   // the header line, "" without one
	// engineSkip is skip as the engine counts: it does not count the lines of comments.
	engineSkip int
	// begin is the offset of the first record behind the header, in the decoded text.
	begin int64
}

// headSize is how much of a file is looked at for its dialect, in bytes.
const headSize = 256 << 10

func firstByte(s string, otherwise byte) byte {
	if u := unescape(s); u != "" {
		return u[0]
	}
	return otherwise
}

// declared is the dialect as far as the options say.
func (r *Reader) dialect(format string) dialect {
	d := dialect{delimiter: firstByte(r.Delimiter, 0), quote: firstByte(r.Quote, '"'), comment: firstByte(r.Comment, 0), skip: r.Skip, encoding: r.Encoding}
	if r.Quote == "none" {
		d.quote = 0
	}
	d.escape = firstByte(r.Escape, d.quote)
	if d.delimiter == 0 && format == formatTSV {
		d.delimiter = '\t'
	}
	return d
}

// readHead finds a file's dialect and column names. expected are names the columns may have.
func (s *scan) readHead(n *split, expected []string) (csvHead, error) {
	h := csvHead{dialect: s.reader.dialect(n.format)}
	head, err := readStart(n, h.encoding)
	if err != nil {
		return h, readFault(n.name, err)
	}
	if h.encoding != "utf-16" {
		if err := refuseUTF16(n); err != nil {
			return h, err
		}
	}
	return s.headOf(n, h, head, expected)
}

// headOf finds dialect and names in the beginning of a file, unpacked and decoded.
func (s *scan) headOf(n *split, h csvHead, head []byte, expected []string) (csvHead, error) {
	// Every second byte of UTF-16 is zero; in a text, a stray one spoils its own field only.
	if zeros := bytes.Count(head, []byte{0}); zeros > len(head)/10 {
		return h, fault.New(fault.Data, "%s is not text: a zero byte stands at offset %d", n.name, bytes.IndexByte(head, 0)).
			WithHint("set format, or encoding: utf-16, or narrow the path")
	}
	given := h.delimiter != 0
	if !given {
		h.delimiter = sniffDelimiter(head, h.dialect)
	}
	first, err := firstRecord(head, h.dialect)
	if err != nil || first == nil {
		return h, err
	}
	h.header = s.hasHeader(first.texts(), expected)
	h.begin = first.offset
	if h.header {
		h.begin = first.end
		// The engine would take a blank line before the header for it.
		h.line, h.skip = string(first.raw), int(first.line)-1
	}
	h.engineSkip = h.skip - commentLines(head, h.dialect)
	if h.names, err = s.names(n, h, first, expected); err != nil {
		return h, err
	}
	h.single = len(h.names) == 1
	return h, s.rightDelimiter(n, h, head, given, expected)
}

// commentLines counts the lines of comments among those that are skipped.
func commentLines(head []byte, d dialect) (n int) {
	if d.comment == 0 {
		return 0
	}
	r := newRecords(bytes.NewReader(head), d, headSize)
	r.d.skip = 0
	if r.start() != nil {
		return 0
	}
	for range d.skip {
		line, _, err := r.readLine()
		if err != nil {
			break
		}
		if len(line) > 0 && line[0] == d.comment {
			n++
		}
	}
	return n
}

// readStart reads the beginning of a file, unpacked and decoded, without a byte order mark.
func readStart(n *split, encoding string) ([]byte, error) {
	r, err := openText(n, encoding)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	head := make([]byte, headSize)
	got, err := io.ReadFull(r, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return head[:got], err
}

// refuseUTF16 is the error of a file that says it is UTF-16 where nobody told the engine.
func refuseUTF16(n *split) error {
	r, err := openPlain(n.path, n.compression)
	if err != nil {
		return readFault(n.name, err)
	}
	defer r.Close()
	var mark [2]byte
	if _, err := io.ReadFull(r, mark[:]); err != nil {
		return nil // an empty file has no mark, and a broken one has its error elsewhere
	}
	if mark == [2]byte{0xff, 0xfe} || mark == [2]byte{0xfe, 0xff} {
		return fault.New(fault.Data, "%s begins with the byte order mark of UTF-16", n.name).WithHint("set encoding: utf-16")
	}
	return nil
}

// openText opens a split's text in UTF-8.
func openText(n *split, encoding string) (io.ReadCloser, error) {
	r, err := openPlain(n.path, n.compression)
	if err != nil {
		return nil, err
	}
	return decoded{decodeText(r, encoding), r}, nil
}

// decodeText gives a text in UTF-8, without a byte order mark.
func decodeText(r io.Reader, encoding string) io.Reader {
	var t transform.Transformer = unicode.BOMOverride(transform.Nop)
	switch encoding {
	case "latin-1":
		t = charmap.ISO8859_1.NewDecoder()
	case "utf-16":
		t = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder()
	case rawEncoding:
		return r
	}
	return transform.NewReader(r, t)
}

type decoded struct {
	io.Reader
	io.Closer
}

// sniffDelimiter takes the candidate that splits most of the first records into equally many fields.
func sniffDelimiter(head []byte, d dialect) byte {
	best, bestScore := byte(','), 0.0
	for _, c := range []byte{',', '\t', ';', '|'} {
		d.delimiter = c
		counts, first, total := map[int]int{}, 0, 0
		r := newRecords(bytes.NewReader(head), d, headSize)
		for total < 100 {
			rec, err := r.next()
			if err != nil {
				break
			}
			if total == 0 {
				first = len(rec.fields)
			}
			counts[len(rec.fields)]++
			total++
		}
		if first < 2 {
			continue
		}
		// How steady the count is matters most, how large it is decides between equals.
		score := float64(counts[first])/float64(total) + float64(min(first, 99))/1000
		if score > bestScore {
			best, bestScore = c, score
		}
	}
	return best
}

// firstRecord is the first record of a file, nil where there is none.
func firstRecord(head []byte, d dialect) (*csvRecord, error) {
	rec, err := newRecords(bytes.NewReader(head), d, headSize).next()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	return rec, err
}

// hasHeader decides whether the first record names the columns: it does where it holds a name we know, and where nothing
// speaks against it.
func (s *scan) hasHeader(fields, expected []string) bool {
	switch s.reader.Header {
	case "true":
		return true
	case "false":
		return false
	}
	known := 0
	for _, f := range fields {
		if containsFold(expected, strings.TrimSpace(f)) {
			known++
		}
	}
	if known > 0 {
		return true
	}
	for _, f := range fields {
		_, number := exactNumber(strings.TrimSpace(f))
		_, _, _, moment := splitMoment(strings.TrimSpace(f))
		if number || moment {
			return false
		}
	}
	return true
}

func containsFold(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// names gives the columns their names: the header's, else the declared ones in order.
func (s *scan) names(n *split, h csvHead, first *csvRecord, expected []string) ([]string, error) {
	names := make([]string, len(first.fields))
	seen := map[string]int{}
	for i, f := range first.texts() {
		switch {
		case !h.header && i < len(expected):
			names[i] = expected[i]
		case !h.header || strings.TrimSpace(f) == "":
			names[i] = fmt.Sprintf("column%d", i)
		default:
			names[i] = strings.TrimSpace(f)
		}
		if j, twice := seen[strings.ToLower(names[i])]; twice {
			return nil, fault.New(fault.Data, "%s: the header names two columns %q, the %d. and the %d.", n.name, names[i], j+1, i+1).
				WithHint("give the columns different names, or set header: false with skip: 1 and columns in order")
		}
		seen[strings.ToLower(names[i])] = i
	}
	return names, nil
}

// rightDelimiter catches a file that comes out as one column where several are expected.
func (s *scan) rightDelimiter(n *split, h csvHead, head []byte, given bool, expected []string) error {
	if len(h.names) != 1 || len(expected) < 2 || containsFold(expected, h.names[0]) {
		return nil
	}
	e := fault.New(fault.Data, "%s comes out as one column, %q, where %d are expected", n.name, clip(h.names[0], 60), len(expected))
	if other := sniffDelimiter(head, h.dialect); given && other != h.delimiter {
		return e.WithHint("its delimiter seems to be %q: set delimiter", other)
	}
	return e.WithHint("set delimiter to what separates its fields")
}

// clip shortens a text for a message.
func clip(s string, n int) string {
	r := []rune(strings.ToValidUTF8(s, "\uFFFD"))
	if len(r) <= n {
		return string(r)
	}
	return string(r[:n]) + "…"
}
