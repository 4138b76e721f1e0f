package blob

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"

	"weir/internal/fault"
)

func TestClassesOfFileErrors(t *testing.T) {
	for err, class := range map[error]fault.Class{
		syscall.ENOSPC: fault.Unavailable, syscall.EDQUOT: fault.Unavailable, syscall.EIO: fault.Unavailable,
		syscall.EACCES: fault.Usage, syscall.EROFS: fault.Usage, syscall.ENOENT: fault.Usage, syscall.EEXIST: fault.Conflict,
	} {
		got := classify(&fs.PathError{Op: "write", Path: "/x", Err: err})
		if fault.ClassOf(got) != class {
			t.Errorf("%v is %s, want %s", err, fault.ClassOf(got), class)
		}
	}
}

func TestClassesOfAnswers(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		class  fault.Class
		hint   bool
	}{
		{403, "AccessDenied", fault.Usage, true},
		{403, "SignatureDoesNotMatch", fault.Usage, true},
		{301, "PermanentRedirect", fault.Usage, true},
		{404, "NoSuchBucket", fault.Usage, true},
		{404, "NoSuchKey", fault.Usage, false},
		{412, "PreconditionFailed", fault.Conflict, false},
		{501, "NotImplemented", fault.Unavailable, false},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			w.Write([]byte("<Error><Code>" + c.code + "</Code><Message>no</Message></Error>"))
		}))
		s, err := Open(t.Context(), "s3://b", S3{Endpoint: srv.URL, Region: "us-east-1", AccessKey: "a", SecretKey: "s3cr3t"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Get(t.Context(), "k")
		if fault.ClassOf(err) != c.class || (fault.HintOf(err) != "") != c.hint {
			t.Errorf("%s: %v (%s, hint %q)", c.code, err, fault.ClassOf(err), fault.HintOf(err))
		}
		srv.Close()
	}
}
