package nats

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wadi-engine/wadi/connect/beside"
	"github.com/wadi-engine/wadi/connect/messages"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

var _ ops.SplitReader = (*reader)(nil)

// How many rows and bytes travel together at the most, and how many messages wait.
const (
	batchRows  = 16 << 10
	batchBytes = 32 << 20
	ahead      = 4 << 10
)

// reader takes messages in the order of their numbers.
type reader struct {
	*source
	alloc memory.Allocator
	rows  *messages.Rows

	split ops.Split
	at    position
	conn  *nats.Conn
	queue *beside.Reading[message]
}

// message is one of the stream.
type message struct {
	number uint64
	data   []byte
	none   bool // there is none any more
}

// Reader implements ops.Source.
func (s *source) Reader(_ context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	rows, err := s.NewRows(s.schema, s.paths, rt.Counter("numRecordsInErrors"))
	return &reader{source: s, alloc: rt.Allocator(), rows: rows}, err
}

// Assign begins to read.
func (r *reader) Assign(splits []ops.Split) error {
	for _, s := range splits {
		if r.queue != nil {
			return fmt.Errorf("stream %s is assigned twice", s.ID)
		}
		if err := json.Unmarshal(s.Position, &r.at); err != nil {
			return fmt.Errorf("position in %s: %w", s.ID, err)
		}
		conn, js, err := r.connect()
		if err != nil {
			return err
		}
		at := r.at
		r.split, r.conn = s, conn
		r.queue = beside.Read(ahead, func(ctx context.Context, q *beside.Queue[message]) error {
			if err := r.read(ctx, js, q, at); err != nil {
				return fmt.Errorf("read stream %s: %w", r.stream, err)
			}
			return nil
		}, nil)
	}
	return nil
}

// read puts the messages from a number on into q.
func (r *reader) read(ctx context.Context, js jetstream.JetStream, q *beside.Queue[message], at position) error {
	c := jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: at.Next}
	if r.subject != "" {
		c.FilterSubjects = []string{r.subject}
	}
	consumer, err := js.OrderedConsumer(ctx, r.stream, c)
	if err != nil {
		return err
	}
	if at.End > 0 { // of what is filtered there may be none
		info, err := consumer.Info(ctx)
		if err != nil {
			return err
		}
		if info.NumPending == 0 {
			return q.Put(ctx, message{none: true})
		}
	}
	all, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer all.Stop()
	ended := context.AfterFunc(ctx, all.Stop)
	defer ended()
	for {
		m, err := all.Next()
		if err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		if err := q.Put(ctx, message{number: meta.Sequence.Stream, data: bytes.Clone(m.Data())}); err != nil {
			return err
		}
		if at.End > 0 && (meta.Sequence.Stream >= at.End || meta.NumPending == 0) {
			return q.Put(ctx, message{none: true})
		}
	}
}

// Fetch implements ops.SplitReader.
func (r *reader) Fetch(ctx context.Context) (f ops.Fetched, err error) {
	if r.queue == nil {
		return f, nil
	}
	from := r.at.Next
	for r.rows.Len() < batchRows && r.rows.Bytes() < batchBytes && !f.Done {
		m, ok, ready, err := r.queue.Next()
		if !ok {
			if r.at.Next > from {
				break
			}
			return ops.Fetched{Ready: ready}, err
		}
		if f.Done, err = r.take(ctx, m); err != nil {
			return ops.Fetched{}, err
		}
	}
	f.After = ops.Split{ID: r.split.ID}
	if f.After.Position, err = json.Marshal(r.at); err != nil {
		return f, err
	}
	f.Batch, f.Errors = r.rows.Take(r.alloc)
	if f.Done {
		r.end()
	}
	return f, nil
}

// take adds a message, and reports whether it is the last.
func (r *reader) take(ctx context.Context, m message) (last bool, err error) {
	if m.none {
		return true, nil
	}
	if m.number < r.at.Next || r.at.End > 0 && m.number > r.at.End {
		return false, nil
	}
	if err := r.gap(m); err != nil {
		return false, err
	}
	r.at.Next = m.number + 1
	return r.at.End > 0 && m.number >= r.at.End, r.rows.Append(ctx, m.data, r.stream, int64(m.number))
}

// gap reports messages that the stream forgot before they were read. Where a subject
// is asked for, numbers are missing anyway.
func (r *reader) gap(m message) error {
	if r.subject != "" || m.number == r.at.Next || r.at.Next <= 1 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	js, err := jetstream.New(r.conn)
	if err != nil {
		return err
	}
	stream, err := js.Stream(ctx, r.stream)
	if err != nil {
		return err
	}
	if info := stream.CachedInfo(); info.State.FirstSeq > r.at.Next {
		return fmt.Errorf("%w: stream %s: message %d is not there any more: the stream keeps messages for a shorter time than the job stood still; "+
			"start the job anew from where messages are", job.ErrInvalid, r.stream, r.at.Next)
	}
	return nil
}

func (r *reader) end() {
	if r.queue == nil {
		return
	}
	r.queue.End()
	r.conn.Close()
	r.queue = nil
}

// Close implements ops.SplitReader.
func (r *reader) Close() error {
	r.end()
	return nil
}
