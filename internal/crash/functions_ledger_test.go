package crash

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"

	control "github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// ledger is a sink that does not forgive: it keeps what is published of each epoch,
// and notices when that is not what was published of it before. Other sinks take
// one of two that publish an epoch, and nobody sees which.
type ledger struct {
	mu     sync.Mutex
	epochs map[stream.Epoch]string
	bad    []string
}

// connector is the sink as one process has it.
func (l *ledger) connector(f *fate) *ops.Connector {
	return &ops.Connector{Name: "ledger", Sink: func(context.Context, control.Table) (ops.Sink, error) { return page{l, f}, nil }}
}

type page struct {
	*ledger
	fate *fate
}

func (p page) Writer(context.Context, ops.Runtime) (ops.SinkWriter, error) { return &pageWriter{}, nil }
func (p page) Committer(context.Context, ops.SinkID) (ops.Committer, error) {
	return p, nil
}

type pageWriter struct{ rows int }

func (w *pageWriter) Write(_ context.Context, b *stream.Batch) error {
	w.rows += b.Len()
	b.Release()
	return nil
}

// Prepare gives a receipt that no other writer gives.
func (w *pageWriter) Prepare(context.Context, stream.Epoch, bool) ([]ops.Committable, error) {
	if w.rows == 0 {
		return nil, nil
	}
	return []ops.Committable{ops.Committable(fmt.Sprintf("%q", fmt.Sprint(w.rows, rand.Text())))}, nil
}
func (w *pageWriter) Close() error { return nil }

func (p page) Published(context.Context) (stream.Epoch, error) { return 0, nil }
func (p page) Commit(_ context.Context, all []ops.Pending, _ bool) (last stream.Epoch, err error) {
	err = p.fate.request(func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, e := range all {
			var receipts []string
			for _, c := range e.Committables {
				receipts = append(receipts, string(c))
			}
			slices.Sort(receipts)
			text := strings.Join(receipts, " ")
			if before, there := p.epochs[e.Epoch]; there && before != text {
				p.bad = append(p.bad, fmt.Sprintf("epoch %d is published as %s and as %s", e.Epoch, before, text))
			}
			p.epochs[e.Epoch] = text
			last = e.Epoch
		}
		return nil
	})
	return last, err
}
func (p page) Close() error { return nil }
