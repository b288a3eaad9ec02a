package write

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	ice "github.com/apache/iceberg-go"
	"github.com/google/uuid"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
)

const (
	// maxOpen is how many files a stage holds open, and maxHeld how many bytes
	// of them, or of rows to be sorted, it holds in memory, unless the layout says
	// otherwise. Above that the largest file ends.
	maxOpen = 128
	maxHeld = 256 << 20
)

// A Watcher learns where rows go.
type Watcher interface {
	// Placed says that the rows sel of the batch that is being written, all of
	// them when nil, are in f, one after the other from position first on.
	Placed(f *File, first int64, sel vector.Sel)
	// Ordered says, as f ends, that its rows were sorted: row order[i] of those
	// that were placed is at position i.
	Ordered(f *File, order vector.Sel)
}

// Fan stages the rows of an epoch: those of each partition go to files of their
// own, which end when they are large enough. Where the table has a sort order,
// rows are held until their file ends, and sorted then.
//
//	batch ─ transforms ─ partition of each row ─┬─ shard a ─ file ─ file
//	                                            └─ shard b ─ file
type Fan struct {
	layout *Layout
	watch  Watcher // or nil
	id     uuid.UUID
	named  int // files

	keys   *hashtable.Table // partitions; nil when there is one
	shards []*shard         // by number in keys
	open   []*shard         // those with rows that are in no finished file
	done   []ice.DataFile

	gids    []uint32
	local   []int32 // by number in keys: which of the batch's partitions it is, or -1
	present []uint32
	targets []uint16
	sels    []vector.Sel
}

// shard is a partition's present file.
type shard struct {
	values map[int]any // of the partition, by field id
	dir    string

	file *File // nil between files
	rows int64 // in the file
	held []arrow.RecordBatch
	// bytes are those of held.
	bytes int64
}

// NewFan begins a stage.
func NewFan(l *Layout, watch Watcher) (*Fan, error) {
	s := &Fan{layout: l, watch: watch, id: uuid.New()}
	var types []arrow.DataType
	for _, p := range l.parts {
		if p.path == nil {
			continue
		}
		t := arrow.DataType(arrow.BinaryTypes.BinaryView)
		if p.exact {
			b := array.NewRecordBuilder(l.Mem, l.Schema)
			empty := b.NewRecordBatch()
			col, err := p.keys(l.Mem, empty)
			empty.Release()
			b.Release()
			if err != nil {
				return nil, err
			}
			t = col.DataType()
			col.Release()
		}
		types = append(types, t)
	}
	if len(types) == 0 {
		one, err := s.newShard(nil, 0)
		s.shards = append(s.shards, one)
		return s, err
	}
	var err error
	s.keys, err = hashtable.New(hashtable.Options{}, types, 0)
	return s, err
}

// newShard begins a partition with the values of a row of rec.
func (s *Fan) newShard(rec arrow.RecordBatch, row int) (*shard, error) {
	one := &shard{}
	if len(s.layout.parts) == 0 {
		return one, nil
	}
	one.values = make(map[int]any, len(s.layout.parts))
	record := make(partitionValues, len(s.layout.parts))
	for i := range s.layout.parts {
		var err error
		if record[i], err = s.layout.parts[i].value(s.layout.Mem, rec, row); err != nil {
			return nil, err
		}
		one.values[s.layout.ids[i]] = record[i]
	}
	spec := s.layout.Table.Spec()
	one.dir = spec.PartitionToPath(record, s.layout.Table.Schema())
	return one, nil
}

// Write adds the rows of rec, at most maxRows of them. It owns rec.
func (s *Fan) Write(rec arrow.RecordBatch) error {
	defer rec.Release()
	if s.keys == nil {
		return s.add(s.shards[0], rec, nil)
	}
	if err := s.divide(rec); err != nil {
		return err
	}
	if len(s.present) == 1 {
		return s.add(s.shards[s.present[0]], rec, nil)
	}
	var err error
	for i, part := range vector.Scatter(s.layout.Mem, rec, s.sels) {
		if err == nil {
			err = s.add(s.shards[s.present[i]], part, s.sels[i])
		}
		part.Release()
	}
	return err
}

// divide finds the partitions of the rows: present, and the rows of each.
func (s *Fan) divide(rec arrow.RecordBatch) error {
	n := int(rec.NumRows())
	cols := make([]arrow.Array, 0, len(s.layout.parts))
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	for i := range s.layout.parts {
		if s.layout.parts[i].path == nil {
			continue
		}
		c, err := s.layout.parts[i].keys(s.layout.Mem, rec)
		if err != nil {
			return err
		}
		cols = append(cols, c)
	}
	if cap(s.gids) < n {
		s.gids, s.targets = make([]uint32, n), make([]uint16, n)
	}
	gids, targets := s.gids[:n], s.targets[:n]
	s.keys.FindOrInsert(cols, nil, gids)
	for len(s.local) < s.keys.Gids() {
		s.local, s.shards = append(s.local, -1), append(s.shards, nil)
	}
	s.present = s.present[:0]
	for i, g := range gids {
		if s.local[g] < 0 {
			s.local[g] = int32(len(s.present))
			s.present = append(s.present, g)
			if s.shards[g] == nil {
				one, err := s.newShard(rec, i)
				if err != nil {
					return err
				}
				s.shards[g] = one
			}
		}
		targets[i] = uint16(s.local[g])
	}
	for _, g := range s.present {
		s.local[g] = -1
	}
	if len(s.present) > 1 {
		s.sels = vector.Partition(s.sels, targets, len(s.present))
	}
	return nil
}

