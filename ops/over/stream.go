package over

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/agg"
	"github.com/wadi-engine/wadi/vector/hashtable"
	"github.com/wadi-engine/wadi/vector/mem"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// Stream computes window functions over inserts in the order of event time, or
// as they come (Arrival). Frames end at the row itself, so that a result is
// final when the watermark has passed its row:
//
//	in         waiting        watermark  out
//	+I 2:00 5  2:00
//	+I 1:00 1  1:00, 2:00     1:30       +I 1:00 1, 1
//	+I 1:10 7                            late
//	                          2:00       +I 2:00 5, 6
//
// Of the rows that have left, those are kept that a later frame reaches;
// accumulators of frames without a beginning live on.
//
// A row is late when the watermark has passed it; where all frames begin a
// number of rows before, when a row of its partition with its time or a later
// one has left; where they begin in time, see timer. A row that the watermark has
// passed, and that is not late, leaves with the next watermark.
//
// State: a table "rows" of the rows that wait and are kept, "partitions" with
// what is known of each, and those of the accumulators.
type Stream struct {
	*window
	bounded bool  // there are frames, and all have a beginning
	keep    int64 // rows that later frames reach
	reach   int64 // how far in time
	ranged  bool

	alloc memory.Allocator
	// durable says that the tables of state keep what they are told.
	durable bool
	late    ops.Counter
	saved   streamState

	store   *rowstore.Store
	tails   []string // of rows by id, where order keys are not fixed
	table   *hashtable.Table
	kept    *mem.Lists[uint32]
	timers  *mem.Lists[timer]
	changed []uint32 // partitions
	waiting []waiter
	eval    *evaluator
	wm      stream.Timestamp
	seq     uint64
	gone    []uint32
	passed  []passed
	swept   stream.Timestamp

	dirty vector.Sel
	gids  []uint32
	ids   []uint32
	ins   []uint32 // generations of the rows in time
	words []uint64
}

// part is what is known of a partition: the bytes of its key in the table.
type part struct {
	base
	kept  mem.List // of rows that have left and are kept, in order
	last  int64    // time of the last row that has left
	dirty bool

	// Of ranges; see timer. Rows of one generation see each other.
	clean      int64 // time of the last clean-up, or never
	timers     mem.List
	generation uint32
	keptIn     uint32 // the generation of kept
}

// place is what stands beside a row in the store. The order key follows.
type place struct {
	seq   uint64
	time  int64
	due   int64 // the watermark at which it leaves
	part  uint32
	in    uint32 // generation of the partition
	known bool   // to the state table
	left  bool   // has left, and is kept
}

var _ ops.Operator = (*Stream)(nil)

// NewStream builds the operator of a vertex of kind StreamKind.
func NewStream(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
	return buildStream(v, in, nil)
}

// StreamWith is NewStream for aggregate functions of the user.
func StreamWith(functions map[string]agg.User) ops.NewOperator {
	return func(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) { return buildStream(v, in, functions) }
}

func buildStream(v job.Vertex, in []*arrow.Schema, functions map[string]agg.User) (ops.Operator, error) {
	w, err := open(v, in, functions)
	if err != nil {
		return nil, err
	}
	s := &Stream{window: w, wm: stream.Start, bounded: len(w.c.Calls) > 0, swept: stream.Start}
	if err := s.limits(); err != nil {
		return nil, err
	}
	s.store, err = rowstore.New(rowstore.Options{}, w.types, int(unsafe.Sizeof(place{}))+8*w.keys.Width())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	keys := w.parts
	if len(keys) == 0 {
		keys = []arrow.DataType{arrow.Null}
	}
	if s.table, err = hashtable.New(hashtable.Options{}, keys, int(unsafe.Sizeof(part{}))); err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	s.kept, s.timers = mem.NewLists[uint32](mem.Default()), mem.NewLists[timer](mem.Default())
	if s.eval, err = newEvaluator(w, memory.DefaultAllocator, s.lives); err != nil {
		return nil, err
	}
	s.eval.release()
	return s, nil
}

