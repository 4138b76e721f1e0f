package env

import (
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A Server is a database server that one test has for itself, and may break.
type Server struct {
	URL    string // as a user who may do everything; it stays the same over restarts
	CA     string // path of the certificate that signed the server's own
	kind   string
	folder string
	script string
}

// OwnPostgres starts a PostgreSQL server for this test alone. That takes two seconds; Postgres gives a database of the
// server that all share, which is for tests that leave it running. It is here where test/services has installed one.
func OwnPostgres(t testing.TB) *Server {
	t.Helper()
	return own(t, "postgres", varPostgres)
}

// OwnMariaDB starts a MariaDB server for this test alone, in five seconds: see OwnPostgres.
func OwnMariaDB(t testing.TB) *Server {
	t.Helper()
	return own(t, "mariadb", varMariaDB)
}

// Restart kills the server as a power cut would and starts it again: what was committed is there.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.must(t, "restart-immediate")
	s.await(t)
}

// Kill ends the server as a power cut would.
func (s *Server) Kill(t testing.TB) { t.Helper(); s.must(t, "kill") }

// Data is the folder of its data, for a test that breaks something in it while it is stopped.
func (s *Server) Data() string { return filepath.Join(s.folder, "data") }

// Stop ends the server in order: it waits for nothing, and ends sessions.
func (s *Server) Stop(t testing.TB) { t.Helper(); s.must(t, "stop") }

// Start starts a server that was killed or stopped.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.must(t, "start")
	s.await(t)
}

// await waits until the server answers where it did before: a busy machine takes its time.
func (s *Server) await(t testing.TB) {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal("the server's URL cannot be read")
	}
	for range 100 {
		c, err := net.DialTimeout("tcp", u.Host, time.Second)
		if err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	now, _ := s.command("url").Output()
	at, _ := url.Parse(strings.TrimSpace(string(now)))
	t.Fatalf("the %s server does not answer at %s; it is at %s now", s.kind, u.Host, at.Host)
}

func own(t testing.TB, kind, variable string) *Server {
	t.Helper()
	if os.Getenv(variable+suffixCtl) == "" {
		missing(t, "a %s server of its own: %s is not set", kind, variable+suffixCtl)
	}
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	// Not the test's own folder: that lies in one which the server's user may not enter.
	folder, err := os.MkdirTemp("", "weir-"+kind)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{kind: kind, folder: folder, script: filepath.Join(root, "test", "database"), CA: filepath.Join(folder, "tls", "ca.pem")}
	t.Cleanup(func() {
		if out, err := s.command("remove").CombinedOutput(); err != nil {
			t.Errorf("remove the %s server: %v: %s", kind, err, out)
		}
	})
	// A port by chance: one that others look for, too, may be theirs when this server starts again.
	port := strconv.Itoa(20_000 + rand.IntN(12_000))
	if out, err := exec.Command(s.script, s.kind, s.folder, "start", port).CombinedOutput(); err != nil {
		t.Fatalf("start the %s server: %v: %s", s.kind, err, out)
	}
	where, err := s.command("url").Output()
	if err != nil {
		t.Fatalf("ask for the URL of the %s server: %v", kind, err)
	}
	s.URL = strings.TrimSpace(string(where))
	return s
}

func (s *Server) must(t testing.TB, verb string) {
	t.Helper()
	if out, err := s.command(verb).CombinedOutput(); err != nil {
		t.Fatalf("%s the %s server: %v: %s", verb, s.kind, err, out)
	}
}

func (s *Server) command(verb string) *exec.Cmd {
	return exec.Command(s.script, s.kind, s.folder, verb)
}
