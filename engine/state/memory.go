package state

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/internal/mutant"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/mem"
)

// Options say whose state a Memory keeps.
type Options struct {
	Generation checkpoint.Generation
	Task       checkpoint.TaskID
	Groups     stream.KeyGroupRange
	KeyGroups  int // of the job
	// Durable is false when the job takes no checkpoints: then nothing is
	// logged, and Upload has nothing to do.
	Durable bool
	// Restored is the state that the task begins with.
	Restored []checkpoint.TableState
	// Store has the job's directory as its root. Restored runs are read from it.
	Store checkpoint.Store
	// Allocator is that of the rows; nil means Go's heap.
	Allocator memory.Allocator
	// Pool says whether memory is scarce, and then lends that of the logs; nil
	// means that it is not.
	Pool *mem.Pool
	// PieceRows is how many rows are worked on together where memory is scarce, or
	// much is restored; 0 means 131072.
	PieceRows int
	// PartRows is how many rows a row group of a run has, at about; 0 means 65536.
	PartRows int
	// MaxRuns is how many runs a table may have before some are merged; 0
	// means 8.
	MaxRuns int
	// Compression is the codec of runs; the zero value means zstd.
	Compression Compression
	Bugs        mutant.Set
}

const defaultMaxRuns = 8

// Memory is the backend whose tables are logs: operators hold the state
// itself, and write to the table what has changed. A log becomes a run at the
// end of its epoch.
//
//	Upsert, Delete        Freeze(42)            Upload
//	└► log of epoch 42 ──► unsaved[42] ────────► sort, last wins ─► run 42
//	                       unsaved[41], if its upload did not succeed ─┘
//
// Runs that were uploaded stay in the list although their epoch was aborted:
// what they hold has happened in this task. An abort therefore needs nothing
// but the next upload, and Confirm does nothing here.
//
// Where memory is scarce (Options.Pool), logs are in files and become several runs
// each, and restored runs are read side by side: see coldLog and sideScan. What is
// stored is the same, so that a job may do either at any checkpoint.
//
// The task's goroutine calls everything but Upload.
type Memory struct {
	o Options

	mu     sync.Mutex // guards what Upload shares with the task
	tables []*table
	// frozen counts the snapshots that may still be uploaded; the logs are
	// released when the last is, if the backend was closed before.
	frozen int
	closed bool
	// confirmed is used by bugs that are switched on.
	confirmed stream.Epoch
}

var _ Backend = (*Memory)(nil)

// NewMemory returns a backend that holds what o.Restored says.
func NewMemory(o Options) *Memory {
	if o.Allocator == nil {
		o.Allocator = memory.DefaultAllocator
	}
	if o.MaxRuns == 0 {
		o.MaxRuns = defaultMaxRuns
	}
	if o.PartRows == 0 {
		o.PartRows = partRows
	}
	if o.PieceRows == 0 {
		o.PieceRows = coldRows
	}
	m := &Memory{o: o}
	for _, r := range o.Restored {
		t := &table{m: m, uid: r.UID, name: r.Name, local: r.Local, dropped: r.DroppedBefore}
		t.runs = append(t.runs, r.Runs...)
		if !r.Local {
			for i := range t.runs {
				t.runs[i].Groups = t.runs[i].Groups.Intersect(o.Groups)
			}
		}
		t.restored = t.runs[:len(t.runs):len(t.runs)]
		m.tables = append(m.tables, t)
	}
	return m
}

// table is one table of one operator. A restored table that no operator has
// opened is carried from checkpoint to checkpoint as it is.
type table struct {
	m     *Memory
	uid   string
	name  string
	local bool
	spec  *ops.TableSpec // nil until it is opened

	log      []change
	cold     *coldLog // in place of log where memory is scarce
	dropped  stream.Timestamp
	restored []checkpoint.Run
	scanned  struct {
		rows  int
		bytes int64
	}

	// Guarded by m.mu: runs that are stored, oldest first, and logs that are
	// not, in epoch order.
	runs    []checkpoint.Run
	unsaved []sealed
}

// change is a call of Upsert or Delete.
type change struct {
	rows    arrow.RecordBatch
	deleted bool
}

// sealed is the log of one epoch.
type sealed struct {
	epoch stream.Epoch
	log   []change
	cold  *coldLog
}

func (s sealed) release() {
	for _, c := range s.log {
		c.rows.Release()
	}
	s.cold.release()
}

