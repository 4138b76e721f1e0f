package postgres_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"weir/internal/fault"
	"weir/internal/postgres"
	"weir/test/env"
)

// dial connects with settings and closes again.
func dial(t *testing.T, s postgres.Settings) error {
	t.Helper()
	server, err := s.Prepare(t.TempDir(), nil)
	if err != nil {
		return err
	}
	c, err := server.Dial(t.Context())
	if err != nil {
		return err
	}
	return c.Close(context.WithoutCancel(t.Context()))
}

// TestDialIsRefused connects in ways that the server, or we, refuse: each says what is wrong, and none shows a password.
func TestDialIsRefused(t *testing.T) {
	of := env.Postgres(t)
	u, err := url.Parse(of)
	if err != nil {
		t.Fatal(err)
	}
	u.RawQuery = ""
	plain := u.String()
	wrong := *u
	wrong.User = url.UserPassword(u.User.Username(), "wrong-hunter2")
	nobody := *u
	nobody.User = url.UserPassword("nobody", "wrong-hunter2")
	gone := *u
	gone.Path = "/no_such_database"
	closed := *u
	closed.Host = "127.0.0.1:1"
	own, _ := u.User.Password()
	for what, c := range map[string]struct {
		settings postgres.Settings
		class    fault.Class // "" for none
		says     string
	}{
		"plain":            {postgres.Settings{URL: plain, TLS: "disable"}, "", ""},
		"required":         {postgres.Settings{URL: plain, TLS: "require"}, "", ""},
		"verified":         {postgres.Settings{URL: plain, TLSCA: env.PostgresCA(t)}, "", ""},
		"by parts":         {postgres.Settings{Host: u.Hostname(), Port: port(t, u), Database: u.Path[1:], User: u.User.Username(), Password: own}, "", ""},
		"wrong password":   {postgres.Settings{URL: wrong.String()}, fault.Usage, "password"},
		"unknown user":     {postgres.Settings{URL: nobody.String()}, fault.Usage, `"nobody"`},
		"no database":      {postgres.Settings{URL: gone.String()}, fault.Usage, "no_such_database"},
		"nothing there":    {postgres.Settings{URL: closed.String()}, fault.Unavailable, "127.0.0.1:1"},
		"unknown CA":       {postgres.Settings{URL: plain, TLS: "verify-full"}, fault.Usage, "tls_ca"},
		"no file of CAs":   {postgres.Settings{URL: plain, TLSCA: "missing.pem"}, fault.Usage, "missing.pem"},
		"url with a slash": {postgres.Settings{URL: "postgres://u:wrong-hunter2%@h/d"}, fault.Usage, "percent-encoded"},
	} {
		err := dial(t, c.settings)
		switch {
		case c.class == "":
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
			continue
		case err == nil || fault.ClassOf(err) != c.class:
			t.Errorf("%s: %v is %s", what, err, fault.ClassOf(err))
			continue
		}
		text := err.Error() + " " + fault.HintOf(err)
		if !strings.Contains(text, c.says) {
			t.Errorf("%s: %q does not say %s", what, text, c.says)
		}
		if strings.Contains(text, "hunter2") || strings.Contains(text, own) {
			t.Errorf("%s: the error shows a password", what)
		}
	}
}

func port(t *testing.T, u *url.URL) (n int) {
	t.Helper()
	for _, c := range u.Port() {
		n = 10*n + int(c-'0')
	}
	return n
}

// TestHostOfAnotherCertificate connects by a name that the certificate does not have.
func TestHostOfAnotherCertificate(t *testing.T) {
	u, _ := url.Parse(env.Postgres(t))
	u.RawQuery = ""
	u.Host = forward(t, "127.0.0.2:0", u.Host)
	err := dial(t, postgres.Settings{URL: u.String(), TLSCA: env.PostgresCA(t)})
	if fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), "another host") {
		t.Errorf("%v", err)
	}
	if err := dial(t, postgres.Settings{URL: u.String(), TLSCA: env.PostgresCA(t), TLS: "verify-ca"}); err != nil {
		t.Errorf("verify-ca: %v", err)
	}
}

