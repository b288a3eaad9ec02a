package remote

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/exchange/frame"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// incoming is a connection from another worker. Its loop takes frames; beside it
// credit is given back.
type incoming struct {
	t        *Transport
	conn     net.Conn
	channels map[uint32]*arrival // of the loop
	wake     chan struct{}       // holds a token when there is something to say

	mu     sync.Mutex
	credit map[uint32]credit
	resets []uint32
	closed bool
}

// credit is what a sender is told.
type credit struct{ budget, returned int64 }

// arrival is a channel as it comes in.
type arrival struct {
	in     *incoming
	number uint32
	key    Key
	// outstanding is how many bytes the task has not taken.
	outstanding atomic.Int64

	decoder decoder // of the loop

	mu       sync.Mutex
	end      *end // nil before the task runs, and behind it
	detached bool
	ended    bool // EndOfInput has come
}

// receive is the life of a connection from another worker.
func (t *Transport) receive(conn net.Conn) {
	in := &incoming{t: t, conn: conn, channels: make(map[uint32]*arrival), wake: make(chan struct{}, 1), credit: make(map[uint32]credit)}
	t.mu.Lock()
	t.in[in] = true
	t.mu.Unlock()
	if t.ctx.Err() != nil {
		_ = conn.Close() // Close may have missed it
	}
	var writer sync.WaitGroup
	writer.Go(in.write)
	err := in.read()
	_ = conn.Close() // the reading has said what there is to say
	in.mu.Lock()
	in.closed = true
	in.mu.Unlock()
	in.signal()
	writer.Wait()
	t.depart(in)
	if err != nil && t.ctx.Err() == nil {
		t.o.Log.Warn("a connection for data has ended", slog.String("peer", conn.RemoteAddr().String()), slog.Any("error", err))
	}
	for _, a := range in.channels {
		a.lost(gone(err))
	}
}

// gone is the error of the channels of a connection that has ended with err, or nil.
// Whatever one of them has done, the others may go on by another connection.
func gone(err error) error {
	if errors.Is(err, job.ErrInvalid) {
		return fmt.Errorf("%w: %s", job.ErrUnavailable, err.Error())
	}
	if err != nil {
		err = unavailable(err)
	}
	return err
}

func (in *incoming) signal() {
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

// read takes frames until the connection ends.
func (in *incoming) read() error {
	r := bufio.NewReaderSize(in.conn, 64<<10)
	scratch := make([]byte, headerSize)
	var head []byte
	for {
		h, err := readHeader(r, scratch)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return unavailable(err)
		}
		if cap(head) < h.head {
			head = make([]byte, h.head)
		}
		head = head[:h.head]
		if _, err := io.ReadFull(r, head); err != nil {
			return unavailable(err)
		}
		if err := in.frame(r, h, head); err != nil {
			return err
		}
	}
}

// unavailable is an error of the network, unless it is one of the protocol.
func unavailable(err error) error {
	if errors.Is(err, job.ErrInvalid) {
		return err
	}
	return fmt.Errorf("%w: %w", job.ErrUnavailable, err)
}

// frame obeys one frame, whose body is still to be read.
func (in *incoming) frame(r io.Reader, h header, head []byte) error {
	if h.kind == kindOpen {
		return in.open(h.channel, head)
	}
	a := in.channels[h.channel]
	if a == nil {
		return broken("a frame of kind %d on channel %d, which is not open", h.kind, h.channel)
	}
	switch h.kind {
	case kindSchema:
		return a.decoder.schema(head)
	case frame.Batch:
		return a.batch(r, h, head)
	case kindClose:
		delete(in.channels, h.channel)
		in.t.close(a)
		a.lost(nil)
		return nil
	default:
		e, err := frame.Control(h.kind, head)
		if err != nil {
			return broken("%v", err)
		}
		a.deliver(e, 0)
		return nil
	}
}

