package remote

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

var (
	_ exchange.Channel = (*Channel)(nil)
	_ exchange.Lender  = (*Channel)(nil)
)

// outgoing is the connection to another worker, which all channels to it share.
type outgoing struct {
	address string
	conn    net.Conn
	turn    chan struct{} // holds a token when nobody writes

	mu       sync.Mutex
	channels map[uint32]*Channel
	last     uint32
	err      error // why it is gone
}

// Channel is the sending end of a channel to another worker. One goroutine sends.
type Channel struct {
	t       *Transport
	address string
	key     Key
	out     *outgoing // nil until the first Send
	number  uint32
	schema  *arrow.Schema
	payload payload
	options []ipc.Option
	wake    chan struct{} // holds a token when the sender should look again
	wait    *exchange.Wait
	now     func() time.Time
	sent    *exchange.Traffic

	mu          sync.Mutex
	budget      int64 // 0 until the receiving task exists
	outstanding int64
	lends       bool            // the sender may go beyond the credit, by as much again
	room        chan<- struct{} // holds a token when there may be room
	err         error
}

// Channel returns the sending end of a channel to the worker that receives on
// address.
func (t *Transport) Channel(address string, k Key) *Channel {
	c := &Channel{t: t, address: address, key: k, wake: make(chan struct{}, 1), options: []ipc.Option{ipc.WithAllocator(t.o.Alloc)}}
	if t.o.Compression != nil {
		c.options = append(c.options, t.o.Compression)
	}
	return c
}

// Send sends e. It takes over the reference to a batch.
func (c *Channel) Send(ctx context.Context, e stream.Element) error {
	b, isBatch := e.(*stream.Batch)
	err := c.open(ctx)
	if isBatch {
		defer b.Release()
		if err == nil {
			err = c.batch(ctx, b)
		}
	} else if err == nil {
		if err = c.credit(ctx, 0); err == nil {
			err = c.out.write(ctx, appendElement(nil, c.number, e))
		}
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("send on edge %s to task %d at %s: %w", c.key.Edge, c.key.Receiver, c.address, err)
	}
	return err
}

// open connects, on the first call.
func (c *Channel) open(ctx context.Context) error {
	if c.out != nil {
		return nil
	}
	out, err := c.t.connect(ctx, c.address)
	if err != nil {
		return err
	}
	doc, err := json.Marshal(c.key)
	if err != nil {
		return fmt.Errorf("encode the key of a channel: %w", err)
	}
	if c.number, err = out.add(c); err != nil {
		return err
	}
	if err := out.write(ctx, append(header{kind: kindOpen, channel: c.number, head: len(doc)}.append(nil), doc...)); err != nil {
		out.remove(c.number) // it is not open, and must not be closed
		return err
	}
	c.out = out
	return nil
}

// batch sends the rows of b in pieces that fit the credit of the channel.
func (c *Channel) batch(ctx context.Context, b *stream.Batch) error {
	if err := c.credit(ctx, 0); err != nil { // the budget is known now
		return err
	}
	if s := b.Rows.Schema(); c.schema == nil || c.schema != s && !c.schema.Equal(s) {
		meta := schemaBytes(s, c.t.o.Alloc)
		if err := c.out.write(ctx, append(header{kind: kindSchema, channel: c.number, head: len(meta)}.append(nil), meta...)); err != nil {
			return err
		}
		c.schema = s
	}
	n := b.Len()
	pieces := int(min(vector.RecordBytes(b.Rows)/max(c.budget/2, 1)+1, int64(max(n, 1))))
	for i := range pieces {
		lo, hi := n*i/pieces, n*(i+1)/pieces
		if err := c.piece(ctx, b, lo, hi); err != nil {
			return err
		}
	}
	return nil
}

func (c *Channel) piece(ctx context.Context, b *stream.Batch, lo, hi int) error {
	p := stream.Batch{Kinds: b.Kinds, Marks: b.Marks}
	rows := b.Rows.NewSlice(int64(lo), int64(hi))
	p.Rows = vector.CompactRecord(c.t.o.Alloc, rows)
	rows.Release()
	defer p.Rows.Release()
	if hi-lo < b.Len() {
		p.Marks = stream.SliceMarks(b.Marks, lo, hi)
		if hi == b.Len() {
			p.Marks = stream.SliceMarks(b.Marks, lo, hi+1) // those behind the last row
		}
		if b.Kinds != nil {
			p.Kinds = b.Kinds[lo:hi]
		}
	}
	if err := c.payload.encode(c.number, &p, c.options...); err != nil {
		return err
	}
	defer c.payload.release()
	if c.payload.body > maxBody || len(c.payload.head) > maxHead {
		return fmt.Errorf("%w: %d rows of %d bytes are too large to be sent", job.ErrInvalid, hi-lo, c.payload.size())
	}
	if err := c.credit(ctx, c.payload.size()); err != nil {
		return err
	}
	c.sent.Count(c.payload.size())
	return c.out.write(ctx, append([][]byte{c.payload.head}, c.payload.parts...)...)
}

