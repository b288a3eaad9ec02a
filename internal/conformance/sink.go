package conformance

import (
	"context"
	"fmt"
	"strconv"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/stream"
)

var (
	_ ops.Sink      = (*sink)(nil)
	_ ops.Committer = (*committer)(nil)
)

// sink gives rows to the world: staged, then published with their epoch.
type sink struct {
	world *world
	table string
}

func (s *sink) Writer(context.Context, ops.Runtime) (ops.SinkWriter, error) {
	return &writer{world: s.world}, nil
}

func (s *sink) Committer(_ context.Context, id ops.SinkID) (ops.Committer, error) {
	return &committer{world: s.world, table: s.table, id: id}, nil
}

type writer struct {
	world *world
	rows  []change
}

func (w *writer) Write(_ context.Context, b *stream.Batch) error {
	defer b.Release()
	rows, err := changesOf(b)
	w.rows = append(w.rows, rows...)
	return err
}

// changesOf are the rows of a batch as cells.
func changesOf(b *stream.Batch) ([]change, error) {
	out := make([]change, b.Len())
	for i := range out {
		out[i] = change{kind: b.Kind(i), row: make([]any, b.Rows.NumCols())}
	}
	for c, f := range b.Rows.Schema().Fields() {
		t, ok := datatype.FromField(f)
		if !ok {
			return nil, fmt.Errorf("column %s has type %s", f.Name, f.Type)
		}
		for i := range out {
			out[i].row[c] = cellOf(b.Rows.Column(c), i, t)
		}
	}
	return out, nil
}

// Prepare always returns a committable, so that every epoch is published: the
// number of a stage in the world.
func (w *writer) Prepare(context.Context, stream.Epoch, bool) ([]ops.Committable, error) {
	c := ops.Committable(strconv.Itoa(w.world.stage(w.rows)))
	w.rows = nil
	return []ops.Committable{c}, nil
}

func (w *writer) Close() error { return nil }

type committer struct {
	world *world
	table string
	id    ops.SinkID
}

func (c *committer) Published(context.Context) (stream.Epoch, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	return c.world.epochs[c.id], nil
}

func (c *committer) Commit(_ context.Context, pending []ops.Pending, _ bool) (stream.Epoch, error) {
	var last stream.Epoch
	for _, p := range pending {
		var rows []change
		for _, cm := range p.Committables {
			i, err := strconv.Atoi(string(cm))
			if err != nil {
				return last, fmt.Errorf("committable of the values sink: %w", err)
			}
			rows = append(rows, c.world.staged(i)...)
		}
		last = p.Epoch
		c.world.publish(c.table, c.id, p.Epoch, rows)
	}
	return last, nil
}

func (c *committer) Close() error { return nil }
