package state_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/state"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/mem"
)

const keyGroups = 8

var spec = ops.TableSpec{
	Name: "t", Keys: 2, Partition: 2, Expiry: "until",
	Schema: arrow.NewSchema([]arrow.Field{
		{Name: "k", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "s", Type: arrow.BinaryTypes.StringView, Nullable: true},
		{Name: "until", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "v", Type: arrow.BinaryTypes.BinaryView, Nullable: true},
	}, nil),
}

// row is a row of the table; 0 and "" stand for null.
type row struct {
	k     int64
	s     string
	until int64
	v     string
}

func (r row) key() row { return row{k: r.k, s: r.s} }

func record(alloc memory.Allocator, rows []row, keysOnly bool) arrow.RecordBatch {
	b := array.NewRecordBuilder(alloc, spec.Schema)
	defer b.Release()
	for _, r := range rows {
		if r.k == 0 {
			b.Field(0).AppendNull()
		} else {
			b.Field(0).(*array.Int64Builder).Append(r.k)
		}
		if r.s == "" {
			b.Field(1).AppendNull()
		} else {
			b.Field(1).(*array.StringViewBuilder).Append(r.s)
		}
		b.Field(2).(*array.Int64Builder).Append(r.until)
		b.Field(3).(*array.BinaryViewBuilder).Append([]byte(r.v))
	}
	rec := b.NewRecordBatch()
	if !keysOnly {
		return rec
	}
	defer rec.Release()
	return array.NewRecordBatch(arrow.NewSchema(spec.Schema.Fields()[:2], nil), rec.Columns()[:2], rec.NumRows())
}

func groupOf(rec arrow.RecordBatch) []uint16 {
	return vector.KeyGroups(nil, vector.KeyHash(nil, rec.Columns()[:2]), keyGroups)
}

// store is an object store that can be told to refuse writes.
type store struct {
	files   map[string][]byte
	refuses bool
}

func (s *store) Get(_ context.Context, name string) ([]byte, error) {
	if data, ok := s.files[name]; ok {
		return data, nil
	}
	return nil, fmt.Errorf("get %s: %w", name, fs.ErrNotExist)
}

func (s *store) GetRange(ctx context.Context, name string, at, n int64) ([]byte, error) {
	data, err := s.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	return data[at : at+n], nil
}

func (s *store) Put(_ context.Context, name string, data []byte) error {
	if s.refuses {
		return job.ErrUnavailable
	}
	s.files[name] = bytes.Clone(data)
	return nil
}
func (s *store) PutIfAbsent(context.Context, string, []byte) (bool, error) { panic("unused") }
func (s *store) List(context.Context, string) ([]string, error)            { panic("unused") }
func (s *store) Delete(context.Context, string) error                      { panic("unused") }

// machine drives the tasks of one vertex against a map.
type machine struct {
	t           *rapid.T
	alloc       *memory.CheckedAllocator
	store       *store
	generation  checkpoint.Generation
	parallelism int
	epoch       stream.Epoch
	scarce      *mem.Pool // of tasks whose logs are not in memory
	backends    []*state.Memory
	tables      []ops.Table

	model   map[row]row
	highest map[row]int64 // expiry that a key ever had, which does not go back, also when it is deleted
	dropped stream.Timestamp
	saved   []saved // the checkpoints, oldest first
}

type saved struct {
	manifest *checkpoint.Manifest
	model    map[row]row
	dropped  stream.Timestamp
}

func graph(parallelism int) *job.Graph {
	return &job.Graph{KeyGroups: keyGroups, Vertices: []job.Vertex{{UID: "op", Kind: "agg", Parallelism: parallelism}}}
}

// start restores the newest checkpoint, or the one before it, with a parallelism
// of its own.
func (m *machine) start() {
	m.stop()
	m.generation++
	m.parallelism = rapid.IntRange(1, 4).Draw(m.t, "parallelism")
	var from *checkpoint.Manifest
	m.model, m.dropped = map[row]row{}, stream.Start
	if len(m.saved) > 0 {
		if len(m.saved) > 1 && rapid.Bool().Draw(m.t, "older") {
			m.saved = m.saved[:len(m.saved)-1]
		}
		s := m.saved[len(m.saved)-1]
		from, m.model, m.dropped = s.manifest, maps.Clone(s.model), s.dropped
	}
	l, err := checkpoint.Redistribute(from, graph(m.parallelism), checkpoint.RedistributeOptions{})
	if err != nil {
		m.t.Fatal(err)
	}
	var pool *mem.Pool // a job may change its backend at any checkpoint
	if rapid.Bool().Draw(m.t, "scarce") {
		pool = m.scarce
	}
	for _, a := range l.Tasks {
		b := state.NewMemory(state.Options{
			Pool: pool, PieceRows: rapid.IntRange(1, 20).Draw(m.t, "pieceRows"), PartRows: rapid.IntRange(1, 20).Draw(m.t, "partRows"),
			Generation: m.generation, Task: a.Task, Groups: a.Groups, KeyGroups: keyGroups, Durable: true, Restored: a.Tables,
			Store: m.store, Allocator: m.alloc, MaxRuns: rapid.IntRange(1, 4).Draw(m.t, "maxRuns"), Compression: state.Uncompressed,
		})
		table, err := b.Table("op", spec)
		if err != nil {
			m.t.Fatal(err)
		}
		m.backends, m.tables = append(m.backends, b), append(m.tables, table)
	}
	m.check()
}