// limits finds what has to be kept, and refuses what a stream cannot compute.
func (s *Stream) limits() error {
	if !s.c.Arrival && (len(s.c.Order) == 0 || s.c.Order[0].Desc || s.in.Field(s.c.Order[0].Column).Type.ID() != arrow.TIMESTAMP) {
		return fmt.Errorf("%w: the rows are not ordered by time", job.ErrInvalid)
	}
	for _, c := range s.c.Calls {
		f := c.Frame
		switch c.Func {
		case "row_number", "rank", "dense_rank":
			s.bounded = false
			continue
		case "lag":
			s.keep = max(s.keep, c.Offset)
			s.bounded = false
			continue
		}
		switch {
		case c.direct(), f.End.Kind != CurrentRow && f.End.Kind != Preceding, f.Start.Kind == UnboundedPreceding && f.End.Kind != CurrentRow:
			return fmt.Errorf("%w: %s needs rows that come later", job.ErrInvalid, c.Func)
		case f.Start.Kind == UnboundedPreceding:
			s.bounded = false
		case f.Start.Kind != Preceding:
		case f.Range:
			s.ranged = true
			s.reach = max(s.reach, f.Start.Offset)
		default:
			s.keep = max(s.keep, f.Start.Offset)
		}
	}
	return nil
}

// lives says that the accumulators of a frame are never begun again.
func (s *Stream) lives(f Frame) bool { return f.Start.Kind == UnboundedPreceding }

// Open implements ops.Operator.
func (s *Stream) Open(ctx context.Context, rt ops.Runtime) error {
	s.alloc = rt.Allocator()
	s.late = rt.Counter("numLateRecordsDropped")
	s.wm, s.durable = rt.Watermark(), rt.Durable()
	var err error
	if s.eval, err = newEvaluator(s.window, s.alloc, s.lives); err != nil {
		return err
	}
	return s.restore(ctx, rt)
}

// part is a partition. The address holds until a partition is added.
func (s *Stream) part(g uint32) *part { return (*part)(unsafe.Pointer(s.table.Word(g))) }

func (s *Stream) place(id uint32) *place { return (*place)(s.store.Extra(id)) }

func (s *Stream) wordsOf(id uint32) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Add(s.store.Extra(id), unsafe.Sizeof(place{}))), s.keys.Width())
}

// Process implements ops.Operator.
func (s *Stream) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	n := b.Len()
	if n == 0 {
		return nil
	}
	if slices.ContainsFunc(b.Kinds, func(k stream.RowKind) bool { return k != stream.Insert }) {
		return errors.New("the input has updates, but the plan says that it has none")
	}
	cols := b.Rows.Columns()
	s.partitions(cols, n)
	if s.c.Arrival {
		all := vector.All(nil, n)
		s.append(cols, n, all, nil, nil)
		ids := slices.Clone(s.ids)
		slices.SortStableFunc(ids, func(a, b uint32) int { return cmp.Compare(s.place(a).part, s.place(b).part) })
		return s.leave(ctx, ids, out)
	}
	times := vector.Millis(nil, cols[s.c.Order[0].Column].(*array.Timestamp))
	sel, due, late := s.judge(b, times)
	if len(sel) > 0 {
		s.append(cols, n, sel, times, due)
		for _, id := range s.ids {
			s.wait(id)
		}
	}
	if len(late) == 0 {
		return nil
	}
	s.late.Add(int64(len(late)))
	return out.Emit(ctx, ops.Late, stream.NewBatch(vector.TakeRecord(s.alloc, b.Rows, late)))
}

// partitions finds the partitions of n rows.
func (s *Stream) partitions(cols []arrow.Array, n int) {
	keys := s.partition(cols)
	if len(keys) == 0 {
		null := array.NewNull(n)
		defer null.Release()
		keys = []arrow.Array{null}
	}
	s.gids = grown(s.gids, n)
	for _, g := range s.table.FindOrInsert(keys, nil, s.gids) {
		p := s.part(g)
		p.last, p.clean = never, never
	}
}

