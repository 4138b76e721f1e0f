// Package mysql reaches MySQL and MariaDB servers, RDS and Aurora among them: settings, TLS, authentication, and what server it
// is. Sources and sinks stand on it.
package mysql

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"weir/internal/fault"
	"weir/internal/mysql/wire"
)

// Settings are a connection's, as written in weir.yaml.
type Settings struct {
	URL         string        `yaml:"url" doc:"mysql://user:password@host:3306/database?tls=verify-full; or host, database, user and password one by one"`
	Host        string        `yaml:"host" doc:"host name or address, or the path of a socket"`
	Port        int           `yaml:"port" doc:"port, 3306 by default"`
	Database    string        `yaml:"database" doc:"database whose tables are meant where a name has none"`
	User        string        `yaml:"user" doc:"user to connect as"`
	Password    string        `yaml:"password" doc:"its password, best as ${secret:name#field}"`
	TLS         string        `yaml:"tls" enum:"disable|prefer|require|verify-ca|verify-full" doc:"how the connection is encrypted and the server checked; by default what url says, else prefer, and verify-full with tls_ca or auth: iam"`
	TLSCA       string        `yaml:"tls_ca" doc:"file with the certificates of authorities to trust, such as RDS's bundle; relative to the project"`
	Auth        string        `yaml:"auth" enum:"password|iam" doc:"iam asks AWS for a token in the place of a password, for RDS and Aurora"`
	Region      string        `yaml:"region" doc:"AWS region of the server, with auth: iam; by default that of the AWS configuration"`
	Connections int           `yaml:"connections" doc:"connections to hold at most at once while reading or loading" default:"4"`
	LockTimeout time.Duration `yaml:"lock_timeout" default:"30s" doc:"how long a load waits for a lock that another session holds, in whole seconds"`
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
		f = append(f, Finding{"", "a mysql connection needs a url, or host, database and user"})
	}
	if s.URL != "" && !strings.Contains(s.URL, "${") && !strings.HasPrefix(s.URL, "mysql://") {
		f = append(f, Finding{"url", "url begins with mysql://"})
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
	if s.Auth == "iam" && s.TLS != "" && !strings.HasPrefix(s.TLS, "verify-") {
		f = append(f, Finding{"tls", "auth: iam sends a token that opens the door to who reads it: tls is verify-full or verify-ca"})
	}
	return f
}

// Prepare resolves settings to a server, without reaching it. root is the folder that file names are relative to; resolve
// gives texts with their secrets.
func (s *Settings) Prepare(root string, resolve func(string) (string, error)) (*Server, error) {
	r := &resolver{resolve: resolve}
	p := parts{host: r.text(s.Host), database: r.text(s.Database), user: r.text(s.User), password: r.text(s.Password)}
	if s.Port != 0 {
		p.port = strconv.Itoa(s.Port)
	}
	whole := r.text(s.URL)
	if r.err != nil {
		return nil, r.err
	}
	if whole != "" {
		if err := p.parse(whole); err != nil {
			return nil, err
		}
	}
	server := &Server{patience: cmp.Or(s.LockTimeout, 30*time.Second), iam: s.Auth == "iam", region: s.Region, connections: cmp.Or(s.Connections, 4)}
	server.config = wire.Config{Network: "tcp", Address: net.JoinHostPort(p.host, cmp.Or(p.port, "3306")), User: p.user, Password: p.password, Database: p.database}
	if strings.HasPrefix(p.host, "/") {
		server.config.Network, server.config.Address = "unix", p.host
	}
	return server, s.encryption(&server.config, p, root)
}

// parts are the parts of a URL.
type parts struct{ host, port, database, user, password, tls string }

// parse reads a URL. It may hold a password, so no error repeats it.
func (p *parts) parse(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "mysql" || u.Hostname() == "" {
		return fault.New(fault.Usage, "url is not of the form mysql://user:password@host:3306/database").
			WithHint("a password with odd characters is written percent-encoded, or in password beside host")
	}
	p.host, p.port, p.user, p.database = u.Hostname(), u.Port(), u.User.Username(), strings.TrimPrefix(u.Path, "/")
	p.password, _ = u.User.Password()
	for key, values := range u.Query() {
		if key != "tls" {
			return fault.New(fault.Usage, "url has the parameter %q; there is only tls", key)
		}
		p.tls = values[0]
	}
	return nil
}

// encryption settles how far a connection is encrypted and its server checked.
func (s *Settings) encryption(c *wire.Config, p parts, root string) error {
	mode := cmp.Or(s.TLS, p.tls)
	if mode == "" {
		if mode = "prefer"; s.TLSCA != "" || s.Auth == "iam" {
			mode = "verify-full"
		}
	}
	if c.Network == "unix" || mode == "disable" {
		return nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: p.host}
	if s.TLSCA != "" {
		pool, err := authorities(root, s.TLSCA)
		if err != nil {
			return err
		}
		config.RootCAs = pool
	}
	switch mode {
	case "prefer":
		c.OptionalTLS = true
		config.InsecureSkipVerify = true
	case "require":
		config.InsecureSkipVerify = true
	case "verify-ca":
		config.InsecureSkipVerify = true
		config.VerifyConnection = signedBy(config.RootCAs)
		c.Cleartext = true
	case "verify-full":
		c.Cleartext = true
	default:
		return fault.New(fault.Usage, "tls is %q, not disable, prefer, require, verify-ca or verify-full", mode)
	}
	c.TLS = config
	return nil
}

func authorities(root, path string) (*x509.CertPool, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(root, path)
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.New(fault.Usage, "tls_ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fault.New(fault.Usage, "tls_ca: %s holds no certificate in PEM form", path)
	}
	return pool, nil
}

// signedBy checks the chain of a certificate, whatever name it is for.
func signedBy(roots *x509.CertPool) func(tls.ConnectionState) error {
	return func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errors.New("the server showed no certificate")
		}
		o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
		for _, c := range s.PeerCertificates[1:] {
			o.Intermediates.AddCert(c)
		}
		_, err := s.PeerCertificates[0].Verify(o)
		return err
	}
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
