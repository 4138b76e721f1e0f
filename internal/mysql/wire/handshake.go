package wire

import (
	"context"
	"crypto/tls"
	"encoding/binary"

	"weir/internal/fault"
)

// Abilities that both sides tell each other.
const (
	capLongPassword    = 1 << 0
	capLongFlag        = 1 << 2
	capConnectWithDB   = 1 << 3
	capLocalFiles      = 1 << 7
	capProtocol41      = 1 << 9
	capSSL             = 1 << 11
	capTransactions    = 1 << 13
	capSecure          = 1 << 15
	capPluginAuth      = 1 << 19
	capConnectAttrs    = 1 << 20
	capPluginAuthLen   = 1 << 21
	capExpiredPassword = 1 << 22
	capDeprecateEOF    = 1 << 24

	capNeeded = capProtocol41 | capSecure | capPluginAuth
	// Neither several statements in one nor, but for a connection that loads rows, files: a server is never asked or allowed to take them.
	capWanted = capNeeded | capLongPassword | capLongFlag | capTransactions | capConnectAttrs | capPluginAuthLen | capDeprecateEOF
)

const utf8mb4 = 45 // the collation utf8mb4_general_ci, known to all servers since 5.5

// greeting is the server's first message.
type greeting struct {
	caps   uint32
	plugin string
	nonce  []byte
}

func (c *Conn) signIn(ctx context.Context, cfg Config) error {
	g, err := c.greet()
	if err != nil {
		return err
	}
	c.caps = capWanted & g.caps
	if cfg.Loads {
		c.caps |= capLocalFiles & g.caps
	}
	if cfg.Database != "" {
		c.caps |= capConnectWithDB
	}
	if cfg.TLS != nil && (g.caps&capSSL != 0 || !cfg.OptionalTLS) {
		if err := c.encrypt(ctx, cfg, g); err != nil {
			return err
		}
	}
	a := authentication{c: c, cfg: cfg, plugin: g.plugin, nonce: g.nonce}
	first, err := a.first()
	if err != nil {
		return err
	}
	if err := c.write(c.response(cfg, a.plugin, first)); err != nil {
		return err
	}
	return a.finish()
}

// greet reads the server's greeting.
func (c *Conn) greet() (greeting, error) {
	p, err := c.read()
	if err != nil {
		return greeting{}, err
	}
	if len(p) > 0 && p[0] == headErr {
		return greeting{}, parseError(p)
	}
	if len(p) == 0 || p[0] != 10 {
		return greeting{}, fault.New(fault.Usage, "the server does not greet as MySQL or MariaDB does")
	}
	f := cursor{b: p[1:]}
	c.Server.Version, c.Server.Maria = version(f.text())
	c.Server.Thread = f.uint32()
	nonce := append([]byte(nil), f.bytes(8)...)
	f.byte()
	caps := uint32(f.uint16())
	f.bytes(3) // collation and status
	caps |= uint32(f.uint16()) << 16
	length := int(f.byte())
	f.bytes(10)
	nonce = append(nonce, f.bytes(min(max(13, length-8), len(f.b)))...)
	plugin := f.text()
	if f.bad || caps&capNeeded != capNeeded {
		return greeting{}, fault.New(fault.Usage, "the server %s is older than this client can speak with", c.Server.Version)
	}
	return greeting{caps: caps, plugin: plugin, nonce: trimNonce(nonce)}, nil
}

// trimNonce cuts the zero byte off that ends a nonce of 20 bytes.
func trimNonce(n []byte) []byte {
	if len(n) == 21 && n[20] == 0 {
		return n[:20]
	}
	return n
}

// encrypt moves the connection to TLS.
func (c *Conn) encrypt(ctx context.Context, cfg Config, g greeting) error {
	if g.caps&capSSL == 0 {
		return fault.New(fault.Usage, "the server does not offer TLS").
			WithHint("switch TLS on at the server; tls: disable would send all data readable")
	}
	c.caps |= capSSL
	if err := c.write(c.fixedPart()); err != nil {
		return err
	}
	if c.r != c.w {
		return fault.New(fault.Unavailable, "start TLS: bytes came before it that nobody may trust")
	}
	t := tls.Client(c.nc, cfg.TLS)
	if err := t.HandshakeContext(ctx); err != nil {
		return tlsError(err)
	}
	c.nc, c.private = t, true
	return nil
}

func (c *Conn) fixedPart() []byte {
	b := binary.LittleEndian.AppendUint32(nil, c.caps)
	b = binary.LittleEndian.AppendUint32(b, uint32(c.limit))
	return append(append(b, utf8mb4), make([]byte, 23)...)
}

// response is the client's answer to the greeting.
func (c *Conn) response(cfg Config, plugin string, auth []byte) []byte {
	b := c.fixedPart()
	b = append(append(b, cfg.User...), 0)
	if c.caps&capPluginAuthLen != 0 {
		b = appendLength(b, len(auth))
	} else {
		b = append(b, byte(len(auth)))
	}
	b = append(b, auth...)
	if c.caps&capConnectWithDB != 0 {
		b = append(append(b, cfg.Database...), 0)
	}
	b = append(append(b, plugin...), 0)
	if c.caps&capConnectAttrs != 0 {
		attrs := []byte(nil)
		for _, s := range []string{"program_name", "weir", "_client_name", "weir"} {
			attrs = append(appendLength(attrs, len(s)), s...)
		}
		b = append(appendLength(b, len(attrs)), attrs...)
	}
	return b
}
