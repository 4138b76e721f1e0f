package env

import (
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
)

// A Direction is a way through a Network.
type Direction string

const (
	FromServer Direction = "downstream"
	ToServer   Direction = "upstream"
)

// A Network stands between a test and a server, and goes wrong when the test says so.
type Network struct {
	URL   string // as the server's, but through here; HOST:PORT where the server's was that
	proxy *toxiproxy.Proxy
}

// Proxy puts a Network before a server, whose URL (or HOST:PORT) it is given. At first it passes everything.
func Proxy(t testing.TB, server string) *Network {
	t.Helper()
	address := server
	u, err := url.Parse(server)
	if isURL := strings.Contains(server, "://"); isURL {
		if err != nil {
			t.Fatal("the server's URL cannot be read")
		}
		address = u.Host
	}
	toxics.Register(breakOnce, new(breaking))
	quiet := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	n := &Network{proxy: toxiproxy.NewProxy(quiet, t.Name(), "127.0.0.1:0", address)}
	if err := n.proxy.Start(); err != nil {
		t.Fatalf("start a proxy before %s: %v", address, err)
	}
	t.Cleanup(n.proxy.Stop)
	n.URL = n.proxy.Listen
	if address != server {
		u.Host = n.proxy.Listen
		n.URL = u.String()
	}
	return n
}

// Cut ends all connections; new ones pass.
func (n *Network) Cut(t testing.TB) {
	t.Helper()
	n.Down()
	n.Up(t)
}

// Down ends all connections and refuses new ones, until Up.
func (n *Network) Down() { n.proxy.Stop() }

// Up ends Down.
func (n *Network) Up(t testing.TB) {
	t.Helper()
	if err := n.proxy.Start(); err != nil {
		t.Fatalf("start the proxy again: %v", err)
	}
}

// BreakAfter ends the connection that carries the byte after the first so many, counted over all connections from now on.
// Those before and after it pass.
func (n *Network) BreakAfter(t testing.TB, way Direction, bytes int64) {
	t.Helper()
	n.add(t, breakOnce, way, &breaking{Bytes: bytes})
}

// Limit ends each connection after it carried so many bytes.
func (n *Network) Limit(t testing.TB, way Direction, bytes int64) {
	t.Helper()
	n.add(t, "limit_data", way, &toxics.LimitDataToxic{Bytes: bytes})
}

// Delay holds back everything for a time.
func (n *Network) Delay(t testing.TB, way Direction, by time.Duration) {
	t.Helper()
	n.add(t, "latency", way, &toxics.LatencyToxic{Latency: by.Milliseconds()})
}

// Slow lets no more than so many kilobytes pass in a second.
func (n *Network) Slow(t testing.TB, way Direction, kilobytes int64) {
	t.Helper()
	n.add(t, "bandwidth", way, &toxics.BandwidthToxic{Rate: kilobytes})
}

// Silence loses everything and leaves connections open, as a firewall does that has forgotten them.
func (n *Network) Silence(t testing.TB, way Direction) {
	t.Helper()
	n.add(t, "timeout", way, &toxics.TimeoutToxic{})
}

// Heal ends all but Down. Connections that were silent end with it.
func (n *Network) Heal(t testing.TB) {
	t.Helper()
	n.proxy.Toxics.ResetToxics(t.Context())
}

func (n *Network) add(t testing.TB, kind string, way Direction, toxic toxics.Toxic) {
	t.Helper()
	// One of a kind replaces that before it.
	_ = n.proxy.Toxics.RemoveToxic(t.Context(), kind+"_"+string(way))
	// The library knows toxics by names and takes them as text.
	text, err := json.Marshal(struct {
		Type       string       `json:"type"`
		Stream     Direction    `json:"stream"`
		Attributes toxics.Toxic `json:"attributes"`
	}{kind, way, toxic})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.proxy.Toxics.AddToxicJson(strings.NewReader(string(text))); err != nil {
		t.Fatalf("add %s to the proxy: %v", kind, err)
	}
}

const breakOnce = "break_once"

// breaking is BreakAfter. The library gives all connections of a direction the same one.
type breaking struct {
	Bytes int64 `json:"bytes"`

	mu     sync.Mutex
	passed int64
	broken bool
}

// Pipe is called by the library for each connection, and again when another toxic comes or goes.
func (b *breaking) Pipe(stub *toxics.ToxicStub) {
	for {
		select {
		case <-stub.Interrupt:
			return
		case chunk := <-stub.Input:
			if chunk == nil {
				stub.Close()
				return
			}
			pass, ends := b.count(len(chunk.Data))
			if pass > 0 {
				stub.Output <- &stream.StreamChunk{Data: chunk.Data[:pass], Timestamp: chunk.Timestamp}
			}
			if ends {
				stub.Close()
				return
			}
		}
	}
}

// count says how many of so many bytes pass, and whether the connection ends then.
func (b *breaking) count(bytes int) (int, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := b.Bytes - b.passed
	if b.broken || int64(bytes) <= left {
		b.passed += int64(bytes)
		return bytes, false
	}
	b.broken = true
	return int(left), true
}
