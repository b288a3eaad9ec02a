package upsert

import (
	"context"
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go/table/dv"
	"github.com/zeebo/xxh3"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/read"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/hashtable"
)

// rowPlace is where a row is: the number of a file + 1, and a position. Zero is
// nowhere.
type rowPlace uint64

const positionBits = 36

func rowAt(file uint32, pos int64) rowPlace {
	return rowPlace(uint64(file)+1)<<positionBits | rowPlace(pos)
}

func (p rowPlace) file() uint32 { return uint32(p>>positionBits) - 1 }
func (p rowPlace) pos() uint64  { return uint64(p & (1<<positionBits - 1)) }

// keyState is what the index holds of a key.
type keyState struct {
	at    rowPlace // of its row, or 0 when it has none
	next  uint32   // number + 1 of its last row in the batch that is being written
	saved uint32   // 1 when the state table has it
}

// fileState is what is known of a data file.
type fileState uint8

const (
	// fileWriting is a file of this task whose rows are not staged yet.
	fileWriting fileState = iota
	// filePending is staged and in no snapshot that we have seen.
	filePending
	// fileLive is in the snapshot that was seen last.
	fileLive
	// fileUnknown was restored by its hash alone.
	fileUnknown
	// fileGone was live and is no longer: somebody has rewritten or removed it.
	fileGone
)

// knownFile is a data file that keys have rows in.
type knownFile struct {
	path     string
	hash     int64
	state    fileState
	epoch    stream.Epoch // in which it was staged, or before
	sequence int64        // of the snapshot that added it
	recorded bool         // the state table has its path

	// deleted are the rows that the present epoch deletes, copies those of keys
	// that have a newer row.
	deleted, copies positions
	// arrivals are the keys of the rows of a file that is to be sorted, as they
	// came.
	arrivals []uint32
}

// index knows where the row of each key is: its data file and its position.
//
//	key ─ hashtable ─► file 3, position 17        files: 3 = data/00001-….parquet
//
// An upsert deletes the row at the key's place and gets a new one, without
// reading the table. What is deleted waits by file until the epoch ends. Three
// tables of state let it be restored, on any number of tasks:
//
//	keys    the key's columns │ hash of the file's path, position
//	files   key group, hash │ path and epoch, of files that no snapshot showed yet
//	seen    key group │ sequence number and id of the snapshot that the index
//	        agrees with
//
// Others commit, too: look says how their snapshots are taken in.
type index struct {
	rt     ops.Runtime
	mem    memory.Allocator
	tag    string // in the names of the sink's files
	reader *read.Reader
	keys   *read.Keys
	counts ops.Counter

	table  *hashtable.Table
	files  []*knownFile
	byPath map[string]uint32
	seen   seen
	// restored says that files may be known by their hashes alone.
	restored bool

	stored indexTables

	gids   []uint32
	hashes []uint64
	groups []uint16
}

// seen is the snapshot that the index agrees with.
type seen struct {
	looked   bool
	sequence int64
	snapshot int64
}

// newIndex returns an index of the keys in these columns. It closes the reader, also
// when it fails.
func newIndex(rt ops.Runtime, tag string, reader *read.Reader, columns []read.Column) (*index, error) {
	x := &index{
		rt: rt, mem: rt.Allocator(), tag: tag, byPath: map[string]uint32{},
		reader: reader, keys: read.NewKeys(reader, columns),
		counts: rt.Counter("numKeysIndexed"),
	}
	var err error
	if x.table, err = hashtable.New(hashtable.Options{}, x.keys.Types(), int(unsafe.Sizeof(keyState{}))); err != nil {
		reader.Close()
		return nil, fmt.Errorf("%w: the primary key: %w", job.ErrInvalid, err)
	}
	return x, nil
}

// state is that of a key; it is valid until the next key is inserted.
func (x *index) state(gid uint32) *keyState {
	return (*keyState)(unsafe.Add(x.table.Accs(), uintptr(gid)*uintptr(x.table.Stride())))
}

func pathHash(path string) int64 { return int64(xxh3.HashString(path)) }

// file returns the number of the file with a path, which may be new.
func (x *index) file(path string, state fileState) uint32 {
	if n, ok := x.byPath[path]; ok {
		return n
	}
	n := uint32(len(x.files))
	x.files = append(x.files, &knownFile{path: path, hash: pathHash(path), state: state})
	x.byPath[path] = n
	return n
}

// delete notes that the row at p is to go.
func (x *index) delete(p rowPlace) { set(&x.files[p.file()].deleted, p.pos()) }

// deleteCopy notes that the row at p is not the newest of its key.
func (x *index) deleteCopy(p rowPlace) { set(&x.files[p.file()].copies, p.pos()) }

func set(to *positions, pos uint64) {
	if *to == nil {
		*to = dv.NewRoaringPositionBitmap()
	}
	(*to).Set(pos)
}

// take returns what the epoch deletes, by path, and begins the next.
func (x *index) take() Deletions {
	out := NewDeletions()
	for _, f := range x.files {
		if f.path != "" {
			if f.deleted != nil {
				out.rows[f.path] = f.deleted
			}
			if f.copies != nil {
				out.copies[f.path] = f.copies
			}
		}
		f.deleted, f.copies = nil, nil
	}
	return out
}

// goneFile stands for all files that are gone and of which nothing is left to
// say.
var goneFile = &knownFile{state: fileGone}

// forget drops what is known of files that are gone. Their numbers stay.
func (x *index) forget() {
	for i, f := range x.files {
		if f.state == fileGone && f != goneFile && !f.recorded {
			delete(x.byPath, f.path)
			x.files[i] = goneFile
		}
	}
}

// ordered says that the rows of a file were sorted: row order[i] of those that
// came is at position i.
func (x *index) ordered(number uint32, order []uint32) {
	f := x.files[number]
	to := make([]uint32, len(order))
	for i, from := range order {
		to[from] = uint32(i)
	}
	// A key that came twice is at the later one, which is met later.
	for from, gid := range f.arrivals {
		if s := x.state(gid); s.at == rowAt(number, int64(from)) {
			s.at = rowAt(number, int64(to[from]))
		}
	}
	f.arrivals = nil
	if f.deleted != nil {
		moved := dv.NewRoaringPositionBitmap()
		for p := range f.deleted.Positions() {
			moved.Set(uint64(to[p]))
		}
		f.deleted = moved
	}
}

// open restores the index and makes it agree with a view.
func (x *index) open(ctx context.Context) error {
	if err := x.stored.open(x); err != nil {
		return err
	}
	x.restored = true
	return x.stored.restore(ctx, x)
}

// reset forgets everything.
func (x *index) reset() {
	x.table.Reset()
	x.table.ClearDirty()
	x.files, x.byPath = nil, map[string]uint32{}
}

func (x *index) close() {
	x.reader.Close()
	if x.table != nil {
		x.table.Free()
	}
}
