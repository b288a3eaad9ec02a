package state

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// Read yields the rows of one table of a checkpoint, in the order (key group,
// key), for people: it needs nothing but the files. The store's root is the
// directory of the job. Each record is valid until the next. A table without
// runs has no rows, and no columns that anybody knows.
func Read(ctx context.Context, store checkpoint.Store, t checkpoint.TableState, alloc memory.Allocator) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		if len(t.Runs) == 0 {
			return
		}
		spec, err := specOf(ctx, store, t, alloc)
		if err != nil {
			yield(nil, err)
			return
		}
		groups := stream.KeyGroupRange{End: 1<<16 - 1}
		m := NewMemory(Options{Restored: []checkpoint.TableState{t}, Groups: groups, KeyGroups: 1<<16 - 1, Store: store, Allocator: alloc})
		table, err := m.Table(t.UID, spec)
		if err != nil {
			yield(nil, err)
			return
		}
		for rec, err := range table.Scan(ctx) {
			if !yield(rec, err) {
				return
			}
		}
	}
}

// Columns are the names of a table's columns behind its key, as its newest run has
// them; none when it has no runs.
func Columns(ctx context.Context, store checkpoint.Store, t checkpoint.TableState, alloc memory.Allocator) ([]string, error) {
	if len(t.Runs) == 0 {
		return nil, nil
	}
	spec, err := specOf(ctx, store, t, alloc)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range spec.Schema.Fields()[spec.Keys:] {
		names = append(names, f.Name)
	}
	return names, nil
}

// specOf finds in a table's newest run what its operator had declared.
func specOf(ctx context.Context, store checkpoint.Store, t checkpoint.TableState, alloc memory.Allocator) (ops.TableSpec, error) {
	run := t.Runs[len(t.Runs)-1]
	data, err := fetchRun(ctx, store, run)
	if err != nil {
		return ops.TableSpec{}, err
	}
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		return ops.TableSpec{}, fmt.Errorf("%w: run %s: %w", checkpoint.ErrCorrupt, run.File, err)
	}
	defer r.Close()
	text := r.MetaData().KeyValueMetadata().FindValue(runKeysKey)
	if text == nil {
		return ops.TableSpec{}, fmt.Errorf("%w: run %s does not say what its keys are", checkpoint.ErrCorrupt, run.File)
	}
	keys, err := strconv.Atoi(*text)
	if err != nil {
		return ops.TableSpec{}, fmt.Errorf("%w: run %s: keys %q", checkpoint.ErrCorrupt, run.File, *text)
	}
	rec, err := readParquet(ctx, alloc, data)
	if err != nil {
		return ops.TableSpec{}, fmt.Errorf("%w: run %s: %w", checkpoint.ErrCorrupt, run.File, err)
	}
	defer rec.Release()
	var fields []arrow.Field
	for _, f := range rec.Schema().Fields()[2:] {
		f.Type = vector.InternalType(f.Type)
		fields = append(fields, f)
	}
	spec := ops.TableSpec{Name: t.Name, Schema: arrow.NewSchema(fields, nil), Keys: keys, Partition: keys, Begins: true}
	if t.Local {
		spec.Partition = 0
	}
	return spec, nil
}