// Table opens a table. Opening one twice is a bug of the operator.
func (m *Memory) Table(uid string, spec ops.TableSpec) (ops.Table, error) {
	if err := checkSpec(spec); err != nil {
		return nil, fmt.Errorf("open table %s of %s: %w", spec.Name, uid, err)
	}
	spec.Schema = distinct(spec.Schema)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.tables {
		if t.uid != uid || t.name != spec.Name {
			continue
		}
		if t.spec != nil {
			panic(fmt.Sprintf("table %s of %s is opened twice", spec.Name, uid))
		}
		t.spec = &spec
		return t, nil
	}
	t := &table{m: m, uid: uid, name: spec.Name, local: spec.Partition == 0, spec: &spec, dropped: stream.Start}
	m.tables = append(m.tables, t)
	return t, nil
}

// Durable implements Backend.
func (m *Memory) Durable() bool { return m.o.Durable }

// distinct numbers the second and later columns of a name: a query may have
// several, and a run finds its columns by name.
func distinct(s *arrow.Schema) *arrow.Schema {
	seen := map[string]int{}
	fields := s.Fields()
	for i := range fields {
		name := fields[i].Name
		if seen[name]++; seen[name] > 1 {
			fields[i].Name = fmt.Sprintf("%s#%d", name, seen[name])
		}
	}
	return arrow.NewSchema(fields, nil)
}

func checkSpec(s ops.TableSpec) error {
	if s.Keys < 1 || s.Keys > s.Schema.NumFields() || s.Partition > s.Keys {
		return fmt.Errorf("%w: %d key columns, %d of them for the partition, of %d columns", job.ErrInvalid, s.Keys, s.Partition, s.Schema.NumFields())
	}
	if s.Expiry == "" {
		return nil
	}
	i := s.Schema.FieldIndices(s.Expiry)
	if len(i) != 1 || s.Schema.Field(i[0]).Type.ID() != arrow.INT64 {
		return fmt.Errorf("%w: the expiry %q is not one column of type int64", job.ErrInvalid, s.Expiry)
	}
	return nil
}

func (t *table) Upsert(rows arrow.RecordBatch) error {
	if int(rows.NumCols()) != t.spec.Schema.NumFields() {
		return fmt.Errorf("upsert into %s: %d columns instead of %d", t.name, rows.NumCols(), t.spec.Schema.NumFields())
	}
	return t.record(change{rows: rows})
}

func (t *table) Delete(keys arrow.RecordBatch) error {
	if int(keys.NumCols()) != t.spec.Keys {
		return fmt.Errorf("delete from %s: %d columns instead of %d", t.name, keys.NumCols(), t.spec.Keys)
	}
	return t.record(change{rows: keys, deleted: true})
}

func (t *table) record(c change) error {
	if !t.m.o.Durable || c.rows.NumRows() == 0 {
		return nil
	}
	if t.cold != nil || len(t.log) == 0 && t.scarce() {
		if t.cold == nil {
			t.cold = &coldLog{}
		}
		return t.cold.append(t, c)
	}
	c.rows.Retain()
	t.log = append(t.log, c)
	return nil
}

func (t *table) DropBefore(to stream.Timestamp) error {
	if t.spec.Expiry == "" {
		return fmt.Errorf("%w: table %s has no expiry", job.ErrInvalid, t.name)
	}
	t.dropped = max(t.dropped, to)
	return nil
}

// scanRows is how many rows Scan yields at once.
const scanRows = 16 << 10

func (t *table) Scan(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
	total := int64(0)
	for _, r := range t.restored {
		total += r.Rows
	}
	if t.paged() || total >= int64(t.m.o.PieceRows) {
		return t.sideScan(ctx)
	}
	return func(yield func(arrow.RecordBatch, error) bool) {
		if len(t.restored) == 0 {
			return
		}
		all, err := t.load(ctx, t.m.o.Store, t.restored, t.dropped)
		if err != nil {
			yield(nil, err)
			return
		}
		defer all.release()
		order := all.live(all.latest(t.m.o.Bugs))
		if len(order) > 0 {
			t.scanned.rows, t.scanned.bytes = len(order), vector.RecordBytes(all.rec)
		}
		t.yield(all, order, yield)
	}
}

// paged reports whether memory is scarce.
func (t *table) paged() bool { return t.m.o.Pool != nil && t.m.o.Pool.Paged() }