// judge gives the rows that are in time, with the watermarks at which they
// leave, and those that are late. A time that is NULL is late.
func (s *Stream) judge(b *stream.Batch, times []int64) (sel vector.Sel, due []int64, late vector.Sel) {
	s.ins = s.ins[:0]
	wm, marks := s.wm, b.Marks
	col := b.Rows.Column(s.c.Order[0].Column)
	for i, t := range times {
		if i%512 == 0 {
			s.store.Relieve()
		}
		for len(marks) > 0 && int(marks[0].Row) <= i {
			wm = max(wm, marks[0].Time)
			marks = marks[1:]
		}
		if col.IsNull(i) || t <= s.last(s.gids[i], t, int64(wm), sel, due, times) {
			late = append(late, uint32(i))
			continue
		}
		at := t
		if wm != stream.Start {
			at = max(t, int64(wm)+1)
		}
		if s.timed() {
			s.expect(s.gids[i], t, at, int64(wm))
			s.ins = append(s.ins, s.part(s.gids[i]).generation)
		}
		sel, due = append(sel, uint32(i)), append(due, at)
	}
	return sel, due, late
}

// timed says that what is late hangs on timers.
func (s *Stream) timed() bool { return s.bounded && s.ranged }

// last is the time up to which rows of a partition are late when the watermark
// is wm and the row's time is t.
func (s *Stream) last(g uint32, t, wm int64, sel vector.Sel, due, times []int64) int64 {
	switch {
	case s.timed():
		s.pass(g, wm)
		return s.part(g).last
	case t > wm:
		return never
	case !s.bounded:
		return wm
	}
	return s.lastLeft(g, wm, sel, due, times)
}

// append puts rows into the store; their ids are s.ids.
func (s *Stream) append(cols []arrow.Array, n int, sel vector.Sel, times, due []int64) {
	keys := make([]arrow.Array, len(s.c.Order))
	for i, k := range s.c.Order {
		keys[i] = cols[k.Column]
	}
	tails := s.keys.Tails(keys, n)
	s.words = s.keys.Words(s.words, keys, n, tails)
	width := s.keys.Width()
	s.ids = grown(s.ids, len(sel))
	s.store.Append(cols, sel, s.ids)
	for i, id := range s.ids {
		row := int(sel[i])
		s.seq++
		p := s.place(id)
		p.seq, p.part = s.seq, s.gids[row]
		if s.timed() {
			p.in = s.ins[i]
		}
		if times != nil {
			p.time, p.due = times[row], due[i]
		}
		copy(s.wordsOf(id), s.words[row*width:(row+1)*width])
		if tails != nil {
			s.setTail(id, tails[row])
		}
	}
	s.store.Mark(s.ids)
}

func (s *Stream) setTail(id uint32, tail string) {
	for len(s.tails) <= int(id) {
		s.tails = append(s.tails, "")
	}
	s.tails[id] = tail
}

// compare orders rows by partition, by the order, and as they came.
func (s *Stream) compare(a, b uint32) int {
	p, q := s.place(a), s.place(b)
	if c := cmp.Or(cmp.Compare(p.part, q.part), cmp.Compare(p.in, q.in)); c != 0 {
		return c
	}
	if c := slices.Compare(s.wordsOf(a), s.wordsOf(b)); c != 0 {
		return c
	}
	if !s.keys.Fixed() {
		if c := strings.Compare(s.tails[a], s.tails[b]); c != 0 {
			return c
		}
	}
	return cmp.Compare(p.seq, q.seq)
}

// Advance implements ops.Operator.
func (s *Stream) Advance(ctx context.Context, wm stream.Watermark, out ops.Output) error {
	s.wm = max(s.wm, wm.Time)
	if err := s.leave(ctx, s.due(), out); err != nil {
		return err
	}
	if s.timed() {
		return s.sweep()
	}
	return nil
}

