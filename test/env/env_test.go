package env

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestS3Answers(t *testing.T) {
	for _, own := range []bool{false, true} {
		if own {
			if _, err := exec.LookPath("moto_server"); err != nil {
				continue // only the shared one can be tried
			}
			t.Setenv(varS3, "")
		}
		url := S3(t)
		req, err := http.NewRequest(http.MethodPut, url+"/weir-env-test", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("make a bucket at %s: %s", url, resp.Status)
		}
	}
}

func TestPythonHasPyIceberg(t *testing.T) {
	out, err := exec.Command(Python(t), "-c", "import pyiceberg; print(pyiceberg.__version__)").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !strings.HasPrefix(string(out), "0.") {
		t.Errorf("version is %q", out)
	}
}

// spy records how a test would have ended.
type spy struct {
	testing.TB
	skipped, failed string
}

func (s *spy) Helper()           {}
func (s *spy) Skip(args ...any)  { s.skipped = args[0].(string) }
func (s *spy) Fatal(args ...any) { s.failed = args[0].(string) }

func TestMissingSkipsHereAndFailsInCI(t *testing.T) {
	for ci, want := range map[string]func(s *spy) string{"": func(s *spy) string { return s.skipped }, "true": func(s *spy) string { return s.failed }} {
		t.Setenv("CI", ci)
		s := &spy{TB: t}
		missing(s, "a %s", "thing")
		if text := want(s); !strings.Contains(text, "needs a thing") || !strings.Contains(text, "test/services") {
			t.Errorf("CI=%q: skipped %q, failed %q", os.Getenv("CI"), s.skipped, s.failed)
		}
	}
}