func (m *machine) stop() {
	for _, b := range m.backends {
		if err := b.Close(); err != nil {
			m.t.Fatal(err)
		}
	}
	m.backends, m.tables = nil, nil
}

// check compares what the tasks restored with the model.
func (m *machine) check() {
	got := map[row]row{}
	for i, table := range m.tables {
		groups := stream.RangeOf(keyGroups, m.parallelism, i)
		last := []byte(nil)
		n, told := 0, 0
		for rec, err := range table.Scan(context.Background()) {
			if err != nil {
				m.t.Fatal(err)
			}
			rows, _ := table.(ops.Sized).ScanSize()
			n, told = n+int(rec.NumRows()), rows
			for j, g := range groupOf(rec) {
				if !groups.Contains(stream.KeyGroup(g)) {
					m.t.Fatalf("task %d of %d restored key group %d", i, m.parallelism, g)
				}
				at := vector.AppendKey([]byte{byte(g)}, rec.Columns()[:2], j)
				if bytes.Compare(last, at) >= 0 {
					m.t.Fatal("rows are out of order")
				}
				last = at
				r := row{until: rec.Column(2).(*array.Int64).Value(j), v: string(rec.Column(3).(*array.BinaryView).Value(j))}
				if rec.Column(0).IsValid(j) {
					r.k = rec.Column(0).(*array.Int64).Value(j)
				}
				if rec.Column(1).IsValid(j) {
					r.s = rec.Column(1).(*array.StringView).Value(j)
				}
				got[r.key()] = r
			}
		}
		if told != 0 && told < n {
			m.t.Fatalf("task %d restored %d rows, and said %d", i, n, told)
		}
	}
	want := map[row]row{}
	for k, r := range m.model {
		if stream.Timestamp(r.until) >= m.dropped {
			want[k] = r
		}
	}
	if !maps.Equal(got, want) {
		m.t.Fatalf("generation %d restored\n%v\nwant\n%v", m.generation, sorted(got), sorted(want))
	}
}

func sorted(m map[row]row) []row {
	return slices.SortedFunc(maps.Values(m), func(a, b row) int { return cmp.Or(cmp.Compare(a.k, b.k), cmp.Compare(a.s, b.s)) })
}

func drawRow(t *rapid.T) row {
	return row{k: rapid.Int64Range(0, 9).Draw(t, "k"), s: rapid.SampledFrom([]string{"", "a", "a long string, not inline"}).Draw(t, "s")}
}

func (m *machine) write(deleted bool) {
	rows := rapid.SliceOfN(rapid.Custom(drawRow), 1, 6).Draw(m.t, "rows")
	now := max(0, int64(m.dropped))
	for i := range rows {
		r := &rows[i]
		if deleted {
			delete(m.model, r.key())
			continue
		}
		r.until = max(m.highest[r.key()], now+rapid.Int64Range(0, 20).Draw(m.t, "until"))
		m.highest[r.key()] = r.until
		r.v = fmt.Sprint(m.epoch, "/", i)
		m.model[r.key()] = *r
	}
	// Each row goes to the task of its key group, in order.
	all := record(m.alloc, rows, deleted)
	defer all.Release()
	for i, g := range groupOf(all) {
		one := all.NewSlice(int64(i), int64(i+1))
		table := m.tables[stream.TaskOf(keyGroups, m.parallelism, stream.KeyGroup(g))]
		write := table.Upsert
		if deleted {
			write = table.Delete
		}
		if err := write(one); err != nil {
			m.t.Fatal(err)
		}
		one.Release()
	}
}

// checkpoint ends an epoch; some of the uploads may fail, and the epoch may be aborted.
func (m *machine) checkpoint() {
	m.epoch++
	refuses := rapid.IntRange(0, 4).Draw(m.t, "refuses") == 0
	manifest := &checkpoint.Manifest{Kind: checkpoint.Complete, Epoch: m.epoch, KeyGroups: keyGroups, Vertices: checkpoint.VerticesOf(graph(m.parallelism))}
	for i, b := range m.backends {
		f, err := b.Freeze(m.epoch)
		if err != nil {
			m.t.Fatal(err)
		}
		m.store.refuses = refuses && rapid.Bool().Draw(m.t, "now")
		tables, err := f.Upload(context.Background(), m.store)
		m.store.refuses = false
		f.Release()
		if err != nil {
			refuses = true
			if !errors.Is(err, job.ErrUnavailable) {
				m.t.Fatal(err)
			}
		}
		manifest.Handles = append(manifest.Handles, checkpoint.Handle{
			Task: checkpoint.TaskID{Index: i}, Groups: stream.RangeOf(keyGroups, m.parallelism, i), Tables: tables,
		})
	}
	if refuses || rapid.IntRange(0, 3).Draw(m.t, "abort") == 0 {
		return
	}
	for _, b := range m.backends {
		b.Confirm(m.epoch)
	}
	m.saved = append(m.saved, saved{manifest, maps.Clone(m.model), m.dropped})
}

