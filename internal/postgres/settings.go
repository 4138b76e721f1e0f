// Package postgres reaches PostgreSQL servers, RDS and Aurora among them: settings, TLS, authentication, what server it is,
// and its errors by class. Sources and sinks stand on it.
package postgres

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/rds/auth"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"weir/internal/fault"
)

// Settings are a connection's, as written in weir.yaml.
type Settings struct {
	URL              string        `yaml:"url" doc:"postgres://user:password@host:5432/database?sslmode=verify-full; or host, database, user and password one by one"`
	Host             string        `yaml:"host" doc:"host name or address"`
	Port             int           `yaml:"port" doc:"port; 5432 by default"`
	Database         string        `yaml:"database" doc:"database to connect to"`
	User             string        `yaml:"user" doc:"role to connect as"`
	Password         string        `yaml:"password" doc:"its password, best as ${secret:name#field}"`
	TLS              string        `yaml:"tls" enum:"disable|prefer|require|verify-ca|verify-full" doc:"how the connection is encrypted and the server checked; by default what url says, else prefer, and verify-full with tls_ca or auth: iam"`
	TLSCA            string        `yaml:"tls_ca" doc:"file with the certificates of authorities to trust, such as RDS's bundle; relative to the project"`
	Auth             string        `yaml:"auth" enum:"password|iam" doc:"iam asks AWS for a token in the place of a password, for RDS and Aurora"`
	Region           string        `yaml:"region" doc:"AWS region of the server, with auth: iam; by default that of the AWS configuration"`
	Connections      int           `yaml:"connections" doc:"connections to hold at most at once while reading or loading" default:"4"`
	StatementTimeout time.Duration `yaml:"statement_timeout" doc:"how long the server may work on one statement; by default as the server says"`
	LockTimeout      time.Duration `yaml:"lock_timeout" default:"30s" doc:"how long to wait for a lock that another session holds"`
}

// Finding is something wrong with settings, at a key.
type Finding struct{ Key, Message string }

// Findings checks the settings.
func (s *Settings) Findings() (f []Finding) {
	parts := map[string]bool{"host": s.Host != "", "port": s.Port != 0, "database": s.Database != "", "user": s.User != "", "password": s.Password != ""}
	for _, key := range []string{"host", "port", "database", "user", "password"} {
		if parts[key] && s.URL != "" {
			f = append(f, Finding{key, key + " stands in url already; write one or the other"})
		}
	}
	if s.URL == "" && s.Host == "" {
		f = append(f, Finding{"", "a postgres connection needs a url, or host, database and user"})
	}
	if s.URL != "" && !strings.Contains(s.URL, "${") && !strings.HasPrefix(s.URL, "postgres://") && !strings.HasPrefix(s.URL, "postgresql://") {
		f = append(f, Finding{"url", "url begins with postgres://"})
	}
	if s.Connections < 0 || s.Connections > 64 {
		f = append(f, Finding{"connections", "connections lies between 1 and 64"})
	}
	if s.Port < 0 || s.Port > 65535 {
		f = append(f, Finding{"port", "port lies between 1 and 65535"})
	}
	if s.Region != "" && s.Auth != "iam" {
		f = append(f, Finding{"region", "region goes with auth: iam"})
	}
	if s.Auth == "iam" && s.Password != "" {
		f = append(f, Finding{"password", "auth: iam takes no password: a token stands in its place"})
	}
	return f
}

// Server is a server that can be dialled.
type Server struct {
	config      *pgx.ConnConfig
	iam         bool
	region      string
	connections int
}

