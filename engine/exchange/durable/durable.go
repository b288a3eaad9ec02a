// Package durable is the exchange between tasks that do not run at the same
// time: a sender writes what it sends in one epoch to storage, seals it, and is
// gone; the receiver starts later and reads it.
//
// A channel is one edge from one task to another, and, for one epoch, a list of
// segments:
//
//	channels/<epoch>/<edge>/<sender>-<receiver>/<k>      in the job's directory
//
// Segments are written in order and none is written twice with other bytes by
// the same attempt; a stage that is tried again writes them all again before
// its receivers start.
package durable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

var (
	_ exchange.Channel = (*Writer)(nil)
	_ exchange.Gate    = (*Gate)(nil)
)

// segmentBytes is about how long a segment is.
const segmentBytes = 32 << 20

// ID names one channel in one epoch.
type ID struct {
	Epoch            stream.Epoch
	Edge             string // of the graph: from, port, to, input
	Sender, Receiver int
}

func (id ID) segment(k int) string {
	return fmt.Sprintf("%s%s/%d-%d/%d", Folder(id.Epoch), id.Edge, id.Sender, id.Receiver, k)
}

// Root is where all channels of a job lie.
const Root = "channels/"

// Folder is where all channels of an epoch lie.
func Folder(e stream.Epoch) string { return fmt.Sprintf("%s%d/", Root, e) }

// EpochOf is the epoch of the channel to which a segment belongs.
func EpochOf(segment string) (stream.Epoch, bool) {
	digits, _, _ := strings.Cut(strings.TrimPrefix(segment, Root), "/")
	e, err := strconv.ParseUint(digits, 10, 64)
	return stream.Epoch(e), err == nil
}

// Writer is the sending end of a channel.
type Writer struct {
	id    ID
	store checkpoint.Store
	alloc memory.Allocator
	buf   []byte
	next  int
}

// NewWriter returns the sending end of id.
func NewWriter(id ID, store checkpoint.Store, alloc memory.Allocator) *Writer {
	return &Writer{id: id, store: store, alloc: alloc, buf: appendHeader(nil)}
}

// Send appends e to the channel, and writes a segment when one is full.
func (w *Writer) Send(ctx context.Context, e stream.Element) (err error) {
	if b, ok := e.(*stream.Batch); ok {
		defer b.Release()
		compact := *b
		compact.Rows = vector.CompactRecord(w.alloc, b.Rows)
		defer compact.Rows.Release()
		e = &compact
	}
	if w.buf, err = appendFrame(w.buf, e); err != nil {
		return fmt.Errorf("channel %s: %w", w.id.segment(w.next), err)
	}
	if len(w.buf) < segmentBytes {
		return nil
	}
	return w.flush(ctx)
}

func (w *Writer) flush(ctx context.Context) error {
	name := w.id.segment(w.next)
	if err := w.store.Put(ctx, name, appendSum(w.buf)); err != nil {
		return fmt.Errorf("write segment %s: %w", name, err)
	}
	w.next++
	w.buf = appendHeader(w.buf[:0])
	return nil
}

// Seal writes what is left. The channel is complete then: readers know by a
// segment without frames, which is always the last.
func (w *Writer) Seal(ctx context.Context) error {
	if len(w.buf) > headerSize {
		if err := w.flush(ctx); err != nil {
			return err
		}
	}
	return w.flush(ctx)
}

// Gate is the receiving end of channels that were sealed before it was made.
type Gate struct {
	store   checkpoint.Store
	alloc   memory.Allocator
	readers []reader
	turn    int
	ended   int
}

type reader struct {
	id      ID
	next    int
	data    []byte
	blocked bool
	done    bool // nothing follows in this epoch
}

// NewGate returns a gate over the channels ids, which are numbered in this order.
func NewGate(ids []ID, store checkpoint.Store, alloc memory.Allocator) *Gate {
	g := &Gate{store: store, alloc: alloc, readers: make([]reader, len(ids))}
	for i, id := range ids {
		g.readers[i].id = id
	}
	return g
}

// Next takes the channels in turn. After the last element of the epoch it
// returns io.EOF when EndOfInput has come on every channel, and otherwise
// exchange.ErrSealed.
func (g *Gate) Next(ctx context.Context) (stream.Element, int, error) {
	for k := 0; k < len(g.readers); {
		i := (g.turn + k) % len(g.readers)
		r := &g.readers[i]
		if r.done || r.blocked {
			k++
			continue
		}
		if len(r.data) == 0 {
			if err := g.load(ctx, r); err != nil {
				return nil, 0, err
			}
			continue
		}
		e, rest, err := nextFrame(r.data, g.alloc)
		if err != nil {
			return nil, 0, fmt.Errorf("read segment %s: %w", r.id.segment(r.next-1), err)
		}
		r.data = rest
		if _, end := e.(stream.EndOfInput); end {
			g.ended++
		}
		g.turn = i + 1
		return e, i, nil
	}
	if g.ended == len(g.readers) {
		return nil, 0, io.EOF
	}
	return nil, 0, exchange.ErrSealed
}

// load reads the next segment of r.
func (g *Gate) load(ctx context.Context, r *reader) error {
	name := r.id.segment(r.next)
	data, err := g.store.Get(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("segment %s is missing: its sender has not sealed the epoch", name)
	}
	if err == nil {
		r.data, err = frames(data)
	}
	if err != nil {
		return fmt.Errorf("read segment %s: %w", name, err)
	}
	r.next++
	r.done = len(r.data) == 0
	return nil
}

// Block stops a channel.
func (g *Gate) Block(channel int) { g.readers[channel].blocked = true }

// Unblock resumes a channel.
func (g *Gate) Unblock(channel int) { g.readers[channel].blocked = false }