// credit waits until so many bytes may be sent, and takes them.
func (c *Channel) credit(ctx context.Context, size int64) error {
	for {
		c.mu.Lock()
		limit := c.budget
		if c.lends {
			limit *= 2
		}
		ok := c.budget > 0 && (size == 0 || c.outstanding == 0 || c.outstanding+size <= limit)
		if ok {
			c.outstanding += size
		}
		err := c.err
		c.mu.Unlock()
		if err != nil || ok {
			return err
		}
		if c.wait != nil {
			c.wait.Begin(c.now())
		}
		select {
		case <-c.wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if c.wait != nil {
			c.wait.End(c.now())
		}
	}
}

// OnWait adds up the time for which the sender waits for credit.
func (c *Channel) OnWait(w *exchange.Wait, now func() time.Time) { c.wait, c.now = w, now }

// OnSend counts the batches, which may be pieces of larger ones, and their bytes
// on the wire.
func (c *Channel) OnSend(t *exchange.Traffic) { c.sent = t }

// Lend implements exchange.Lender.
func (c *Channel) Lend(wake chan<- struct{}) { c.lends, c.room = true, wake }

// Room implements exchange.Lender; before the receiving task exists there is.
func (c *Channel) Room() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err != nil || c.budget == 0 || c.outstanding < c.budget
}

func (c *Channel) granted(g credit) {
	c.mu.Lock()
	c.outstanding -= g.returned
	if g.budget > 0 {
		c.budget = g.budget
	}
	c.mu.Unlock()
	c.signal()
}

func (c *Channel) fail(err error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = err
	}
	c.mu.Unlock()
	c.signal()
}

func (c *Channel) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
	if c.room == nil {
		return
	}
	select {
	case c.room <- struct{}{}:
	default:
	}
}

// Close gives up the channel; its goroutine must have stopped sending.
func (c *Channel) Close() {
	if c.out == nil {
		return
	}
	ctx, cancel := context.WithTimeout(c.t.ctx, closing)
	defer cancel()
	_ = c.out.write(ctx, header{kind: kindClose, channel: c.number}.append(nil)) // a connection that is gone needs no word
	c.out.remove(c.number)
}

// closing is how long the last word of a channel may take, and closed is how
// long a write goes on when its task is canceled: a frame that is cut off would
// end the connection for every channel.
const closing = 5 * time.Second

// connect finds or makes the connection to an address.
func (t *Transport) connect(ctx context.Context, address string) (*outgoing, error) {
	t.mu.Lock()
	o := t.out[address]
	t.mu.Unlock()
	if o != nil && o.alive() {
		return o, nil
	}
	conn, err := peer.Dial(ctx, address, peer.Data, t.o.Identity)
	if err != nil {
		return nil, unreachable(address, err)
	}
	o = &outgoing{address: address, conn: conn, turn: make(chan struct{}, 1), channels: make(map[uint32]*Channel)}
	o.turn <- struct{}{}
	t.mu.Lock()
	defer t.mu.Unlock()
	if other := t.out[address]; other != nil && other.alive() { // another channel was faster
		_ = conn.Close()
		return other, nil
	}
	if t.ctx.Err() != nil {
		_ = conn.Close()
		return nil, errClosed
	}
	t.out[address] = o
	t.loops.Go(o.read)
	return o, nil
}

// unreachable notes which worker a connection leads to that has failed, unless one
// of both does not speak as it should.
func unreachable(address string, err error) error {
	if errors.Is(err, job.ErrInvalid) {
		return err
	}
	return &peer.Unreachable{Address: address, Err: err}
}

func (o *outgoing) alive() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err == nil
}

func (o *outgoing) add(c *Channel) (uint32, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	o.last++
	o.channels[o.last] = c
	return o.last, nil
}

func (o *outgoing) remove(number uint32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.channels, number)
}

// fail ends the connection and every channel on it.
func (o *outgoing) fail(err error) {
	_ = o.conn.Close() // err says more
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
	for _, c := range o.channels {
		c.fail(o.err)
	}
}

// write sends one frame, whose parts are given in order.
func (o *outgoing) write(ctx context.Context, parts ...[]byte) error {
	select {
	case <-o.turn:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { o.turn <- struct{}{} }()
	hurried := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = o.conn.SetWriteDeadline(time.Now().Add(closing)) //nolint:forbidigo // sockets know no other clock
		close(hurried)
	})
	buffers := net.Buffers(parts)
	_, err := buffers.WriteTo(o.conn)
	if !stop() {
		<-hurried
		if err == nil {
			err = o.conn.SetWriteDeadline(time.Time{})
		}
	}
	if err != nil {
		err = unreachable(o.address, unavailable(err))
		o.fail(err)
	}
	return err
}

// read takes what the receiver says until the connection ends.
func (o *outgoing) read() {
	r := bufio.NewReader(o.conn)
	scratch := make([]byte, headerSize)
	for {
		err := o.frame(r, scratch)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the worker has closed the connection")
			}
			o.fail(unreachable(o.address, gone(err)))
			return
		}
	}
}

func (o *outgoing) frame(r io.Reader, scratch []byte) error {
	h, err := readHeader(r, scratch)
	if err != nil {
		return err
	}
	if h.kind != kindCredit && h.kind != kindReset || h.kind == kindCredit && h.head != 16 || h.head > 1<<10 {
		return broken("a frame of kind %d with %d bytes from a receiver", h.kind, h.head)
	}
	head := make([]byte, h.head)
	if _, err := io.ReadFull(r, head); err != nil {
		return err
	}
	o.mu.Lock()
	c := o.channels[h.channel]
	o.mu.Unlock()
	switch {
	case c == nil: // it was closed meanwhile
	case h.kind == kindReset:
		c.fail(fmt.Errorf("%w: %s", job.ErrUnavailable, head))
	default:
		c.granted(credit{int64(binary.LittleEndian.Uint64(head)), int64(binary.LittleEndian.Uint64(head[8:]))})
	}
	return nil
}
