package durable

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// objectBytes is about how much a task holds before it writes it.
const objectBytes = 32 << 20

// Inline is how many bytes of a task's output, at most, travel in its result when that
// goes through storage; Beside, when the receivers run in the same process.
const (
	Inline = 32 << 10
	Beside = objectBytes
)

// Where a task has many receivers, its result holds perChannel bytes for each, up to
// mostInline: what is written to storage is asked for by each of them, and those are
// requests of every task to every task.
const (
	perChannel = 4 << 10
	mostInline = 256 << 10
)

// Output is the sending end of all channels of a task in one epoch. It is used
// by one goroutine.
type Output struct {
	name     Name
	store    checkpoint.Store
	alloc    memory.Allocator
	channels []*channel
	inline   int
	held     int // bytes in the buffers of all channels
	sent     Sent
}

// NewOutput returns the output of a task that has sent nothing. Of what it sends, up
// to inline bytes travel in its result.
func NewOutput(name Name, store checkpoint.Store, alloc memory.Allocator, inline int) *Output {
	return &Output{name: name, store: store, alloc: alloc, inline: inline, sent: Sent{Task: name.Task}}
}

// Channel is the sending end of the channel to one receiver.
func (o *Output) Channel(edge string, receiver int) exchange.Channel {
	c := &channel{out: o, edge: edge, receiver: receiver, buf: appendHeader(nil)}
	o.channels = append(o.channels, c)
	return c
}

type channel struct {
	out      *Output
	edge     string
	receiver int
	buf      []byte
}

// Send appends e to the channel, and writes an object when it is time.
func (c *channel) Send(ctx context.Context, e stream.Element) (err error) {
	if b, ok := e.(*stream.Batch); ok {
		defer b.Release()
		compact := *b
		compact.Rows = vector.CompactRecord(c.out.alloc, b.Rows)
		defer compact.Rows.Release()
		e = &compact
	}
	before := len(c.buf)
	if c.buf, err = appendFrame(c.buf, e); err != nil {
		return fmt.Errorf("channel %s to task %d: %w", c.edge, c.receiver, err)
	}
	if c.out.held += len(c.buf) - before; c.out.held < objectBytes {
		return nil
	}
	return c.out.flush(ctx)
}

// gather empties the buffers of the channels into an object.
func (o *Output) gather() Object {
	var obj Object
	obj.Data = make([]byte, 0, o.held+len(o.channels)*(headerSize+sumSize))
	for _, c := range o.channels {
		if len(c.buf) == headerSize {
			continue
		}
		at := len(obj.Data)
		obj.Data = append(obj.Data, appendSum(c.buf)...)
		obj.Pieces = append(obj.Pieces, Piece{Edge: c.edge, Receiver: c.receiver, At: int64(at), Size: int64(len(obj.Data) - at)})
		c.buf = appendHeader(c.buf[:0])
	}
	o.held = 0
	return obj
}

func (o *Output) flush(ctx context.Context) error { return o.write(ctx, o.gather()) }

func (o *Output) write(ctx context.Context, obj Object) error {
	obj.Name = o.name.object(len(o.sent.Objects))
	if err := o.store.Put(ctx, obj.Name, obj.Data); err != nil {
		return fmt.Errorf("write what task %v sends: %w", o.name.Task, err)
	}
	obj.Data = nil
	o.sent.Objects = append(o.sent.Objects, obj)
	return nil
}

// Seal writes what is left, and tells where everything is.
func (o *Output) Seal(ctx context.Context) (Sent, error) {
	switch obj := o.gather(); {
	case len(obj.Pieces) == 0:
	case len(obj.Data) <= max(o.inline, min(perChannel*len(o.channels), mostInline)):
		o.sent.Objects = append(o.sent.Objects, obj)
	default:
		if err := o.write(ctx, obj); err != nil {
			return Sent{}, err
		}
	}
	return o.sent, nil
}
