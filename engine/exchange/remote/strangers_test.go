package remote_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"testing"

	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/engine/exchange/remote"
	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/stream"
)

// TestStrangersAtTheDataPort: those that send garbage, half a handshake, requests of
// HTTP or nothing, and members that are gone without a word, leave neither goroutines
// nor memory behind, and stall no channel.
func TestStrangersAtTheDataPort(t *testing.T) {
	before, heap := runtime.NumGoroutine(), inUse()
	a, b := pair(t, remote.Options{})
	gate := exchange.NewLocal(1, 0)
	b.Receive([]remote.Key{key(0)}, gate)
	c := a.Channel(b.Addr().String(), key(0))
	rnd := rand.New(rand.NewPCG(3, 4))
	var open []net.Conn
	for i := range 300 {
		if i%5 == 4 { // a member that says nothing more
			conn, err := peer.Dial(t.Context(), b.Addr().String(), peer.Data, peer.Identity{})
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, conn)
			continue
		}
		conn, err := net.Dial("tcp", b.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
		junk := make([]byte, rnd.IntN(5000))
		for k := range junk {
			junk[k] = byte(rnd.Uint32())
		}
		text := [...]string{"", "WADI\x01", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", string(junk)}[i%5]
		_, _ = conn.Write([]byte(text)) // it may be refused already
	}
	if err := c.Send(t.Context(), stream.EndOfInput{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := gate.Next(t.Context()); err != nil {
		t.Errorf("a channel beside them: %v", err)
	}
	for _, conn := range open {
		_ = conn.Close() // it may be closed already
	}
	_, _ = a.Close(), b.Close()
	await.Text(t, "nothing is left", func() string {
		if n := runtime.NumGoroutine(); n > before {
			text := make([]byte, 1<<20)
			return fmt.Sprintf("%d goroutines, %d before\n%s", n, before, text[:runtime.Stack(text, true)])
		}
		if now := inUse(); now > heap+8<<20 {
			return fmt.Sprintf("%d MB in use, %d before", now>>20, heap>>20)
		}
		return "nothing is left"
	})
}

// inUse is how many bytes the process has in use.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
