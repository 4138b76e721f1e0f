package mysql

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"weir/internal/fault"
	"weir/internal/mysql/wire"
	"weir/test/env"
)

func dial(t *testing.T, s Settings) *wire.Conn {
	t.Helper()
	c, err := tryDial(t, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func tryDial(t *testing.T, s Settings) (*wire.Conn, error) {
	t.Helper()
	server, err := s.Prepare("", nil)
	if err != nil {
		return nil, err
	}
	return server.Dial(t.Context())
}

func ask(t *testing.T, c *wire.Conn, sql string) string {
	t.Helper()
	rows, err := c.Strings(t.Context(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if len(rows) == 0 {
		return ""
	}
	return rows[0][len(rows[0])-1].Value
}

func must(t *testing.T, c *wire.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if err := c.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// A user signs in with each way that accounts have, encrypted and not, the first time and again.
func TestWaysToSignIn(t *testing.T) {
	env.EachMySQL(t, func(t *testing.T, of string) {
		admin := dial(t, Settings{URL: of})
		u, err := url.Parse(of)
		if err != nil {
			t.Fatal(err)
		}
		database := strings.TrimPrefix(u.Path, "/")
		for _, plugin := range []string{"mysql_native_password", "caching_sha2_password", "sha256_password", "ed25519"} {
			if ask(t, admin, "SELECT 1 FROM information_schema.plugins WHERE plugin_status = 'ACTIVE' AND plugin_name = "+wire.Literal(plugin)) == "" {
				continue
			}
			user := "u_" + database[len(database)-8:]
			secret := "pa'ss:wörd%" + plugin
			with := "BY " + wire.Literal(secret)
			if admin.Server.Maria {
				with = "VIA " + plugin + " USING PASSWORD(" + wire.Literal(secret) + ")"
			} else {
				with = "WITH " + plugin + " " + with
			}
			must(t, admin, "CREATE USER "+user+" IDENTIFIED "+with, "GRANT ALL ON "+database+".* TO "+user)
			for _, mode := range []string{"disable", "prefer", "require", "disable"} {
				s := Settings{Host: u.Hostname(), Port: port(t, u), Database: database, User: user, Password: secret, TLS: mode}
				c, err := tryDial(t, s)
				if err != nil {
					t.Errorf("%s with tls: %s: %v", plugin, mode, err)
					continue
				}
				cipher := ask(t, c, "SHOW STATUS LIKE 'Ssl_cipher'")
				if (cipher != "") != (mode != "disable") {
					t.Errorf("%s with tls: %s: the cipher is %q", plugin, mode, cipher)
				}
				_ = c.Close()
				s.Password = "wrong " + secret
				if _, err = tryDial(t, s); fault.ClassOf(err) != fault.Usage || strings.Contains(fmt.Sprint(err), secret) || fault.HintOf(err) == "" {
					t.Errorf("%s with a wrong password: class %s: %v", plugin, fault.ClassOf(err), err)
				}
			}
			must(t, admin, "DROP USER "+user)
		}
	})
}

func port(t *testing.T, u *url.URL) int {
	n, err := net.LookupPort("tcp", u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCertificatesAreVerified(t *testing.T) {
	of, ca := env.MariaDB(t), env.MariaDBCA(t)
	numeric := strings.Replace(of, "localhost", "127.0.0.1", 1)
	for _, c := range []struct {
		s    Settings
		want string // of the error
	}{
		{Settings{URL: of, TLSCA: ca}, ""},
		{Settings{URL: numeric + "?tls=verify-ca", TLSCA: ca}, ""},
		{Settings{URL: of, TLS: "verify-full"}, "unknown authority"},
		{Settings{URL: of, TLS: "verify-ca"}, "unknown authority"},
		{Settings{URL: of, TLS: "require"}, ""},
	} {
		conn, err := tryDial(t, c.s)
		if c.want == "" && err != nil || c.want != "" && (fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), c.want) || fault.HintOf(err) == "") {
			t.Errorf("tls %q, ca %q: %v", c.s.TLS, c.s.TLSCA, err)
		}
		if conn != nil {
			if ask(t, conn, "SHOW STATUS LIKE 'Ssl_cipher'") == "" {
				t.Errorf("tls %q, ca %q: not encrypted", c.s.TLS, c.s.TLSCA)
			}
			_ = conn.Close()
		}
	}
}

// A certificate for another name is refused by verify-full and taken by verify-ca.
func TestCertificateOfAnotherName(t *testing.T) {
	of, ca := env.MariaDB(t), env.MariaDBCA(t)
	u, err := url.Parse(of)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.2:0") // the certificate is for 127.0.0.1
	if err != nil {
		t.Skip(err)
	}
	defer l.Close()
	go relay(l, u.Host)
	_, p, _ := net.SplitHostPort(l.Addr().String())
	u.Host = net.JoinHostPort("127.0.0.2", p)
	if _, err := tryDial(t, Settings{URL: u.String(), TLSCA: ca}); fault.ClassOf(err) != fault.Usage || fault.HintOf(err) == "" {
		t.Errorf("verify-full: %v", err)
	}
	if c, err := tryDial(t, Settings{URL: u.String(), TLSCA: ca, TLS: "verify-ca"}); err != nil {
		t.Errorf("verify-ca: %v", err)
	} else {
		_ = c.Close()
	}
}

func relay(l net.Listener, to string) {
	for {
		a, err := l.Accept()
		if err != nil {
			return
		}
		b, err := net.Dial("tcp", to)
		if err != nil {
			_ = a.Close()
			continue
		}
		go func() { _, _ = io.Copy(a, b); _ = a.Close() }()
		go func() { _, _ = io.Copy(b, a); _ = b.Close() }()
	}
}

func TestRowsOfAllSizes(t *testing.T) {
	env.EachMySQL(t, func(t *testing.T, of string) {
		c := dial(t, Settings{URL: of})
		if ask(t, c, "SELECT @@max_allowed_packet >= 40000000") != "1" {
			must(t, c, "SET GLOBAL max_allowed_packet = 67108864")
			c = dial(t, Settings{URL: of})
		}
		for _, n := range []int{0, 1, 250, 251, 65535, 65536, bufferEdge - 9, bufferEdge - 4, bufferEdge, 1<<24 - 6, 1<<24 - 5, 1<<24 - 1, 1 << 24, 34 << 20} {
			rows, err := c.Strings(t.Context(), fmt.Sprintf("SELECT repeat('x', %d), NULL, 7 UNION ALL SELECT 'end', '', 8", n))
			if err != nil {
				t.Fatalf("a value of %d bytes: %v", n, err)
			}
			if len(rows) != 2 || len(rows[0][0].Value) != n || strings.Trim(rows[0][0].Value, "x") != "" || rows[0][1].Valid || rows[0][2].Value != "7" || rows[1][0].Value != "end" {
				t.Errorf("a value of %d bytes came as %d, in %d rows", n, len(rows[0][0].Value), len(rows))
			}
		}
	})
}

const bufferEdge = 256 << 10

func TestErrorsHaveClasses(t *testing.T) {
	env.EachMySQL(t, func(t *testing.T, of string) {
		c := dial(t, Settings{URL: of})
		for sql, want := range map[string]fault.Class{
			"SELEC 1": fault.Usage, "SELECT * FROM missing": fault.Usage, "SELECT a": fault.Usage,
			"SELECT CAST(1e300 AS SIGNED) * 9223372036854775807 * 9": fault.Data, "KILL QUERY 999999999": fault.Unavailable,
		} {
			if err := c.Exec(t.Context(), sql); fault.ClassOf(err) != want {
				t.Errorf("%s: %v is %s, not %s", sql, err, fault.ClassOf(err), want)
			}
			if err := c.Ping(t.Context()); err != nil {
				t.Fatalf("after %s: %v", sql, err)
			}
		}
		admin := dial(t, Settings{URL: of})
		must(t, admin, fmt.Sprintf("KILL %d", c.Server.Thread))
		time.Sleep(100 * time.Millisecond)
		if err := c.Ping(t.Context()); fault.ClassOf(err) != fault.Unavailable {
			t.Errorf("a killed connection: %v is %s", err, fault.ClassOf(err))
		}
		if _, err := tryDial(t, Settings{Host: "127.0.0.1", Port: 1, User: "x"}); fault.ClassOf(err) != fault.Unavailable {
			t.Errorf("no server: %v is %s", err, fault.ClassOf(err))
		}
	})
}

// A context that ends interrupts a query that gives nothing, and one whose rows are being read.
func TestQueriesCanBeInterrupted(t *testing.T) {
	env.EachMySQL(t, func(t *testing.T, of string) {
		c := dial(t, Settings{URL: of})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := c.Exec(ctx, "SELECT sleep(20)"); fault.ClassOf(err) != fault.Unavailable {
			t.Errorf("after the deadline: %v is %s", err, fault.ClassOf(err))
		}
		if !c.Broken() || c.Ping(t.Context()) == nil {
			t.Error("a connection in the middle of an answer is used again")
		}
		c = dial(t, Settings{URL: of})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		rows, err := c.Query(ctx, "SELECT * FROM information_schema.columns a, information_schema.columns b")
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; err == nil; n++ {
			if n == 10 {
				stop()
			}
			_, err = rows.Next()
		}
		if fault.ClassOf(err) != fault.Canceled {
			t.Errorf("interrupted: %v is %s", err, fault.ClassOf(err))
		}
		_ = rows.Close()
	})
}

func TestSettings(t *testing.T) {
	for _, s := range []Settings{
		{}, {URL: "postgres://x"}, {URL: "mysql://x", Host: "y"}, {Host: "h", Region: "eu"}, {Host: "h", Auth: "iam", TLS: "require"},
		{Host: "h", Auth: "iam", Password: "x"}, {Host: "h", Port: -1}, {Host: "h", Connections: 99},
	} {
		if len(s.Findings()) != 1 {
			t.Errorf("%+v: %v", s, s.Findings())
		}
	}
	_, err := (&Settings{URL: "mysql://u:s3cr%t@h"}).Prepare("", nil)
	if fault.ClassOf(err) != fault.Usage || strings.Contains(err.Error(), "s3cr") {
		t.Errorf("a URL that does not parse: %v", err)
	}
	s, err := (&Settings{URL: "mysql://u:p%40@h:1/d?tls=verify-full"}).Prepare("", nil)
	if err != nil || s.config.Password != "p@" || s.config.Address != "h:1" || s.config.Database != "d" || s.config.TLS == nil || s.config.TLS.InsecureSkipVerify {
		t.Errorf("%v", err)
	}
}

func TestIdentity(t *testing.T) {
	env.EachMySQL(t, func(t *testing.T, of string) {
		id, err := Identify(t.Context(), dial(t, Settings{URL: of}))
		if err != nil || len(id.ID) < 20 || id.Maria != strings.HasPrefix(id.String(), "mariadb ") {
			t.Errorf("%+v: %v", id, err)
		}
	})
}

func TestNames(t *testing.T) {
	for text, want := range map[string]string{"Orders": "Orders", "shop.orders": "shop|orders", `shop."Order Lines"`: "shop|Order Lines", "`a``b`.\"c.\"\"d\"": "a`b|c.\"d"} {
		parts, err := ParseName(text)
		if err != nil || strings.Join(parts, "|") != want {
			t.Errorf("%s: %q, %v", text, parts, err)
		}
		if again, err := ParseName(ShowName(parts...)); err != nil || strings.Join(again, "|") != want {
			t.Errorf("%s: shown as %s, %v", text, ShowName(parts...), err)
		}
	}
	for _, bad := range []string{"", ".", "a.", ".a", `"a`, `"a"b`, `a"b"`, "a..b"} {
		if parts, err := ParseName(bad); err == nil {
			t.Errorf("%q: %q", bad, parts)
		}
	}
}
