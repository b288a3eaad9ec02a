package durable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/stream"
)

// Channel names one channel of a gate.
type Channel struct {
	Edge     string
	Sender   checkpoint.TaskID
	Receiver int
}

// Gate is the receiving end of channels that were sealed before it was made.
type Gate struct {
	store   checkpoint.Store
	alloc   memory.Allocator
	readers []reader
	turn    int
	ended   int
	broken  error
}

var _ exchange.Gate = (*Gate)(nil)

// reader is where the gate is in one channel.
type reader struct {
	left    []located
	data    []byte
	blocked bool
}

type located struct {
	object *Object
	Piece
}

// NewGate returns a gate over channels, which are numbered in this order, of
// what their senders have sent. Next fails when nothing is told of a sender.
func NewGate(channels []Channel, sent []Sent, store checkpoint.Store, alloc memory.Allocator) *Gate {
	g := &Gate{store: store, alloc: alloc, readers: make([]reader, len(channels))}
	number := make(map[Channel]int, len(channels))
	for i, c := range channels {
		number[c] = i
	}
	told := make(map[checkpoint.TaskID]bool)
	for _, s := range sent {
		told[s.Task] = true
		for k := range s.Objects {
			o := &s.Objects[k]
			for _, p := range o.Pieces {
				if i, ok := number[Channel{p.Edge, s.Task, p.Receiver}]; ok {
					g.readers[i].left = append(g.readers[i].left, located{o, p})
				}
			}
		}
	}
	for _, c := range channels {
		if !told[c.Sender] {
			g.broken = fmt.Errorf("nothing is told of what task %v has sent to task %d on %s", c.Sender, c.Receiver, c.Edge)
		}
	}
	return g
}

// Next takes the channels in turn. After the last element of the epoch it
// returns io.EOF when EndOfInput has come on every channel, and otherwise
// exchange.ErrSealed.
func (g *Gate) Next(ctx context.Context) (stream.Element, int, error) {
	if g.broken != nil {
		return nil, 0, g.broken
	}
	for k := 0; k < len(g.readers); {
		i := (g.turn + k) % len(g.readers)
		r := &g.readers[i]
		if r.blocked || len(r.data) == 0 && len(r.left) == 0 {
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
			return nil, 0, fmt.Errorf("read channel %d: %w", i, err)
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

// load reads the next piece of r.
func (g *Gate) load(ctx context.Context, r *reader) (err error) {
	p := r.left[0]
	r.left = r.left[1:]
	segment := p.object.Data
	if p.object.Name != "" {
		segment, err = g.store.GetRange(ctx, p.object.Name, p.At, p.Size)
	} else if p.At < 0 || p.Size < 0 || p.At > int64(len(segment))-p.Size {
		err = errCorrupt("a piece beyond its data")
	} else {
		segment = segment[p.At : p.At+p.Size]
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is gone: its epoch is over, or was run again", p.object.Name)
	}
	if err == nil {
		r.data, err = frames(segment)
	}
	if err != nil {
		return fmt.Errorf("read %d bytes from %d on of %s: %w", p.Size, p.At, p.object.Name, err)
	}
	return nil
}

// Block stops a channel.
func (g *Gate) Block(channel int) { g.readers[channel].blocked = true }

// Unblock resumes a channel.
func (g *Gate) Unblock(channel int) { g.readers[channel].blocked = false }