// yield gives rows in this order, and reports whether more is wanted.
func (t *table) yield(all *rows, order vector.Sel, yield func(arrow.RecordBatch, error) bool) bool {
	if len(order) == len(all.group) && len(order) <= scanRows && all.sorted {
		return len(order) == 0 || yield(all.rec, nil)
	}
	for len(order) > 0 {
		n := min(len(order), scanRows)
		rec := all.take(t.m.o.Allocator, order[:n])
		order = order[n:]
		more := yield(rec, nil)
		rec.Release()
		if !more {
			return false
		}
	}
	return true
}

// ScanSize implements ops.Sized.
func (t *table) ScanSize() (rows int, bytes int64) { return t.scanned.rows, t.scanned.bytes }

// Freeze hands the logs of the epoch over to the next Upload.
func (m *Memory) Freeze(e stream.Epoch) (Frozen, error) {
	f := &frozen{m: m, epoch: e}
	if !m.o.Durable {
		return f, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.frozen++
	for _, t := range m.tables {
		if m.o.Bugs.AbortDropsDeltas {
			t.forgetUnconfirmed(m.confirmed)
		}
		if len(t.log) > 0 || t.cold != nil {
			t.unsaved = append(t.unsaved, sealed{e, t.log, t.cold})
			t.log, t.cold = nil, nil
		}
		f.tables = append(f.tables, frozenTable{t, t.dropped})
	}
	return f, nil
}

// Confirm implements Backend.
func (m *Memory) Confirm(e stream.Epoch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.confirmed = max(m.confirmed, e)
}

// Close releases the logs, once nothing that was frozen is uploaded any more.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.release()
	return nil
}

// release lets the logs go when nobody can ask for them any more.
func (m *Memory) release() {
	if !m.closed || m.frozen > 0 {
		return
	}
	for _, t := range m.tables {
		for _, s := range append(t.unsaved, sealed{log: t.log, cold: t.cold}) {
			s.release()
		}
		t.unsaved, t.log, t.cold = nil, nil, nil
	}
}

// forgetUnconfirmed is a bug that tests switch on.
func (t *table) forgetUnconfirmed(confirmed stream.Epoch) {
	for len(t.runs) > 0 && t.runs[len(t.runs)-1].Newest > confirmed && t.runs[len(t.runs)-1].Oldest > confirmed {
		t.runs = t.runs[:len(t.runs)-1]
	}
}

// frozen is the state at the end of an epoch.
type frozen struct {
	m      *Memory
	epoch  stream.Epoch
	tables []frozenTable

	released bool
}

type frozenTable struct {
	*table
	dropped stream.Timestamp // as of the epoch
}

// Release implements Frozen: what was not uploaded goes with the next epoch.
func (f *frozen) Release() {
	if !f.m.o.Durable || f.released {
		return
	}
	f.tables, f.released = nil, true
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.m.frozen--
	f.m.release()
}

// Upload implements Frozen.
func (f *frozen) Upload(ctx context.Context, to checkpoint.Store) ([]checkpoint.TableState, error) {
	var states []checkpoint.TableState
	for _, t := range f.tables {
		s, err := t.upload(ctx, to, f.epoch)
		if err != nil {
			return nil, fmt.Errorf("store table %s of %s at epoch %d: %w", t.name, t.uid, f.epoch, err)
		}
		states = append(states, s)
	}
	return states, nil
}

// upload stores what is unsaved up to epoch e, and merges runs when there are
// too many.
func (t frozenTable) upload(ctx context.Context, to checkpoint.Store, e stream.Epoch) (checkpoint.TableState, error) {
	s := checkpoint.TableState{UID: t.uid, Name: t.name, Local: t.local, DroppedBefore: t.dropped}
	t.m.mu.Lock()
	n, runs := 0, t.runs
	for n < len(t.unsaved) && t.unsaved[n].epoch <= e {
		n++
	}
	unsaved := t.unsaved[:n]
	t.m.mu.Unlock()

	runs, err := t.next(ctx, to, t.unexpired(runs), unsaved, e)
	if err != nil {
		return s, err
	}
	t.m.mu.Lock()
	defer t.m.mu.Unlock()
	for _, u := range t.unsaved[:n] {
		u.release()
	}
	t.unsaved = t.unsaved[n:]
	t.runs = runs
	s.Runs = append(s.Runs, runs...)
	return s, nil
}

// unexpired leaves out the runs all of whose rows are dropped.
func (t frozenTable) unexpired(runs []checkpoint.Run) []checkpoint.Run {
	if t.spec == nil || t.spec.Expiry == "" {
		return runs
	}
	var live []checkpoint.Run
	for _, r := range runs {
		if r.Latest >= t.dropped {
			live = append(live, r)
		}
	}
	return live
}