func (in *incoming) open(number uint32, head []byte) error {
	a := &arrival{in: in, number: number, decoder: decoder{alloc: in.t.o.Alloc}}
	if err := json.Unmarshal(head, &a.key); err != nil {
		return broken("the key of a channel: %v", err)
	}
	if in.channels[number] != nil {
		return broken("channel %d is opened twice", number)
	}
	in.channels[number] = a
	return in.t.arrive(a)
}

// batch reads the body of a batch and delivers it.
func (a *arrival) batch(r io.Reader, h header, head []byte) error {
	size := int64(headerSize + h.head + h.body)
	if was := a.outstanding.Add(size) - size; was > 0 && was+size > 2*a.in.t.o.Budget {
		return broken("channel %v: %d bytes beyond its credit", a.key, was+size-2*a.in.t.o.Budget)
	}
	body := memory.NewResizableBuffer(a.in.t.o.Alloc)
	defer body.Release()
	body.Resize(h.body)
	if _, err := io.ReadFull(r, body.Bytes()); err != nil {
		return unavailable(err)
	}
	b, err := a.decoder.batch(head, body)
	if err != nil {
		return fmt.Errorf("channel %v: %w", a.key, err)
	}
	a.deliver(b, size)
	return nil
}

// deliver gives an element to the task, or drops it when the task is gone.
func (a *arrival) deliver(e stream.Element, size int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, end := e.(stream.EndOfInput); end {
		a.ended = true
	}
	if a.end == nil {
		if b, ok := e.(*stream.Batch); ok {
			b.Release()
		}
		return
	}
	a.end.gate.Deliver(a.end.channel, e, size)
}

// attach connects the channel with its task and grants the first credit.
func (a *arrival) attach(e *end) {
	a.mu.Lock()
	a.end = e
	a.mu.Unlock()
	e.mu.Lock()
	e.arrival = a
	e.mu.Unlock()
	a.say(credit{budget: e.budget.Load()})
}

// detach is called when the task is gone: the sender need not send any more.
func (a *arrival) detach() {
	a.mu.Lock()
	a.end, a.detached = nil, true
	ended := a.ended
	a.mu.Unlock()
	if ended {
		return
	}
	a.in.mu.Lock()
	a.in.resets = append(a.in.resets, a.number)
	a.in.mu.Unlock()
	a.in.signal()
}

// lost is called when nothing more comes: because the sender is gone, or of err.
func (a *arrival) lost(err error) {
	a.decoder.close()
	a.mu.Lock()
	e, ended := a.end, a.ended
	a.end = nil
	a.mu.Unlock()
	if e == nil || ended {
		return
	}
	if err == nil {
		err = fmt.Errorf("%w: the sending task is gone", job.ErrUnavailable)
	}
	e.gate.Fail(fmt.Errorf("receive on edge %s from task %d: %w", a.key.Edge, a.key.Sender, err))
}

func (a *arrival) giveBack(bytes int64) {
	a.outstanding.Add(-bytes)
	a.say(credit{returned: bytes})
}

func (a *arrival) say(c credit) {
	a.in.mu.Lock()
	all := a.in.credit[a.number]
	a.in.credit[a.number] = credit{cmp.Or(c.budget, all.budget), all.returned + c.returned}
	a.in.mu.Unlock()
	a.in.signal()
}

// write tells senders of credit and resets until the connection is closed.
func (in *incoming) write() {
	var buf []byte
	for range in.wake {
		in.mu.Lock()
		buf = buf[:0]
		for n, c := range in.credit {
			buf = header{kind: kindCredit, channel: n, head: 16}.append(buf)
			buf = binary.LittleEndian.AppendUint64(buf, uint64(c.budget))
			buf = binary.LittleEndian.AppendUint64(buf, uint64(c.returned))
			delete(in.credit, n)
		}
		for _, n := range in.resets {
			const why = "the receiving task is gone"
			buf = append(header{kind: kindReset, channel: n, head: len(why)}.append(buf), why...)
		}
		in.resets = in.resets[:0]
		closed := in.closed
		in.mu.Unlock()
		if closed {
			return
		}
		if _, err := in.conn.Write(buf); err != nil {
			_ = in.conn.Close() // the loop that reads says why
			return
		}
	}
}