// forward makes an address of this machine lead to a server.
func forward(t *testing.T, from, to string) string {
	t.Helper()
	l, err := net.Listen("tcp", from)
	if err != nil {
		t.Skipf("this machine has no other address of its own: %v", err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", to)
			if err != nil {
				_ = c.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{c, s}, {s, c}} {
				go func() {
					_, _ = io.Copy(way[0], way[1])
					_ = way[0].Close()
				}()
			}
		}
	}()
	return l.Addr().String()
}

// TestTLSRefused asks a server for TLS that has none, and AWS for a token, which the server gets as the password. No real server
// takes such a token outside AWS: this one speaks the protocol as far as the password.
func TestTLSRefused(t *testing.T) {
	host, passwords := asking(t)
	u := "postgres://reader@" + host + "/shop"
	for _, mode := range []string{"require", "verify-full"} {
		if err := dial(t, postgres.Settings{URL: u, TLS: mode}); fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), "speaks no TLS") {
			t.Errorf("%s: %v", mode, err)
		}
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI-hunter2")
	t.Setenv("AWS_REGION", "eu-west-2")
	if err := dial(t, postgres.Settings{URL: u, Auth: "iam"}); !strings.Contains(err.Error(), "speaks no TLS") {
		t.Errorf("a token would be sent in plain: %v", err)
	}
	err := dial(t, postgres.Settings{URL: u, Auth: "iam", TLS: "disable", Region: "eu-west-1"})
	token := <-passwords
	for _, part := range []string{host + "?Action=connect", "DBUser=reader", "X-Amz-Credential=AKIDEXAMPLE", "eu-west-1", "X-Amz-Expires=900", "X-Amz-Signature="} {
		if !strings.Contains(token, part) {
			t.Errorf("the password %q has no %s", token, part)
		}
	}
	_, signature, _ := strings.Cut(token, "X-Amz-Signature=")
	if fault.ClassOf(err) != fault.Usage || strings.Contains(err.Error(), signature) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("refused: %v", err)
	}
}

// asking is a server without TLS that asks for passwords in plain, tells them, and refuses all.
func asking(t *testing.T) (host string, passwords chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	passwords = make(chan string, 8)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go ask(c, passwords)
		}
	}()
	return l.Addr().String(), passwords
}

func ask(c net.Conn, passwords chan string) {
	defer c.Close()
	b := pgproto3.NewBackend(c, c)
	for {
		m, err := b.ReceiveStartupMessage()
		if err != nil {
			return
		}
		if _, ok := m.(*pgproto3.SSLRequest); ok {
			if _, err := c.Write([]byte("N")); err != nil {
				return
			}
			continue
		}
		break
	}
	b.Send(&pgproto3.AuthenticationCleartextPassword{})
	if b.Flush() != nil || b.SetAuthType(pgproto3.AuthTypeCleartextPassword) != nil {
		return
	}
	m, err := b.Receive()
	if p, ok := m.(*pgproto3.PasswordMessage); err == nil && ok {
		passwords <- p.Password
	}
	b.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28P01", Message: "PAM authentication failed"})
	_ = b.Flush()
}

// TestNoOneThere says in plain words that a host is not there, or no server on it.
func TestNoOneThere(t *testing.T) {
	for url, want := range map[string]string{
		"postgres://reader:hunter2@127.0.0.1:1/shop":               "connect to 127.0.0.1:1/shop: connection refused: no server listens there",
		"postgres://reader:hunter2@no-such-host.invalid:5432/shop": `no host is named "no-such-host.invalid"`,
	} {
		err := dial(t, postgres.Settings{URL: url})
		if fault.ClassOf(err) != fault.Unavailable || !strings.Contains(err.Error(), want) || fault.HintOf(err) == "" || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v (%s), want %s", err, fault.HintOf(err), want)
		}
	}
}
