package coordinator

import (
	"context"
	"log/slog"
	"time"

	"github.com/wadi-engine/wadi/engine/stage"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// An epoch of a brief gear ends when its source tasks have read what was there when
// it began, if the source knows: otherwise tasks of a source that does not end would
// wait for rows, and be paid for it, until the epoch is as long as it may be.

// measuring is posted by the stages of an epoch: up to where are these splits read?
type measuring struct {
	vertex job.VertexID
	splits map[int][]ops.Split // by task
	until  map[int][]ops.Split
	told   chan struct{}
}

// untilPatience is how long stages wait for the answer.
const untilPatience = time.Minute

// limited is a stage whose source tasks read what there is now.
func (d *staging) limited(s stage.Spec) stage.Spec {
	if d.lone != nil || len(s.Splits) == 0 || s.NoMore {
		return s
	}
	m := &measuring{vertex: s.Tasks[0].Task.Vertex, splits: s.Splits, told: make(chan struct{})}
	d.host.Post(m)
	if d.host.Await(d.ctx, m.told, untilPatience) {
		s.Until = m.until
	}
	return s
}

// measureFor answers stages, behind what is being done with the source.
func (d *driver) measureFor(m *measuring) {
	for i, p := range d.state.plan.sources {
		if p.vertex != m.vertex {
			continue
		}
		s := d.sources[i]
		d.enqueue(s, func() any {
			defer close(m.told)
			e, ok := s.enum.(ops.Measuring)
			if !ok {
				return nil
			}
			until, waiting, err := untilNow(d.io, e, m.splits)
			if err != nil {
				d.Log.Info("an epoch may be longer than it need be", slog.String("source", s.uid), slog.Any("error", err))
				return nil
			}
			m.until = until
			return func() any { // in the loop
				d.waiting += waiting
				return nil
			}
		})
		return
	}
	close(m.told)
}

// untilNow is up to where the splits of tasks are read that read what there is now,
// and how many rows that are.
func untilNow(ctx context.Context, m ops.Measuring, splits map[int][]ops.Split) (until map[int][]ops.Split, rows int64, err error) {
	until = make(map[int][]ops.Split, len(splits))
	for task, of := range splits {
		to, n, err := m.Measure(ctx, of)
		if err != nil {
			return nil, 0, err
		}
		until[task], rows = to, rows+n
	}
	return until, rows, nil
}
