package wire

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"

	"filippo.io/edwards25519"

	"weir/internal/fault"
)

// Ways to sign in.
const (
	native    = "mysql_native_password"
	cachedSHA = "caching_sha2_password"
	plainSHA  = "sha256_password"
	clearText = "mysql_clear_password"
	ed25519   = "client_ed25519"
)

// authentication is a sign-in under way.
type authentication struct {
	c      *Conn
	cfg    Config
	plugin string
	nonce  []byte
}

// first is what goes with the answer to the greeting. Where the server proposes a way that shows the password, or one not
// known here, nothing is said: the server then names the way that the user's account has.
func (a *authentication) first() ([]byte, error) {
	switch a.plugin {
	case native, cachedSHA:
		return a.reply()
	}
	a.plugin = native
	return a.reply()
}

// finish carries the sign-in through whatever the server asks.
func (a *authentication) finish() error {
	for range 10 {
		p, err := a.c.read()
		if err != nil {
			return err
		}
		switch {
		case len(p) == 0:
			return a.c.unexpected(p)
		case p[0] == headOK:
			return nil
		case p[0] == headErr:
			return parseError(p)
		case p[0] == headMore:
			err = a.more(append([]byte(nil), p[1:]...))
		case p[0] == headEOF:
			err = a.change(p[1:])
		default:
			return a.c.unexpected(p)
		}
		if err != nil {
			return err
		}
	}
	return fault.New(fault.Unavailable, "the server asks again and again")
}

// change takes another way, as the server asks.
func (a *authentication) change(p []byte) error {
	f := cursor{b: p}
	a.plugin = f.text()
	a.nonce = append([]byte(nil), f.b...)
	if n := len(a.nonce); n > 0 && a.nonce[n-1] == 0 {
		a.nonce = a.nonce[:n-1]
	}
	reply, err := a.reply()
	if err != nil {
		return err
	}
	return a.c.write(reply)
}

// reply proves the password in the way of the plugin.
func (a *authentication) reply() ([]byte, error) {
	pw := []byte(a.cfg.Password)
	switch a.plugin {
	case native:
		return proveSHA1(pw, a.nonce), nil
	case cachedSHA:
		return proveSHA256(pw, a.nonce), nil
	case plainSHA:
		switch {
		case len(pw) == 0:
			return []byte{0}, nil
		case a.c.private:
			return append(pw, 0), nil
		}
		return []byte{1}, nil // asks for the server's key
	case clearText:
		if !a.c.private || !a.cfg.Cleartext {
			return nil, fault.New(fault.Usage, "the server asks for the password as it is, which goes only over TLS with a verified certificate").
				WithHint("set tls: verify-full")
		}
		return append(pw, 0), nil
	case ed25519:
		return proveEd25519(pw, a.nonce)
	case "":
		return nil, fault.New(fault.Usage, "the user's account has a password of before 4.1, which is not safe to send")
	}
	return nil, fault.New(fault.Usage, "the user's account signs in with %q, which is not supported", a.plugin).
		WithHint("use an account with %s, %s or %s", cachedSHA, native, ed25519)
}

// more goes on within a way.
func (a *authentication) more(p []byte) error {
	switch {
	case a.plugin == cachedSHA && len(p) == 1 && p[0] == 3:
		return nil // the proof was enough
	case a.plugin == cachedSHA && len(p) == 1 && p[0] == 4:
		if a.c.private {
			return a.c.write([]byte(a.cfg.Password), []byte{0})
		}
		return a.c.write([]byte{2}) // asks for the server's key
	case a.plugin == cachedSHA || a.plugin == plainSHA:
		sealed, err := seal(p, []byte(a.cfg.Password), a.nonce)
		if err != nil {
			return err
		}
		return a.c.write(sealed)
	}
	return a.c.unexpected(p)
}

// proveSHA1 is SHA1(pw) XOR SHA1(nonce, SHA1(SHA1(pw))).
func proveSHA1(pw, nonce []byte) []byte {
	if len(pw) == 0 {
		return nil
	}
	once := sha1.Sum(pw)
	twice := sha1.Sum(once[:])
	mask := sha1.Sum(append(append([]byte(nil), nonce[:min(20, len(nonce))]...), twice[:]...))
	subtle.XORBytes(once[:], once[:], mask[:])
	return once[:]
}

// proveSHA256 is SHA256(pw) XOR SHA256(SHA256(SHA256(pw)), nonce).
func proveSHA256(pw, nonce []byte) []byte {
	if len(pw) == 0 {
		return nil
	}
	once := sha256.Sum256(pw)
	twice := sha256.Sum256(once[:])
	mask := sha256.Sum256(append(twice[:], nonce...))
	subtle.XORBytes(once[:], once[:], mask[:])
	return once[:]
}

// seal encrypts a password with the server's key, which the server has sent in the open: who chose a connection without
// TLS trusts the network.
func seal(key, pw, nonce []byte) ([]byte, error) {
	block, _ := pem.Decode(key)
	if block == nil || len(nonce) == 0 {
		return nil, fault.New(fault.Unavailable, "the server sent no public key to encrypt the password with").
			WithHint("switch TLS on: tls: verify-full")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "read the server's public key: %w", err)
	}
	public, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return nil, fault.New(fault.Unavailable, "the server's public key is not of RSA")
	}
	masked := append(append([]byte(nil), pw...), 0)
	for i := range masked {
		masked[i] ^= nonce[i%len(nonce)]
	}
	return rsa.EncryptOAEP(sha1.New(), rand.Reader, public, masked, nil)
}

// proveEd25519 signs the nonce as RFC 8032 does, with SHA512(pw) in the place of the hash of a seed.
func proveEd25519(pw, nonce []byte) ([]byte, error) {
	h := sha512.Sum512(pw)
	secret, err := edwards25519.NewScalar().SetBytesWithClamping(h[:32])
	if err != nil {
		return nil, err
	}
	public := new(edwards25519.Point).ScalarBaseMult(secret).Bytes()
	r, err := hashScalar(h[32:], nonce)
	if err != nil {
		return nil, err
	}
	commitment := new(edwards25519.Point).ScalarBaseMult(r).Bytes()
	k, err := hashScalar(commitment, public, nonce)
	if err != nil {
		return nil, err
	}
	return append(commitment, edwards25519.NewScalar().MultiplyAdd(k, secret, r).Bytes()...), nil
}

func hashScalar(parts ...[]byte) (*edwards25519.Scalar, error) {
	h := sha512.New()
	for _, p := range parts {
		h.Write(p)
	}
	return edwards25519.NewScalar().SetUniformBytes(h.Sum(nil))
}

func tlsError(err error) error {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	switch {
	case errors.As(err, &host):
		return fault.New(fault.Usage, "start TLS: %w", err).WithHint("connect by a name that the certificate has, or set tls: verify-ca")
	case errors.As(err, &authority):
		return fault.New(fault.Usage, "start TLS: %w", err).WithHint("name the authority's certificate: tls_ca: path/to/ca.pem")
	case errors.As(err, &invalid), errors.As(err, &verify):
		return fault.New(fault.Usage, "start TLS: %w", err)
	}
	return fault.New(fault.Unavailable, "start TLS: %w", err)
}
