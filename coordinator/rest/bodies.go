package rest

import (
	"io"
	"net/http"
	"sync/atomic"
)

// bodies bounds the memory of all bodies that are being read or worked on: together
// they have as many bytes as one may have. The first bytes of each are free, so that
// who sends a large one slowly holds up large ones only.
type bodies struct {
	max   int64
	taken atomic.Int64
}

// freeBody is how many bytes of each body count for nothing.
const freeBody = 64 << 10

// body is one of them.
type body struct {
	io.ReadCloser
	of   *bodies
	read int64
}

func (b *bodies) of(r io.ReadCloser) *body { return &body{ReadCloser: r, of: b} }

// Read refuses what is too much.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	before := b.counted()
	b.read += int64(n)
	if more := b.counted() - before; more > 0 && b.of.taken.Add(more) > b.of.max {
		return n, Error{http.StatusServiceUnavailable, "Too many large requests at the same time."}
	}
	return n, err
}

func (b *body) counted() int64 { return max(0, b.read-freeBody) }

// done gives the memory back.
func (b *body) done() { b.of.taken.Add(-b.counted()) }