// Prepare resolves settings to a server, without reaching it. root is the folder that file names are relative to; resolve
// gives texts with their secrets.
func (s *Settings) Prepare(root string, resolve func(string) (string, error)) (*Server, error) {
	r := &resolver{resolve: resolve}
	text := r.text(s.URL)
	if text == "" {
		u := url.URL{Scheme: "postgres", Host: r.text(s.Host), Path: "/" + r.text(s.Database), User: url.UserPassword(r.text(s.User), r.text(s.Password))}
		if s.Port != 0 {
			u.Host += ":" + strconv.Itoa(s.Port)
		}
		text = u.String()
	}
	if r.err != nil {
		return nil, r.err
	}
	text, err := s.withTLS(text, root)
	if err != nil {
		return nil, err
	}
	config, err := pgx.ParseConfig(text)
	if err != nil {
		return nil, fault.New(fault.Usage, "the settings of the connection do not parse").
			WithHint("a password with odd characters is written percent-encoded in a url, or in password")
	}
	s.session(config)
	return &Server{config: config, iam: s.Auth == "iam", region: s.Region, connections: s.most()}, nil
}

func (s *Settings) most() int {
	if s.Connections == 0 {
		return 4
	}
	return s.Connections
}

// withTLS puts the settings of encryption into a URL, where they say more than it does.
func (s *Settings) withTLS(text, root string) (string, error) {
	u, err := url.Parse(text)
	if err != nil {
		// The text may hold a password: it is not repeated.
		return "", fault.New(fault.Usage, "url does not parse").WithHint("a password with odd characters is written percent-encoded")
	}
	q := u.Query()
	if s.TLSCA != "" {
		path := s.TLSCA
		if !filepath.IsAbs(path) {
			path = filepath.Join(root, path)
		}
		if _, err := os.Stat(path); err != nil {
			return "", fault.New(fault.Usage, "tls_ca: %w", err)
		}
		q.Set("sslrootcert", path)
	}
	switch {
	case s.TLS != "":
		q.Set("sslmode", s.TLS)
	case q.Get("sslmode") == "" && (s.TLSCA != "" || s.Auth == "iam"):
		q.Set("sslmode", "verify-full")
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// session fixes what every session shows and reads values as, whatever the server's or the role's own settings are.
func (s *Settings) session(c *pgx.ConnConfig) {
	for name, value := range map[string]string{"application_name": "weir", "TimeZone": "UTC", "DateStyle": "ISO, YMD", "IntervalStyle": "postgres", "lc_monetary": "C",
		"extra_float_digits": "3", "bytea_output": "hex", "client_encoding": "UTF8", "xmloption": "content"} {
		c.RuntimeParams[name] = value
	}
	if s.StatementTimeout > 0 {
		c.RuntimeParams["statement_timeout"] = strconv.FormatInt(s.StatementTimeout.Milliseconds(), 10)
	}
	c.RuntimeParams["lock_timeout"] = strconv.FormatInt(cmp.Or(s.LockTimeout, 30*time.Second).Milliseconds(), 10)
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 15 * time.Second
	}
	c.DefaultQueryExecMode = pgx.QueryExecModeExec // nothing prepared: poolers between may hand a statement to another server session
}

type resolver struct {
	resolve func(string) (string, error)
	err     error
}

func (r *resolver) text(s string) string {
	if r.err != nil || s == "" || r.resolve == nil {
		return s
	}
	s, r.err = r.resolve(s)
	return s
}

// Connections is how many connections may be held at once.
func (s *Server) Connections() int { return s.connections }

// Address is host:port/database, for messages.
func (s *Server) Address() string {
	return fmt.Sprintf("%s:%d/%s", s.config.Host, s.config.Port, s.config.Database)
}

// Dial opens a connection. more are further startup parameters, such as replication=database.
func (s *Server) Dial(ctx context.Context, more ...[2]string) (*pgx.Conn, error) {
	return s.dial(ctx, func(c net.Conn) net.Conn { return c }, more)
}

func (s *Server) dial(ctx context.Context, through func(net.Conn) net.Conn, more [][2]string) (*pgx.Conn, error) {
	config := s.config.Copy()
	open := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := open(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return through(conn), nil
	}
	for _, p := range more {
		config.RuntimeParams[p[0]] = p[1]
	}
	if s.iam {
		if err := s.token(ctx, config); err != nil {
			return nil, err
		}
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", s.Address(), s.refused(ctx, err))
	}
	return conn, nil
}

// DialRaw opens a connection of the lower kind, for protocols that are framed by the caller. through gives the network connection
// that the server is spoken to through, TLS above it.
func (s *Server) DialRaw(ctx context.Context, through func(net.Conn) net.Conn, more ...[2]string) (*pgconn.PgConn, error) {
	conn, err := s.dial(ctx, through, more)
	if err != nil {
		return nil, err
	}
	return conn.PgConn(), nil
}

// Hijack takes the network connection away from the driver, for protocols that are framed by the caller. The driver reads in the
// background when a write takes long, which happens at login where a machine is busy: that must have ended, or it takes the
// first bytes meant for the caller, who then waits for ever.
func Hijack(ctx context.Context, c *pgconn.PgConn) (*pgconn.HijackedConn, error) {
	err := c.SyncConn(ctx)
	if err != nil {
		return nil, fmt.Errorf("take over the connection: %w", Classify(ctx, err))
	}
	raw, err := c.Hijack()
	if err != nil {
		return nil, fault.New(fault.Internal, "take over the connection: %w", err)
	}
	return raw, nil
}

// token puts a fresh token of AWS into the place of the password; it is good for 15 minutes.
func (s *Server) token(ctx context.Context, c *pgx.ConnConfig) error {
	var options []func(*config.LoadOptions) error
	if s.region != "" {
		options = append(options, config.WithRegion(s.region))
	}
	aws, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return fault.New(fault.Usage, "auth: iam: load the AWS configuration: %w", err)
	}
	if aws.Region == "" {
		return fault.New(fault.Usage, "auth: iam: no region").WithHint("write region: beside auth: iam, or set AWS_REGION")
	}
	token, err := auth.BuildAuthToken(ctx, fmt.Sprintf("%s:%d", c.Host, c.Port), aws.Region, c.User, aws.Credentials)
	if err != nil {
		return fault.New(fault.Unavailable, "auth: iam: make a token: %w", err)
	}
	c.Password = token
	return nil
}

