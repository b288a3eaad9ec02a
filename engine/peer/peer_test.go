package peer_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/job"
)

// server accepts one connection as id and returns what came of it.
func server(t *testing.T, id peer.Identity) (address string, result <-chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	c := make(chan error, 1)
	go func() {
		raw, err := l.Accept()
		if err != nil {
			c <- err
			return
		}
		conn, p, err := peer.Accept(context.Background(), raw, id)
		if err != nil {
			c <- err
			return
		}
		if p != peer.Control {
			c <- errors.New("another purpose arrived")
			return
		}
		m := peer.NewMessages(conn)
		defer func() { _ = m.Close() }()
		var text string
		if err := m.Receive(&text, 0); err != nil {
			c <- err
			return
		}
		c <- m.Send(text + " back")
	}()
	return l.Addr().String(), c
}

func TestConversation(t *testing.T) {
	id := peer.Identity{Secret: "s3cret"}
	address, result := server(t, id)
	conn, err := peer.Dial(context.Background(), address, peer.Control, id)
	if err != nil {
		t.Fatal(err)
	}
	m := peer.NewMessages(conn)
	defer func() { _ = m.Close() }()
	if err := m.Send("there and"); err != nil {
		t.Fatal(err)
	}
	var answer string
	if err := m.Receive(&answer, 0); err != nil || answer != "there and back" {
		t.Fatalf("%q, %v", answer, err)
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
}

func TestWrongSecretIsRefusedByBoth(t *testing.T) {
	address, result := server(t, peer.Identity{Secret: "one"})
	_, err := peer.Dial(context.Background(), address, peer.Control, peer.Identity{Secret: "another"})
	if !errors.Is(err, peer.ErrRefused) || !errors.Is(err, job.ErrInvalid) {
		t.Errorf("client: %v", err)
	}
	if err := <-result; err == nil {
		t.Error("the server accepted a stranger")
	}
}

// TestGarbageIsRefused: what is not of this protocol and version is refused,
// and one of another version is told which this is.
func TestGarbageIsRefused(t *testing.T) {
	for name, bytes := range map[string]string{
		"http":    "GET / HTTP/1.1\r\nHost: here\r\n\r\n" + strings.Repeat("x", 100),
		"version": "WADI\x63\x00\x01\x00" + strings.Repeat("n", 32),
		"purpose": "WADI\x01\x00\x09\x00" + strings.Repeat("n", 32),
		"short":   "WA",
	} {
		address, result := server(t, peer.Identity{})
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte(bytes))
		if name == "short" {
			_ = conn.Close()
		}
		err = <-result
		if name == "short" != errors.Is(err, job.ErrUnavailable) || name != "short" != errors.Is(err, peer.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
		reply, _ := io.ReadAll(conn)
		if name == "version" && string(reply) != "WADI\x01\x00\x00\x00" {
			t.Errorf("the stranger of another version is told %q", reply)
		}
		_ = conn.Close()
	}
}
