package files

import (
	"encoding/json"
	"time"
)

// mark is what a position holds of one file: enough to see later that it is unchanged, written as canonical JSON.
type mark struct {
	Size     int64  `json:"size"`
	Modified string `json:"modified,omitempty"` // RFC 3339, local files: equal time and size spare the hash
	Hash     string `json:"hash,omitempty"`     // of the content, local files
	ETag     string `json:"etag,omitempty"`     // S3 objects
}

func readMark(value string) (mark, bool) {
	var m mark
	if value == "" || json.Unmarshal([]byte(value), &m) != nil {
		return mark{}, false
	}
	return m, m.Hash != "" || m.ETag != ""
}

func (m mark) String() string {
	b, _ := json.Marshal(m) // plain fields cannot fail
	return string(b)
}

// sameContent compares what the files hold; when they were touched does not count.
func (m mark) sameContent(o mark) bool {
	return m.Size == o.Size && m.Hash == o.Hash && m.ETag == o.ETag
}

func modified(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