// refused explains an attempt to connect that failed. The driver's own text names user and database, never a password.
func (s *Server) refused(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var tlsError *tls.CertificateVerificationError
	var hostError x509.HostnameError
	var nameError *net.DNSError
	switch code := Code(err); {
	case slices.Contains([]string{"28P01", "28000"}, code):
		return fault.New(fault.Usage, "the server refused user %q: %s", s.config.User, Message(err)).WithHint("check user and password, and what pg_hba.conf or IAM allows")
	case code == "3D000":
		return fault.New(fault.Usage, "%s", Message(err))
	case code != "":
		return Classify(ctx, err)
	case asError(err, &hostError):
		return fault.New(fault.Usage, "the server's certificate is for another host: %w", hostError).WithHint("connect by a name that the certificate has, or take tls: verify-ca")
	case asError(err, &tlsError):
		return fault.New(fault.Usage, "the server's certificate is not trusted: %w", tlsError.Err).WithHint("tls_ca names the file of authorities to trust; RDS has a bundle of its own")
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return fault.New(fault.Usage, "the server speaks no TLS, and the connection asks for it").WithHint("tls: disable sends everything in plain, the password's proof too")
	case asError(err, &nameError) && nameError.IsNotFound:
		return fault.New(fault.Unavailable, "no host is named %q", nameError.Name).WithHint("check host, or url, of the connection")
	case errors.Is(err, syscall.ECONNREFUSED):
		return fault.New(fault.Unavailable, "connection refused: no server listens there").WithHint("does it run, and are host and port of the connection right?")
	}
	return fault.New(fault.Unavailable, "%s", plain(err))
}