// leave emits rows, which are sorted by partition and order, some partitions
// at a time.
func (s *Stream) leave(ctx context.Context, due []uint32, out ops.Output) error {
	for from := 0; from < len(due); {
		to := min(from+s.portion(), len(due))
		for to < len(due) && s.place(due[to]).part == s.place(due[to-1]).part {
			to++
		}
		if err := s.emit(ctx, due[from:to], out); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// portion is how many rows leave at a time: where state is in files, each may bring
// some pages into memory.
func (s *Stream) portion() int {
	if mem.Default().Cold() {
		return maxRows / 32
	}
	return maxRows
}

// emit computes the functions for rows, and emits them.
func (s *Stream) emit(ctx context.Context, due []uint32, out ops.Output) error {
	var ids []uint32
	var spans []span
	var bases []base
	var outs vector.Sel
	for from := 0; from < len(due); {
		x := s.place(due[from])
		g := x.part
		to := from + 1
		for to < len(due) && s.place(due[to]).part == g && s.place(due[to]).in == x.in {
			to++
		}
		sp := span{lo: len(ids)}
		if s.part(g).keptIn == x.in {
			ids = append(ids, s.kept.Of(&s.part(g).kept)...)
		}
		sp.from = len(ids)
		ids = append(ids, due[from:to]...)
		sp.hi = len(ids)
		for i := sp.from; i < sp.hi; i++ {
			outs = append(outs, uint32(i))
		}
		spans, bases = append(spans, sp), append(bases, s.part(g).base)
		from = to
	}
	cols := s.store.Take(s.alloc, ids)
	r := s.newRows(cols, len(ids), spans)
	results := s.eval.results(r, bases)
	if err := s.eval.err(); err != nil {
		release(cols)
		release(results)
		return err
	}
	if len(outs) < len(ids) {
		for i, c := range cols {
			cols[i] = vector.Take(s.alloc, c, outs)
			c.Release()
		}
	}
	rec := array.NewRecordBatch(s.out, append(cols, results...), int64(len(outs)))
	release(cols)
	release(results)
	s.retain(r, ids)
	return out.Emit(ctx, ops.Main, stream.NewBatch(rec))
}

// retain counts the rows that have left, and keeps those that a later frame of
// their partition reaches.
func (s *Stream) retain(r *rows, ids []uint32) {
	var free, gids []uint32
	for i, sp := range r.spans {
		if i%512 == 0 {
			s.store.Relieve()
		}
		p := s.place(ids[sp.from])
		g := p.part
		gids = append(gids, g)
		q := s.part(g)
		if q.keptIn != p.in {
			free = append(free, s.kept.Of(&q.kept)...)
			s.kept.Clear(&q.kept)
			q.keptIn = p.in
		}
		q.rows += int64(sp.hi - sp.from)
		for i := sp.from; i < sp.hi; i++ {
			if int(r.first[i]) == i {
				q.dense++
			}
		}
		last := s.place(ids[sp.hi-1]).time
		if !s.timed() {
			q.last = max(q.last, last)
		}
		s.touch(g)
		at := s.reached(ids, sp, last)
		free = append(free, ids[sp.lo:at]...)
		s.kept.Set(&q.kept, ids[at:sp.hi])
		for _, id := range ids[at:sp.hi] {
			if x := s.place(id); !x.left {
				x.left = true
				s.store.Mark([]uint32{id})
			}
		}
	}
	s.free(free)
	if !s.timed() {
		return
	}
	for _, g := range gids {
		s.pass(g, int64(s.wm))
		s.clean(g)
	}
}

// reached is the first row of a span that a later frame can reach.
func (s *Stream) reached(ids []uint32, sp span, last int64) int {
	at := sp.hi - int(min(s.keep, int64(sp.hi-sp.lo)))
	if !s.ranged {
		return at
	}
	for at > sp.lo && s.place(ids[at-1]).time >= last-s.reach {
		at--
	}
	return at
}

// free gives rows back, at once or, when the state table knows them, when it
// has been told.
func (s *Stream) free(ids []uint32) {
	var now []uint32
	for _, id := range ids {
		if s.place(id).known {
			s.gone = append(s.gone, id)
			continue
		}
		if s.tails != nil {
			s.tails[id] = ""
		}
		now = append(now, id)
	}
	s.store.Free(now)
}

// Flush implements ops.Operator.
func (s *Stream) Flush(context.Context, stream.Epoch, ops.Output) error { return s.save() }

// Close implements ops.Operator.
func (s *Stream) Close() error {
	s.store.Release()
	s.table.Free()
	s.kept.Free()
	s.timers.Free()
	s.eval.release()
	return nil
}
