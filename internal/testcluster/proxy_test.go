//go:build unix

package testcluster_test

import (
	"io"
	"net"
	"testing"

	"github.com/wadi-engine/wadi/internal/testcluster"
)

// echo is the address of a server that says what it hears.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			go func() {
				_, _ = io.Copy(c, c) // until it is cut
				_ = c.Close()
			}()
		}
	}()
	return l.Addr().String()
}

// TestProxy: a proxy passes bytes on, holds them until it is healed, and cuts and
// refuses connections until then.
func TestProxy(t *testing.T) {
	p := testcluster.NewProxy(t, echo(t))
	dial := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", "127.0.0.1:"+p.Port())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	say := func(c net.Conn) error {
		_, err := c.Write([]byte("x"))
		return err
	}
	hear := func(c net.Conn) error {
		_, err := io.ReadFull(c, make([]byte, 1))
		return err
	}
	c := dial()
	if say(c) != nil || hear(c) != nil {
		t.Error("nothing passes")
	}
	p.Hold()
	if err := say(c); err != nil {
		t.Errorf("somebody was told: %v", err)
	}
	heard := make(chan error, 1)
	go func() { heard <- hear(c) }()
	select {
	case err := <-heard:
		t.Errorf("something has passed: %v", err)
	default:
	}
	p.Heal()
	if err := <-heard; err != nil {
		t.Error(err)
	}
	p.Refuse()
	if hear(c) == nil {
		t.Error("a connection was not cut")
	}
	if late := dial(); hear(late) == nil {
		t.Error("a connection was not refused")
	}
	p.Heal()
	if again := dial(); say(again) != nil || hear(again) != nil {
		t.Error("nothing passes after all is well")
	}
}
