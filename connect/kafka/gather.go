package kafka

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
)

// gathering says how long rows of upsert-kafka wait for newer rows of their keys.
type gathering struct {
	rows     int
	interval time.Duration
}

// gatheringOf reads the options, of which both are needed, as in Flink.
func gatheringOf(o map[string]string) (g gathering, err error) {
	const rows, interval = "sink.buffer-flush.max-rows", "sink.buffer-flush.interval"
	if text := o[rows]; text != "" {
		if g.rows, err = strconv.Atoi(text); err != nil || g.rows < 0 {
			return g, fmt.Errorf("%w: option '%s' = '%s': want a number of rows", job.ErrInvalid, rows, text)
		}
	}
	if text := o[interval]; text != "" {
		if g.interval, err = units.ParseDuration(text); err != nil || g.interval < 0 {
			return g, fmt.Errorf("%w: option '%s' = '%s': want a time, such as 1 s", job.ErrInvalid, interval, text)
		}
	}
	if (g.rows > 0) != (g.interval > 0) {
		return g, fmt.Errorf("%w: '%s' and '%s' must both be more than 0, or neither", job.ErrInvalid, rows, interval)
	}
	return g, nil
}

// gathered is the newest record of each key that is not on its way yet.
type gathered struct {
	gathering
	w *writer

	mu      sync.Mutex
	records map[string]*kgo.Record
	order   []string // of the keys
	timer   *time.Timer
}

func newGathered(w *writer, g gathering) *gathered {
	return &gathered{gathering: g, w: w, records: map[string]*kgo.Record{}}
}

// add takes records in place of those that it has of their keys.
func (g *gathered) add(ctx context.Context, records []kgo.Record) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range records {
		key := string(records[i].Key)
		if g.records[key] == nil {
			g.order = append(g.order, key)
		}
		g.records[key] = &records[i]
		if len(g.order) >= g.rows {
			g.produce(ctx)
		}
	}
	if len(g.order) > 0 && g.timer == nil {
		g.timer = time.AfterFunc(g.interval, func() { g.flush(context.WithoutCancel(ctx)) })
	}
	return g.w.failure()
}

// flush sends all.
func (g *gathered) flush(ctx context.Context) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.produce(ctx)
}

func (g *gathered) produce(ctx context.Context) {
	for _, key := range g.order {
		g.w.client.Produce(ctx, g.records[key], g.w.done)
	}
	clear(g.records)
	g.order = g.order[:0]
	g.stop()
}

func (g *gathered) stop() {
	if g.timer != nil {
		g.timer.Stop()
		g.timer = nil
	}
}

// close forgets what was not sent.
func (g *gathered) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.records)
	g.order = nil
	g.stop()
}
