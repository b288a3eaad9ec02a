package peer

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/wadi-engine/wadi/job"
)

// Version is that of everything that processes of a cluster say to one another.
const Version = 1

// Purpose says what a connection is for.
type Purpose byte

const (
	// Control carries commands and reports between coordinator and worker.
	Control Purpose = iota + 1
	// Data carries the elements of channels between two workers.
	Data
)

// Identity is how a process proves that it belongs to the cluster. The zero
// value proves nothing: whoever reaches the port belongs to it.
type Identity struct {
	// Secret is known to every process of the cluster; empty means none.
	Secret string
	// TLS, if not nil, has the certificate of this process, and the authorities
	// that certificates of others must come from, for both roles.
	TLS *tls.Config
}

// timeout is how long a handshake may take.
const timeout = 10 * time.Second

// ErrRefused is what a peer that does not belong to the cluster meets. It is
// job.ErrInvalid: trying again will not help.
var ErrRefused = fmt.Errorf("%w: refused by the peer", job.ErrInvalid)

const (
	magic     = "WADI"
	nonceSize = 32
	helloSize = 8 + nonceSize
	replySize = 8 + nonceSize + sha256.Size
)

// Dial connects to a process of the cluster.
func Dial(ctx context.Context, address string, p Purpose, id Identity) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w: connect to %s: %w", job.ErrUnavailable, address, err)
	}
	conn, err := id.wrap(raw, address)
	if err == nil {
		err = handshake(ctx, conn, func() error { return id.greet(conn, p) })
	}
	if err != nil {
		_ = raw.Close() // the handshake's error says more
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	return conn, nil
}

func (id Identity) wrap(raw net.Conn, address string) (net.Conn, error) {
	if id.TLS == nil {
		return raw, nil
	}
	c := id.TLS.Clone()
	if c.ServerName == "" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("%w: address %q: %w", job.ErrInvalid, address, err)
		}
		c.ServerName = host
	}
	return tls.Client(raw, c), nil
}

// Accept makes a connection that a listener has accepted one of the cluster. It
// closes raw when the peer does not belong to it.
func Accept(ctx context.Context, raw net.Conn, id Identity) (conn net.Conn, p Purpose, err error) {
	conn = raw
	if id.TLS != nil {
		c := id.TLS.Clone()
		c.ClientAuth = tls.RequireAndVerifyClientCert
		if c.ClientCAs == nil {
			c.ClientCAs = c.RootCAs
		}
		conn = tls.Server(raw, c)
	}
	err = handshake(ctx, conn, func() (err error) {
		p, err = id.answer(conn)
		return err
	})
	if err != nil {
		_ = raw.Close() // the handshake's error says more
		return nil, 0, fmt.Errorf("connection from %s: %w", raw.RemoteAddr(), err)
	}
	return conn, p, nil
}

// handshake runs f, which ends with ctx and after the timeout.
func handshake(ctx context.Context, conn net.Conn, f func() error) error {
	if err := conn.SetDeadline(deadline()); err != nil {
		return fmt.Errorf("begin the handshake: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // in the past: what waits ends
	err := f()
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("end the handshake: %w", err)
	}
	return nil
}

func deadline() time.Time { return time.Now().Add(timeout) } //nolint:forbidigo // sockets know no other clock

func (id Identity) proof(side string, p Purpose, client, server []byte) []byte {
	h := hmac.New(sha256.New, []byte(id.Secret))
	h.Write([]byte(side))
	h.Write([]byte{byte(p)})
	h.Write(client)
	h.Write(server)
	return h.Sum(nil)
}

func greeting(p Purpose) ([]byte, error) {
	b := append([]byte(magic), 0, 0, byte(p), 0)
	binary.LittleEndian.PutUint16(b[4:], Version)
	b = append(b, make([]byte, nonceSize)...)
	if _, err := rand.Read(b[8:]); err != nil {
		return nil, fmt.Errorf("randomness: %w", err)
	}
	return b, nil
}

// greet is the client's side.
func (id Identity) greet(conn net.Conn, p Purpose) error {
	hello, err := greeting(p)
	if err != nil {
		return err
	}
	if _, err := conn.Write(hello); err != nil {
		return unavailable(err)
	}
	reply := make([]byte, replySize)
	if err := read(conn, reply[:8]); err != nil {
		return err
	}
	if err := check(reply); err != nil {
		return err
	}
	if err := read(conn, reply[8:]); err != nil {
		return err
	}
	client, server := hello[8:], reply[8:8+nonceSize]
	if !hmac.Equal(reply[8+nonceSize:], id.proof("server", p, client, server)) {
		return fmt.Errorf("%w: it does not know the secret of this cluster (wadi.cluster.secret)", ErrRefused)
	}
	if _, err := conn.Write(id.proof("client", p, client, server)); err != nil {
		return unavailable(err)
	}
	var done [1]byte
	if err := read(conn, done[:]); err != nil {
		return err
	}
	if done[0] != 1 {
		return fmt.Errorf("%w: this process does not know the secret of its cluster (wadi.cluster.secret)", ErrRefused)
	}
	return nil
}

// answer is the server's side.
func (id Identity) answer(conn net.Conn) (Purpose, error) {
	hello := make([]byte, helloSize)
	if err := read(conn, hello[:8]); err != nil {
		return 0, err
	}
	p := Purpose(hello[6])
	reply, err := greeting(0)
	if err != nil {
		return 0, err
	}
	if err := check(hello); err != nil {
		if string(hello[:4]) == magic { // it may read which version this is
			_, _ = conn.Write(reply[:8])
		}
		return 0, err
	}
	if p != Control && p != Data {
		return 0, fmt.Errorf("%w: purpose %d is unknown", ErrRefused, p)
	}
	if err := read(conn, hello[8:]); err != nil {
		return 0, err
	}
	client, server := hello[8:], reply[8:]
	reply = append(reply, id.proof("server", p, client, server)...)
	if _, err := conn.Write(reply); err != nil {
		return 0, unavailable(err)
	}
	proof := make([]byte, sha256.Size)
	if err := read(conn, proof); err != nil {
		return 0, err
	}
	if !hmac.Equal(proof, id.proof("client", p, client, server)) {
		_, _ = conn.Write([]byte{0}) // it may be told why
		return 0, fmt.Errorf("%w: it does not know the secret of this cluster", ErrRefused)
	}
	if _, err := conn.Write([]byte{1}); err != nil {
		return 0, unavailable(err)
	}
	return p, nil
}

func check(hello []byte) error {
	if string(hello[:4]) != magic {
		return fmt.Errorf("%w: it is no process of Wadi", ErrRefused)
	}
	if v := binary.LittleEndian.Uint16(hello[4:]); v != Version {
		return fmt.Errorf("%w: it speaks version %d of the protocol, this process version %d", ErrRefused, v, Version)
	}
	return nil
}

func read(conn net.Conn, b []byte) error {
	if _, err := io.ReadFull(conn, b); err != nil {
		return unavailable(err)
	}
	return nil
}

func unavailable(err error) error {
	var bad *tls.CertificateVerificationError
	if errors.As(err, &bad) {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return fmt.Errorf("%w: handshake: %w", job.ErrUnavailable, err)
}
