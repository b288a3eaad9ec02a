package state

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// Read yields the rows of one table of a checkpoint, in the order (key group,
// key), for people: it needs nothing but the files. Of the columns behind the key
// only those with a name in columns are read and given, or all when it is nil. The
// store's root is the directory of the job. Each record is valid until the next. A
// table without runs has no rows, and no columns that anybody knows.
func Read(ctx context.Context, store checkpoint.Store, t checkpoint.TableState, columns []string, alloc memory.Allocator) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		if len(t.Runs) == 0 {
			return
		}
		spec, err := specOf(ctx, store, t, alloc)
		if err != nil {
			yield(nil, err)
			return
		}
		if columns != nil {
			fields := spec.Schema.Fields()
			behind := slices.DeleteFunc(slices.Clone(fields[spec.Keys:]), func(f arrow.Field) bool { return !slices.Contains(columns, f.Name) })
			spec.Schema = arrow.NewSchema(append(fields[:spec.Keys:spec.Keys], behind...), nil)
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

// Fields are the columns of a table, as its newest run has them, the key first:
// keys is how many belong to it. A column that is not of the key may be NULL.
// There are none when the table has no runs.
func Fields(ctx context.Context, store checkpoint.Store, t checkpoint.TableState, alloc memory.Allocator) (fields []arrow.Field, keys int, err error) {
	if len(t.Runs) == 0 {
		return nil, 0, nil
	}
	spec, err := specOf(ctx, store, t, alloc)
	if err != nil {
		return nil, 0, err
	}
	fields = spec.Schema.Fields()
	for i := range fields {
		fields[i].Nullable = true
	}
	return fields, spec.Keys, nil
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
	defer func() { _ = r.Close() }() // of bytes in memory
	if err := checkVersion(r); err != nil {
		return ops.TableSpec{}, fmt.Errorf("%w: run %s: %w", checkpoint.ErrCorrupt, run.File, err)
	}
	text := r.MetaData().KeyValueMetadata().FindValue(runKeysKey)
	if text == nil {
		return ops.TableSpec{}, fmt.Errorf("%w: run %s does not say what its keys are", checkpoint.ErrCorrupt, run.File)
	}
	keys, err := strconv.Atoi(*text)
	if err != nil {
		return ops.TableSpec{}, fmt.Errorf("%w: run %s: keys %q", checkpoint.ErrCorrupt, run.File, *text)
	}
	pr, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, alloc)
	if err != nil {
		return ops.TableSpec{}, fmt.Errorf("%w: run %s: %w", checkpoint.ErrCorrupt, run.File, err)
	}
	schema, err := pr.Schema()
	if err != nil || schema.NumFields() < 2+keys {
		return ops.TableSpec{}, fmt.Errorf("%w: run %s has no columns of a table", checkpoint.ErrCorrupt, run.File)
	}
	var fields []arrow.Field
	for _, f := range schema.Fields()[2:] {
		f.Type = vector.InternalType(f.Type)
		fields = append(fields, f)
	}
	spec := ops.TableSpec{Name: t.Name, Schema: arrow.NewSchema(fields, nil), Keys: keys, Partition: keys, Begins: true}
	if t.Local {
		spec.Partition = 0
	}
	return spec, nil
}
