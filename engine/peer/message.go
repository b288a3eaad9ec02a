package peer

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/job"
)

// MaxMessage is how long a message may be.
const MaxMessage = 256 << 20

// Messages sends and receives JSON documents on a connection. One goroutine
// receives; any may send.
//
//	message  length:u32 (little-endian) document
type Messages struct {
	conn net.Conn
	mu   sync.Mutex // of those who send
}

// NewMessages returns a conversation on conn, which it owns.
func NewMessages(conn net.Conn) *Messages { return &Messages{conn: conn} }

// Send sends v as one message.
func (m *Messages) Send(v any) error {
	doc, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode a message: %w", err)
	}
	if len(doc) > MaxMessage {
		return fmt.Errorf("%w: a message of %d bytes; at most %d can be sent", job.ErrInvalid, len(doc), MaxMessage)
	}
	var head [4]byte
	binary.LittleEndian.PutUint32(head[:], uint32(len(doc)))
	m.mu.Lock()
	defer m.mu.Unlock()
	parts := net.Buffers{head[:], doc}
	if _, err := parts.WriteTo(m.conn); err != nil {
		return fmt.Errorf("%w: send a message: %w", job.ErrUnavailable, err)
	}
	return nil
}

// Receive waits for the next message, for so long, and decodes it into v; 0
// means for ever.
func (m *Messages) Receive(v any, patience time.Duration) error {
	var until time.Time
	if patience > 0 {
		until = time.Now().Add(patience) //nolint:forbidigo // sockets know no other clock
	}
	if err := m.conn.SetReadDeadline(until); err != nil {
		return fmt.Errorf("%w: receive a message: %w", job.ErrUnavailable, err)
	}
	var head [4]byte
	if _, err := io.ReadFull(m.conn, head[:]); err != nil {
		return fmt.Errorf("%w: receive a message: %w", job.ErrUnavailable, err)
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n > MaxMessage {
		return fmt.Errorf("%w: a message of %d bytes; at most %d are received", ErrRefused, n, MaxMessage)
	}
	var doc bytes.Buffer // it grows with what comes, not with what is promised
	if _, err := io.CopyN(&doc, m.conn, int64(n)); err != nil {
		return fmt.Errorf("%w: receive a message: %w", job.ErrUnavailable, err)
	}
	if err := json.Unmarshal(doc.Bytes(), v); err != nil {
		return fmt.Errorf("%w: decode a message: %w", ErrRefused, err)
	}
	return nil
}

// Close ends the conversation for both sides.
func (m *Messages) Close() error {
	if err := m.conn.Close(); err != nil {
		return fmt.Errorf("close a connection: %w", err)
	}
	return nil
}
