package cluster

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"testing"

	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/internal/await"
)

// TestGarbage: strangers that send garbage, half a handshake, or promise long
// messages that do not come, leave neither goroutines nor memory behind.
func TestGarbage(t *testing.T) {
	before := runtime.NumGoroutine()
	c, err := Listen(t.Context(), "127.0.0.1:0", Options{Clock: engine.WallClock{}})
	if err != nil {
		t.Fatal(err)
	}
	c.Lead(1)
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	heap := m.HeapAlloc
	rnd := rand.New(rand.NewPCG(1, 2))
	var open []net.Conn
	for i := range 60 {
		if i%3 > 0 {
			conn, err := net.Dial("tcp", c.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, conn)
			if i%3 == 1 {
				junk := make([]byte, 1+rnd.IntN(2000))
				for k := range junk {
					junk[k] = byte(rnd.Uint32())
				}
				_, _ = conn.Write(junk) // it may be closed already
			}
			continue
		}
		conn, err := peer.Dial(t.Context(), c.Addr().String(), peer.Control, peer.Identity{})
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
		promise := binary.LittleEndian.AppendUint32(nil, peer.MaxMessage)
		if _, err := conn.Write(append(promise, '{')); err != nil {
			t.Fatal(err)
		}
	}
	await.That(t, "those that promise are listened to", func() bool { return runtime.NumGoroutine() >= before+20 })
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > heap+64<<20 {
		t.Errorf("%d MB are held for strangers", (m.HeapAlloc-heap)>>20)
	}
	comes(c, "w", 1)
	if len(c.Workers()) != 1 {
		t.Error("no worker can register")
	}
	for _, conn := range open {
		_ = conn.Close() // it may be closed already
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	await.Text(t, "no goroutine is left", func() string {
		if n := runtime.NumGoroutine(); n > before {
			return fmt.Sprintf("%d goroutines, %d before", n, before)
		}
		return "no goroutine is left"
	})
}
