package files

import (
	"bytes"
	"context"
	"path"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"weir/internal/blob"
	"weir/internal/fault"
	"weir/internal/source"
)

// list lists the connection's files and leaves out what holds no rows.
func (v *surveyor) list(ctx context.Context) error {
	only, err := v.only()
	if err != nil {
		return err
	}
	var exclude []glob
	for _, p := range v.request.Exclude {
		g, err := compileGlob(p)
		if err != nil {
			return fault.New(fault.Usage, "exclude: %w", err)
		}
		exclude = append(exclude, g)
	}
	all, err := v.store.List(ctx, only.prefix)
	if err != nil {
		return err
	}
	left := map[string]*source.LeftOut{}
	var reasons []string
	for _, o := range all {
		if !utf8.ValidString(o.Key) {
			v.out.Unread = append(v.out.Unread, source.Unread{Name: strings.ToValidUTF8(o.Key, "\uFFFD"), Reason: "its name is not valid UTF-8"})
			continue
		}
		reason := leftOut(o, exclude)
		if only.re != nil && !only.match(o.Key) {
			v.others = append(v.others, o.Key)
			continue
		}
		if reason == "" {
			v.found = append(v.found, &entry{Object: o, compression: compressionOf(o.Key)})
			continue
		}
		if o.Size > 0 {
			v.others = append(v.others, o.Key)
		}
		l := left[reason]
		if l == nil {
			l = &source.LeftOut{Reason: reason, Example: o.Key}
			left[reason] = l
			reasons = append(reasons, reason)
		}
		l.Count++
	}
	for _, r := range reasons {
		v.out.Left = append(v.out.Left, *left[r])
	}
	return nil
}

func compressionOf(key string) string {
	_, c := splitCompression(key)
	return c
}

// only is the pattern the survey is limited to; without one it has no expression.
func (v *surveyor) only() (glob, error) {
	if v.request.Only == "" {
		return glob{}, nil
	}
	g, err := compileGlob(v.request.Only)
	if err != nil {
		return glob{}, fault.New(fault.Usage, "%w", err)
	}
	return g, nil
}

// leftOut says why a file holds no rows, "" where it may.
func leftOut(o blob.Object, exclude []glob) string {
	for _, g := range exclude {
		if g.match(o.Key) {
			return "excluded"
		}
	}
	for part := range strings.SplitSeq(o.Key, "/") {
		switch {
		case strings.HasPrefix(part, "."):
			return "hidden"
		case strings.HasPrefix(part, "_") && !strings.Contains(part, "="):
			return "named with _ in front"
		}
	}
	switch {
	case strings.HasSuffix(o.Key, ".crc"):
		return "checksums"
	case strings.HasSuffix(o.Key, "_$folder$"):
		return "folder markers"
	case o.Size == 0:
		return "empty"
	}
	return ""
}

// readable finds each file's format, by its name or by what it holds, and gives those that have one.
func (v *surveyor) readable(ctx context.Context, entries []*entry) (out []*entry) {
	var asked []*entry
	for _, e := range entries {
		if e.format = (&Reader{}).format(e.Key); e.format == "" {
			asked = append(asked, e)
		}
	}
	errs := make([]error, len(asked))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(v.abreast())
	for i, e := range asked {
		g.Go(func() error {
			e.format, errs[i] = v.tell(gctx, e)
			e.told = true
			return nil
		})
	}
	_ = g.Wait() // what went wrong stands in errs
	for i, e := range asked {
		if errs[i] != nil {
			v.unread(e, errs[i])
			v.others = append(v.others, e.Key)
		}
	}
	for _, e := range entries {
		if e.format != "" {
			out = append(out, e)
		}
	}
	return out
}

// tell finds the format of a file whose name does not say it.
func (v *surveyor) tell(ctx context.Context, e *entry) (string, error) {
	if other := otherPacked(e.Key); other != "" {
		return "", fault.New(fault.Data, "is packed with %s; Weir unpacks gzip (.gz) and zstd (.zst)", other)
	}
	head, err := v.head(ctx, e, rawEncoding)
	if err != nil {
		return "", readFault(e.Key, err)
	}
	if bytes.HasPrefix(head, []byte("PAR1")) {
		return formatParquet, nil
	}
	if err := foreign(head, e.compression); err != nil {
		return "", err
	}
	body := bytes.TrimLeft(head, " \t\r\n")
	if len(body) > 0 && (body[0] == '{' || body[0] == '[' && bytes.IndexByte(body, '{') > 0) {
		if shapeOf(head, formatJSON) == shapeLines {
			return formatNDJSON, nil
		}
		return formatJSON, nil
	}
	if d := detect(head, &Reader{}, formatCSV); utf8.Valid(clipped(head)) && d.steady && d.fields > 1 && d.records > 1 {
		return formatCSV, nil
	}
	return "", fault.New(fault.Data, "holds nothing that looks like CSV, JSON or Parquet")
}

// clipped cuts half a character from the end.
func clipped(b []byte) []byte {
	for i := 1; i <= 3 && i <= len(b); i++ {
		if utf8.RuneStart(b[len(b)-i]) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

// otherPacked names a compression that is not read.
func otherPacked(key string) string {
	switch strings.ToLower(path.Ext(key)) {
	case ".bz2":
		return "bzip2"
	case ".xz":
		return "xz"
	case ".lz4":
		return "lz4"
	case ".snappy", ".sz":
		return "snappy"
	case ".7z":
		return "7-Zip"
	case ".rar":
		return "RAR"
	case ".zip":
		return "zip"
	}
	return ""
}

// foreign is the error of a file that holds something else than its name, or no name, says.
func foreign(head []byte, compression string) error {
	for _, m := range []struct{ magic, what string }{
		{"PK\x03\x04", "a zip archive or a spreadsheet"}, {"Obj\x01", "Avro"}, {"ORC", "ORC"}, {"%PDF", "a PDF"}, {"\x89PNG", "an image"},
		{"\xff\xd8\xff", "an image"}, {"GIF8", "an image"}, {"SQLite format 3", "a SQLite database"}, {"BZh", "bzip2"}, {"\xfd7zXZ", "xz"},
		{"\x1f\x8b", "gzip, and its name does not end in .gz"}, {"\x28\xb5\x2f\xfd", "zstd, and its name does not end in .zst"},
		{"PAR1", "Parquet, and its name does not end in .parquet"}, {"\xd0\xcf\x11\xe0", "an old office document"}, {"<?xml", "XML"}, {"\x7fELF", "a program"},
	} {
		if bytes.HasPrefix(head, []byte(m.magic)) && (compression == "none" || m.magic[0] != 0x1f && m.magic[0] != 0x28) {
			return fault.New(fault.Data, "holds %s", m.what)
		}
	}
	return nil
}
