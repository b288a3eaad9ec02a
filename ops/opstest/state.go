package opstest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// snapshot is the state of one task at the end of an epoch, by table.
type snapshot map[string]*tableState

// tableState is what ops.Table promises and no more: rows by key. Rows are
// kept as bytes of Arrow IPC, so that nothing of the operator's memory lives
// on in them.
type tableState struct {
	spec ops.TableSpec
	rows map[string]stored
}

type stored struct {
	group  stream.KeyGroup // -1 as a uint16 for tables that are not partitioned
	expiry int64
	file   []byte // a stream of Arrow IPC that holds the row, at index
	index  int
}

// groups is the number of key groups in tests: small and odd, so that tasks
// hold different numbers of them.
const groups = 13

func newTableState(spec ops.TableSpec) *tableState {
	return &tableState{spec: spec, rows: map[string]stored{}}
}

func (s snapshot) clone() snapshot {
	c := snapshot{}
	for name, t := range s {
		c[name] = &tableState{spec: t.spec, rows: maps.Clone(t.rows)}
	}
	return c
}

// restore builds the state of a task that holds the key groups in r from the
// snapshots of all tasks of the epoch before. Unpartitioned rows stay with
// their task when the parallelism stays, and go to task 0 when it changes.
func restore(old []snapshot, r stream.KeyGroupRange, index, parallelism int) snapshot {
	s := snapshot{}
	for i, from := range old {
		for name, t := range from {
			if s[name] == nil {
				s[name] = newTableState(t.spec)
			}
			for key, row := range t.rows {
				mine := r.Contains(row.group)
				if t.spec.Partition == 0 {
					mine = i == index && len(old) == parallelism || index == 0 && len(old) != parallelism
				}
				if !mine {
					continue
				}
				if t.spec.Partition == 0 && i > 0 {
					key = fmt.Sprintf("%s\x00%d", key, i) // keys of other tasks may be equal
				}
				s[name].rows[key] = row
			}
		}
	}
	return s
}

// table is an open table of a task.
type table struct {
	state *tableState
	alloc memory.Allocator
	dead  *bool // set when the task crashed or closed

	discard *bool
}

func (t *table) check(rec arrow.RecordBatch, cols []arrow.Field) error {
	if *t.dead {
		return errors.New("opstest: table used after its task ended")
	}
	if int(rec.NumCols()) != len(cols) {
		return fmt.Errorf("table %s: %d columns, want %d", t.state.spec.Name, rec.NumCols(), len(cols))
	}
	for i, f := range cols {
		if !arrow.TypeEqual(rec.Column(i).DataType(), f.Type) {
			return fmt.Errorf("table %s: column %s is %v, want %v", t.state.spec.Name, f.Name, rec.Column(i).DataType(), f.Type)
		}
	}
	return nil
}

func (t *table) Upsert(rec arrow.RecordBatch) error {
	spec := t.state.spec
	if err := t.check(rec, spec.Schema.Fields()); err != nil {
		return err
	}
	if *t.discard {
		return nil
	}
	var buf bytes.Buffer
	w := ipc.NewWriter(&buf, ipc.WithSchema(rec.Schema()))
	if err := errors.Join(w.Write(rec), w.Close()); err != nil {
		return err
	}
	for i := range int(rec.NumRows()) {
		row := stored{group: GroupOf(rec.Columns()[:spec.Partition], i), file: buf.Bytes(), index: i}
		if spec.Expiry != "" {
			c := rec.Column(spec.Schema.FieldIndices(spec.Expiry)[0]).(*array.Int64)
			if c.IsNull(i) {
				return fmt.Errorf("table %s: null expiry", spec.Name)
			}
			row.expiry = c.Value(i)
		}
		t.state.rows[keyText(rec.Columns()[:spec.Keys], i)] = row
	}
	return nil
}

func (t *table) Delete(keys arrow.RecordBatch) error {
	if err := t.check(keys, t.state.spec.Schema.Fields()[:t.state.spec.Keys]); err != nil {
		return err
	}
	for i := range int(keys.NumRows()) {
		delete(t.state.rows, keyText(keys.Columns(), i))
	}
	return nil
}

func (t *table) DropBefore(at stream.Timestamp) error {
	if t.state.spec.Expiry == "" {
		return fmt.Errorf("table %s has no expiry", t.state.spec.Name)
	}
	maps.DeleteFunc(t.state.rows, func(_ string, r stored) bool { return r.expiry < int64(at) })
	return nil
}

// Scan yields one row at a time, as slices with offsets.
func (t *table) Scan(context.Context) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		keys := slices.SortedFunc(maps.Keys(t.state.rows), func(a, b string) int {
			return cmp.Or(cmp.Compare(t.state.rows[a].group, t.state.rows[b].group), cmp.Compare(a, b))
		})
		for _, k := range keys {
			if !t.yield(t.state.rows[k], yield) {
				return
			}
		}
	}
}

func (t *table) yield(row stored, yield func(arrow.RecordBatch, error) bool) bool {
	r, err := ipc.NewReader(bytes.NewReader(row.file), ipc.WithAllocator(t.alloc))
	if err != nil {
		return yield(nil, err)
	}
	defer r.Release()
	if !r.Next() {
		return yield(nil, r.Err())
	}
	one := r.RecordBatch().NewSlice(int64(row.index), int64(row.index+1))
	defer one.Release()
	return yield(one, nil)
}

// GroupOf is the key group of row i by the columns of its key. Tests route
// their input and their state by it.
func GroupOf(cols []arrow.Array, i int) stream.KeyGroup {
	h := fnv.New32a()
	_, _ = h.Write([]byte(keyText(cols, i)))
	return stream.KeyGroup(h.Sum32() % groups)
}

func keyText(cols []arrow.Array, i int) string {
	var sb strings.Builder
	for _, c := range cols {
		v := value(c, i)
		sb.WriteString(strconv.Itoa(len(v)) + ":" + v)
	}
	return sb.String()
}