// add writes rec to the file of a partition; its rows are sel of the batch.
func (s *Fan) add(to *shard, rec arrow.RecordBatch, sel vector.Sel) error {
	if to.file == nil {
		to.file = s.layout.newFile(to.dir, s.id, s.named)
		s.named++
		s.open = append(s.open, to)
	}
	if s.watch != nil {
		s.watch.Placed(to.file, to.rows, sel)
	}
	to.rows += rec.NumRows()
	if len(s.layout.sorted) > 0 {
		rec.Retain()
		to.held = append(to.held, rec)
		to.bytes += vector.RecordBytes(rec)
	} else if err := to.file.write(rec); err != nil {
		return err
	}
	if to.size() >= s.layout.fileSize {
		if err := s.end(to); err != nil {
			return err
		}
	}
	return s.limit()
}

// size is about how large the file is.
func (t *shard) size() int64 {
	if t.file.parquet != nil {
		return t.file.parquet.Size()
	}
	return t.bytes
}

// limit ends the largest files while there are too many, or they hold too much.
func (s *Fan) limit() error {
	for {
		var held int64
		var largest *shard
		for _, one := range s.open {
			n := one.bytes
			if one.file.parquet != nil {
				n += one.file.parquet.Buffered()
			}
			held += n
			if largest == nil || one.size() > largest.size() {
				largest = one
			}
		}
		if len(s.open) <= maxOpen && (held <= s.layout.held || len(s.open) == 1 && len(largest.held) == 0) {
			return nil
		}
		if err := s.end(largest); err != nil {
			return err
		}
	}
}

// end finishes the file of a partition.
func (s *Fan) end(one *shard) error {
	for i, o := range s.open {
		if o == one {
			s.open = append(s.open[:i], s.open[i+1:]...)
			break
		}
	}
	if len(one.held) > 0 {
		if err := s.sort(one); err != nil {
			one.drop()
			return err
		}
	}
	f := one.file
	m, err := f.end()
	one.file, one.rows = nil, 0
	if err != nil {
		return err
	}
	df, err := s.layout.describe(f.Path, one.values, m)
	if err != nil {
		return err
	}
	s.done = append(s.done, df)
	return nil
}

// sort writes the rows that a partition holds, in the table's order.
func (s *Fan) sort(one *shard) error {
	all := vector.ConcatRecords(s.layout.Mem, one.held)
	defer all.Release()
	one.letGo()
	cols := make([]arrow.Array, 0, len(s.layout.sorted))
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	for i := range s.layout.sorted {
		c, err := s.layout.sorted[i].keys(s.layout.Mem, all)
		if err != nil {
			return err
		}
		cols = append(cols, c)
	}
	order := vector.Sort(s.layout.Mem, cols, s.layout.orders)
	if s.watch != nil {
		s.watch.Ordered(one.file, order)
	}
	const rows = 16 << 10
	for from := 0; from < len(order); from += rows {
		part := vector.TakeRecord(s.layout.Mem, all, order[from:min(from+rows, len(order))])
		err := one.file.write(part)
		part.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *shard) letGo() {
	for _, r := range t.held {
		r.Release()
	}
	t.held, t.bytes = nil, 0
}

// drop gives up the present file.
func (t *shard) drop() {
	t.letGo()
	if t.file != nil {
		t.file.abandon()
		t.file = nil
	}
}

// Finish makes the files durable and describes them.
func (s *Fan) Finish() ([]ice.DataFile, error) {
	for len(s.open) > 0 {
		if err := s.end(s.open[0]); err != nil {
			return nil, err
		}
	}
	s.free()
	return s.done, nil
}

// Abandon stops and returns the files that are finished: they are to be removed.
func (s *Fan) Abandon() []ice.DataFile {
	for _, one := range s.open {
		one.drop()
	}
	s.open = nil
	s.free()
	return s.done
}

func (s *Fan) free() {
	if s.keys != nil {
		s.keys.Free()
	}
}

// partitionValues is a partition as iceberg-go reads it.
type partitionValues []any

func (p partitionValues) Size() int            { return len(p) }
func (p partitionValues) Get(pos int) any      { return p[pos] }
func (p partitionValues) Set(pos int, val any) { p[pos] = val }

// PartitionPath names a partition, as k=v/l=w.
func PartitionPath(spec *ice.PartitionSpec, schema *ice.Schema, values map[int]any) string {
	record := make(partitionValues, spec.NumFields())
	for i, f := range spec.Fields() {
		record[i] = values[f.FieldID]
	}
	return spec.PartitionToPath(record, schema)
}

// PartitionKey is equal for equal partitions of one spec.
func PartitionKey(values map[int]any) string {
	return fmt.Sprint(values) // fmt prints maps in the order of their keys
}
