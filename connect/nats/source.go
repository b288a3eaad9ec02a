package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wadi-engine/wadi/internal/deal"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

var _ ops.Updating = (*source)(nil)

// source is a scan of a stream.
type source struct {
	*config
	schema *arrow.Schema
	paths  [][]string
}

// position is the number of the message to read next, and of the last one.
type position struct {
	Next uint64 `json:"next"`
	End  uint64 `json:"end,omitempty"` // 0: there is no end
}

func openSource(_ context.Context, scan ops.Scan) (ops.Source, error) {
	c, err := parse(scan.Table)
	if err != nil {
		return nil, err
	}
	if c.stream == "" {
		return nil, fmt.Errorf("%w: table %s: option 'stream' is missing: the stream that is read", job.ErrInvalid, scan.Table.Ident)
	}
	s := &source{config: c}
	if s.schema, s.paths, err = scan.Flat(); err != nil {
		return nil, err
	}
	_, err = s.NewRows(s.schema, s.paths, nil)
	return s, err
}

func (s *source) Schema() *arrow.Schema { return s.schema }
func (s *source) Bounded() bool         { return s.bounded }

// Updating implements ops.Updating.
func (s *source) Updating() bool { return s.Format.Changes }

// Enumerator implements ops.Source.
func (s *source) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	return deal.NewList(func(ctx context.Context) ([]ops.Split, error) {
		at, err := s.begin(ctx)
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", s.Ident, err)
		}
		if s.bounded && at.End < at.Next {
			return nil, nil
		}
		p, err := json.Marshal(at)
		return []ops.Split{{ID: s.stream, Position: p}}, err
	}, state)
}

// begin says where to begin, and where to end.
func (s *source) begin(ctx context.Context) (at position, err error) {
	conn, js, err := s.connect()
	if err != nil {
		return at, err
	}
	defer conn.Close()
	stream, err := js.Stream(ctx, s.stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return at, fmt.Errorf("%w: there is no stream %s: create it, or mend the option 'stream'", job.ErrInvalid, s.stream)
	}
	if err != nil {
		return at, err
	}
	info, err := stream.Info(ctx)
	if err != nil {
		return at, err
	}
	at.Next = max(info.State.FirstSeq, 1)
	switch s.startup {
	case latest:
		at.Next = info.State.LastSeq + 1
	case atSequence:
		at.Next = max(at.Next, uint64(s.number))
	case atTimestamp:
		if at.Next, err = s.since(ctx, stream, info.State.LastSeq+1); err != nil {
			return at, err
		}
	case earliest:
	}
	if s.bounded {
		at.End = info.State.LastSeq
	}
	return at, nil
}

// since is the number of the first message that is not older than the option says.
func (s *source) since(ctx context.Context, stream jetstream.Stream, otherwise uint64) (uint64, error) {
	at := time.UnixMilli(s.number)
	c, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &at})
	if err != nil {
		return 0, err
	}
	m, err := c.Next(jetstream.FetchMaxWait(time.Second))
	if err != nil { // there is none
		return otherwise, nil
	}
	meta, err := m.Metadata()
	if err != nil {
		return 0, err
	}
	if meta.Timestamp.Before(at) { // a time that has not come is answered with all
		return otherwise, nil
	}
	return meta.Sequence.Stream, nil
}
