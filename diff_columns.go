package wadi

import (
	"context"
	"iter"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/state"
	"github.com/wadi-engine/wadi/engine/statetable"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// edited compares the columns of state that the operator of a vertex declares with
// those that a checkpoint has for it.
func (p *Pipeline) edited(ctx context.Context, v job.Vertex, m statetable.Checkpoint) (begins, ends []string, err error) {
	if p.env.registry.Operators[v.Kind] == nil {
		return nil, nil, nil // sources and sinks have no tables
	}
	declared, err := p.declared(ctx, v)
	if err != nil {
		return nil, nil, err
	}
	var held []string
	for _, t := range m.Tables() {
		if t.UID != v.UID {
			continue
		}
		fields, keys, err := state.Fields(ctx, m.Store, t, memory.DefaultAllocator)
		if err != nil {
			return nil, nil, err
		}
		for _, f := range fields[keys:] {
			held = append(held, f.Name)
		}
	}
	if held == nil {
		return nil, nil, nil
	}
	return without(declared, held), without(held, declared), nil
}

// without are the strings of all that are not in others, each once.
func without(all, others []string) (left []string) {
	for _, s := range all {
		if !slices.Contains(others, s) && !slices.Contains(left, s) {
			left = append(left, s)
		}
	}
	return left
}

// declared are the columns behind the keys of the tables that an operator opens.
func (p *Pipeline) declared(ctx context.Context, v job.Vertex) ([]string, error) {
	op, err := p.env.registry.Operator(v, p.plan.Graph.InputSchemas(v.ID))
	if err != nil {
		return nil, err
	}
	rt := &asked{vertex: v}
	if err := op.Open(ctx, rt); err != nil {
		return nil, err
	}
	return rt.columns, op.Close()
}

// asked is a runtime without state that remembers for which tables it was asked.
type asked struct {
	vertex  job.Vertex
	columns []string
}

func (a *asked) Task() ops.TaskInfo {
	return ops.TaskInfo{Vertex: a.vertex.ID, UID: a.vertex.UID, Parallelism: 1, Groups: 1, KeyGroups: stream.RangeOf(1, 1, 0)}
}

func (a *asked) Table(spec ops.TableSpec) (ops.Table, error) {
	for _, f := range spec.Schema.Fields()[spec.Keys:] {
		a.columns = append(a.columns, f.Name)
	}
	return noRows{}, nil
}

func (a *asked) Durable() bool               { return false }
func (a *asked) Watermark() stream.Timestamp { return stream.Start }
func (a *asked) Allocator() memory.Allocator { return memory.DefaultAllocator }
func (a *asked) Counter(string) ops.Counter  { return uncounted{} }

type uncounted struct{}

func (uncounted) Add(int64) {}

// noRows is a table that is empty and stays so.
type noRows struct{}

func (noRows) Upsert(arrow.RecordBatch) error    { return nil }
func (noRows) Delete(arrow.RecordBatch) error    { return nil }
func (noRows) DropBefore(stream.Timestamp) error { return nil }
func (noRows) Scan(context.Context) iter.Seq2[arrow.RecordBatch, error] {
	return func(func(arrow.RecordBatch, error) bool) {}
}
