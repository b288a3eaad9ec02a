package http

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/connect/beside"
	"github.com/wadi-engine/wadi/connect/messages"
	"github.com/wadi-engine/wadi/ops"
)

var _ ops.SplitReader = (*reader)(nil)

// batchRows is how many rows travel together at the most.
const batchRows = 16 << 10

// reader listens, and takes the requests in the order in which they come.
type reader struct {
	*source
	alloc    memory.Allocator
	answered bool // at once
	rows     *messages.Rows

	split   ops.Split
	at      position
	server  *http.Server
	queue   *beside.Queue[*request]
	closing chan struct{}
	serving sync.WaitGroup
}

// request is a body that waits for being read.
type request struct {
	body    []byte
	verdict chan verdict // has room for one
}

// verdict is what becomes of a request: it was refused, or is number n.
type verdict struct {
	refused error
	n       uint64
}

// Reader implements ops.Source.
func (s *source) Reader(_ context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	rows, err := s.NewRows(s.schema, s.paths, rt.Counter("numRecordsInErrors"))
	return &reader{source: s, alloc: rt.Allocator(), answered: s.received || !rt.Durable(), rows: rows}, err
}

// Assign begins to listen.
func (r *reader) Assign(splits []ops.Split) error {
	for _, s := range splits {
		if r.server != nil {
			return fmt.Errorf("address %s is assigned twice", s.ID)
		}
		if err := json.Unmarshal(s.Position, &r.at); err != nil {
			return fmt.Errorf("position in %s: %w", s.ID, err)
		}
		r.split = s
		r.durable.Set(r.listen, r.at.Requests)
		l, err := net.Listen("tcp", r.listen)
		if err != nil {
			return fmt.Errorf("listen for table %s: %w", r.Ident, err)
		}
		r.queue, r.closing = beside.New[*request](r.waiting), make(chan struct{})
		r.server = &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
		r.serving.Go(func() {
			serve := func() error { return r.server.Serve(l) }
			if r.cert != "" {
				serve = func() error { return r.server.ServeTLS(l, r.cert, r.key) }
			}
			if err := serve(); !errors.Is(err, http.ErrServerClosed) {
				r.queue.Fail(fmt.Errorf("listen for table %s: %w", r.Ident, err))
			}
		})
	}
	return nil
}

// Fetch implements ops.SplitReader.
func (r *reader) Fetch(ctx context.Context) (ops.Fetched, error) {
	if r.server == nil {
		return ops.Fetched{}, nil
	}
	var taken []*request
	first := r.at.Requests
	for r.rows.Len() < batchRows {
		q, ok, ready, err := r.queue.Next()
		if err != nil && len(taken) == 0 {
			return ops.Fetched{}, err
		}
		if !ok {
			if len(taken) == 0 {
				return ops.Fetched{Ready: ready}, nil
			}
			break
		}
		rows, letters := r.rows.Mark()
		if err := r.read(ctx, q.body); err != nil {
			r.rows.Back(rows, letters)
			q.verdict <- verdict{refused: err}
			continue
		}
		r.at.Requests++
		taken = append(taken, q)
	}
	f := ops.Fetched{After: ops.Split{ID: r.split.ID}}
	var err error
	if f.After.Position, err = json.Marshal(r.at); err != nil {
		return f, err
	}
	f.Batch, f.Errors = r.rows.Take(r.alloc)
	for i, q := range taken {
		q.verdict <- verdict{n: first + uint64(i) + 1}
	}
	return f, nil
}

// read adds the messages of a body.
func (r *reader) read(ctx context.Context, body []byte) error {
	n := int64(0)
	return each(r.Format.Name, body, func(message []byte) error {
		n++
		return r.rows.Append(ctx, message, fmt.Sprintf("%s request %d", r.listen, r.at.Requests+1), n)
	})
}

// Close ends the server. Requests that are not answered yet are to be sent again.
func (r *reader) Close() error {
	if r.server == nil {
		return nil
	}
	close(r.closing)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := r.server.Shutdown(ctx)
	if err != nil {
		err = r.server.Close()
	}
	r.serving.Wait()
	r.server = nil
	return err
}
