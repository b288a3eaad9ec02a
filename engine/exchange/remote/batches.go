package remote

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/exchange/frame"
	"github.com/wadi-engine/wadi/stream"
)

// decoder makes batches of the IPC messages of one channel.
type decoder struct {
	alloc  memory.Allocator
	reader *ipc.Reader
	next   *ipc.Message // what the reader is about to read
	held   *ipc.Message // what it reads
}

var _ ipc.MessageReader = (*decoder)(nil)

// Message implements ipc.MessageReader.
func (d *decoder) Message() (*ipc.Message, error) {
	if d.next == nil {
		return nil, io.EOF
	}
	d.drop()
	d.held, d.next = d.next, nil
	return d.held, nil
}

func (d *decoder) drop() {
	if d.held != nil {
		d.held.Release()
		d.held = nil
	}
}

// Retain implements ipc.MessageReader.
func (d *decoder) Retain() {}

// Release implements ipc.MessageReader.
func (d *decoder) Release() {
	d.drop()
	if d.next != nil {
		d.next.Release()
		d.next = nil
	}
}

// offer makes a message the next one; its metadata may come from anybody.
func (d *decoder) offer(meta []byte, body *memory.Buffer) (err error) {
	defer func() {
		if recover() != nil {
			err = broken("metadata that is no IPC message")
		}
	}()
	m := memory.NewBufferBytes(append([]byte(nil), meta...))
	defer m.Release()
	d.next = ipc.NewMessage(m, body)
	return nil
}

// schema takes the schema of the batches that follow.
func (d *decoder) schema(meta []byte) error {
	d.close()
	body := memory.NewBufferBytes(nil)
	defer body.Release()
	if err := d.offer(meta, body); err != nil {
		return err
	}
	r, err := ipc.NewReaderFromMessageReader(d, ipc.WithAllocator(d.alloc))
	if err != nil {
		return broken("schema: %v", err)
	}
	d.reader = r
	return nil
}

// batch makes a batch of its frame.
func (d *decoder) batch(head []byte, body *memory.Buffer) (*stream.Batch, error) {
	if d.reader == nil {
		return nil, broken("a batch before its schema")
	}
	b := &stream.Batch{}
	meta, err := frame.CutBatch(b, head)
	if err != nil {
		return nil, broken("%v", err)
	}
	if err := d.offer(meta, body); err != nil {
		return nil, err
	}
	rec, err := d.reader.Read()
	if err != nil {
		return nil, broken("batch: %v", err)
	}
	d.drop()
	if b.Kinds != nil && int64(len(b.Kinds)) != rec.NumRows() {
		return nil, broken("%d row kinds for %d rows", len(b.Kinds), rec.NumRows())
	}
	rec.Retain() // the reader's own reference goes with its next batch
	b.Rows = rec
	return b, nil
}

func (d *decoder) close() {
	if d.reader != nil {
		d.reader.Release()
		d.reader = nil
	}
}

// schemaBytes is the metadata of a schema.
func schemaBytes(s *arrow.Schema, alloc memory.Allocator) []byte {
	p := ipc.GetSchemaPayload(s, alloc)
	defer p.Release()
	meta := p.Meta()
	defer meta.Release()
	return append([]byte(nil), meta.Bytes()...)
}

// payload is a batch as it goes to the socket: head, and parts of its buffers.
type payload struct {
	ipc   ipc.Payload
	head  []byte // header and head of the frame
	parts [][]byte
	body  int
}

// Write collects the parts of the body without copying them.
func (p *payload) Write(b []byte) (int, error) {
	p.parts = append(p.parts, b)
	p.body += len(b)
	return len(b), nil
}

// encode fills p with b; release must be called when it is sent.
func (p *payload) encode(channel uint32, b *stream.Batch, options ...ipc.Option) error {
	var err error
	if p.ipc, err = ipc.GetRecordBatchPayload(b.Rows, options...); err != nil {
		return fmt.Errorf("encode a batch: %w", err)
	}
	p.head = frame.Append(append(p.head[:0], make([]byte, headerSize)...), b)
	meta := p.ipc.Meta()
	p.head = append(p.head, meta.Bytes()...)
	meta.Release()
	p.parts, p.body = p.parts[:0], 0
	if err := p.ipc.SerializeBody(p); err != nil {
		p.ipc.Release()
		return fmt.Errorf("encode a batch: %w", err)
	}
	h := header{kind: frame.Batch, channel: channel, head: len(p.head) - headerSize, body: p.body}
	h.append(p.head[:0])
	return nil
}

func (p *payload) size() int64 { return int64(len(p.head) + p.body) }

func (p *payload) release() {
	p.ipc.Release()
	clear(p.parts)
}