// TestMemory restores, rescales, aborts and merges at random.
func TestMemory(t *testing.T) {
	scarce := mem.New(mem.Options{})
	err := scarce.SetPaging(mem.Paging{Resident: 1 << 20, Eager: true, Dirs: []string{t.TempDir()}})
	if errors.Is(err, errors.ErrUnsupported) {
		scarce = mem.New(mem.Options{})
	} else if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{highest: map[row]int64{}, t: t, alloc: memory.NewCheckedAllocator(memory.NewGoAllocator()), store: &store{files: map[string][]byte{}}, scarce: scarce}
		m.start()
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0, 1, 2, 3:
				m.write(false)
			case 4:
				m.write(true)
			case 5:
				m.dropped = max(m.dropped, stream.Timestamp(rapid.Int64Range(0, 30).Draw(t, "drop")))
				for _, table := range m.tables {
					if err := table.DropBefore(m.dropped); err != nil {
						t.Fatal(err)
					}
				}
			case 6, 7, 8:
				m.checkpoint()
			case 9:
				m.start()
			}
		}
		m.checkpoint()
		m.start()
		m.stop()
		m.alloc.AssertSize(failure{t}, 0)
		if scarce.AllocatedBytes() != 0 {
			t.Fatalf("%d bytes of logs are left", scarce.AllocatedBytes())
		}
	})
}

type failure struct{ *rapid.T }

func (f failure) Errorf(format string, args ...any) { f.T.Errorf(format, args...) }

// oneRun stores a few rows and returns the state and the store.
func oneRun(t *testing.T, c state.Compression) ([]checkpoint.TableState, *store) {
	s := &store{files: map[string][]byte{}}
	b := state.NewMemory(state.Options{
		Generation: 1, Groups: stream.KeyGroupRange{End: keyGroups}, KeyGroups: keyGroups, Durable: true, Store: s, Compression: c,
	})
	defer b.Close()
	table, err := b.Table("op", spec)
	if err != nil {
		t.Fatal(err)
	}
	rec := record(memory.DefaultAllocator, []row{{1, "a", 5, "x"}, {2, "", 6, "y"}, {3, "b", 7, "z"}}, false)
	defer rec.Release()
	if err := table.Upsert(rec); err != nil {
		t.Fatal(err)
	}
	f, err := b.Freeze(1)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Release()
	states, err := f.Upload(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return states, s
}

func scan(states []checkpoint.TableState, s *store, spec ops.TableSpec) (rows int, err error) {
	b := state.NewMemory(state.Options{Groups: stream.KeyGroupRange{End: keyGroups}, KeyGroups: keyGroups, Restored: states, Store: s})
	defer b.Close()
	table, err := b.Table("op", spec)
	if err != nil {
		return 0, err
	}
	for rec, err := range table.Scan(context.Background()) {
		if err != nil {
			return rows, err
		}
		rows += int(rec.NumRows())
	}
	return rows, nil
}

// TestDamage flips bits of a run, cuts it, and takes it away.
func TestDamage(t *testing.T) {
	states, s := oneRun(t, state.Zstd)
	file := states[0].Runs[0].File
	if n, err := scan(states, s, spec); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	data := s.files[file]
	expect := func(what string) {
		t.Helper()
		if _, err := scan(states, s, spec); !errors.Is(err, checkpoint.ErrCorrupt) || !strings.Contains(err.Error(), file) {
			t.Fatalf("%s: %v", what, err)
		}
	}
	for i := range data {
		data[i] ^= 1 << (i % 8)
		expect(fmt.Sprintf("byte %d", i))
		data[i] ^= 1 << (i % 8)
	}
	s.files[file] = data[:len(data)/2]
	expect("half")
	delete(s.files, file)
	expect("gone")
}

// TestOtherQuery opens state with another schema.
func TestOtherQuery(t *testing.T) {
	states, s := oneRun(t, state.Zstd)
	other := spec
	fields := slices.Clone(spec.Schema.Fields())
	fields[3].Type = arrow.PrimitiveTypes.Int64
	other.Schema = arrow.NewSchema(fields, nil)
	if _, err := scan(states, s, other); err == nil || !strings.Contains(err.Error(), "column v") {
		t.Fatal(err)
	}
}

// TestNotDurable logs nothing.
func TestNotDurable(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	b := state.NewMemory(state.Options{Groups: stream.KeyGroupRange{End: keyGroups}, KeyGroups: keyGroups, Allocator: alloc})
	table, err := b.Table("op", spec)
	if err != nil {
		t.Fatal(err)
	}
	rec := record(alloc, []row{{1, "a", 5, "x"}}, false)
	if err := table.Upsert(rec); err != nil {
		t.Fatal(err)
	}
	rec.Release()
	f, err := b.Freeze(1)
	if err != nil {
		t.Fatal(err)
	}
	if states, err := f.Upload(context.Background(), nil); len(states) != 0 || err != nil {
		t.Fatal(states, err)
	}
}
