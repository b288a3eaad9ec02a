package read

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table/dv"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
	"github.com/wadi-engine/wadi/lakehouse/parquet"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
)

// goneRows are the rows of one data file that are deleted.
type goneRows struct {
	positions []int64 // ascending, distinct
	keys      []keySet
	gids      []uint32
}

// keySet is a set of keys of deleted rows, and the file's columns of the key.
type keySet struct {
	table  *hashtable.Table
	shapes []*shape
}

// none reports whether nothing is deleted.
func (d *goneRows) none() bool { return len(d.positions) == 0 && len(d.keys) == 0 }

// mark sets dead of the deleted rows of rec, whose first stands at position
// first in the file. It reports whether there are any.
func (d *goneRows) mark(mem memory.Allocator, rec arrow.RecordBatch, first int64, dead []bool) (some bool, err error) {
	n := len(dead)
	at, _ := slices.BinarySearch(d.positions, first)
	for _, p := range d.positions[at:] {
		if p >= first+int64(n) {
			break
		}
		dead[p-first] = true
		some = true
	}
	for i := range d.keys {
		found, err := d.markKeys(mem, &d.keys[i], rec, dead)
		if err != nil {
			return false, err
		}
		some = some || found
	}
	return some, nil
}

func (d *goneRows) markKeys(mem memory.Allocator, k *keySet, rec arrow.RecordBatch, dead []bool) (some bool, err error) {
	if k.table.Len() == 0 {
		return false, nil
	}
	cols := make([]arrow.Array, 0, len(k.shapes))
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	for _, s := range k.shapes {
		col, err := s.of(mem, rec)
		if err != nil {
			return false, err
		}
		cols = append(cols, col)
	}
	d.gids = slices.Grow(d.gids[:0], len(dead))[:len(dead)]
	k.table.Find(cols, nil, d.gids)
	for i, g := range d.gids {
		if g != hashtable.None {
			dead[i] = true
			some = true
		}
	}
	return some, nil
}

// deleteCache is what a reader keeps of delete files.
type deleteCache struct {
	// positioned are positions by delete file and data file.
	positioned    map[string]map[string][]int64
	positionCount int64
	keyTables     []*keyTables
}

// settle says that what was read last is no longer looked at.
func (c *deleteCache) settle() {
	for _, k := range c.keyTables {
		k.used = false
	}
}

func (c *deleteCache) close() {
	for _, k := range c.keyTables {
		k.table.Free()
	}
	c.keyTables = nil
}

// goneRows reads what delete files say about a data file whose columns are bound.
func (r *Reader) goneRows(dataFile string, constants map[int]Value, files []DeleteFile, b *fileBinding) (*goneRows, error) {
	d := &goneRows{}
	byKeys := map[string][]DeleteFile{}
	for _, f := range files {
		var positions []int64
		var err error
		switch f.Kind {
		case ByBitmap:
			positions, err = r.vector(f)
		case ByPositions:
			positions, err = r.positions(f, dataFile)
		case ByKeyValues:
			k := fmt.Sprint(f.IDs)
			byKeys[k] = append(byKeys[k], f)
		default:
			err = fmt.Errorf("%w: it is of an unknown kind %q", job.ErrInvalid, f.Kind)
		}
		if err != nil {
			return nil, fmt.Errorf("delete file %s: %w", f.File, err)
		}
		d.positions = append(d.positions, positions...)
	}
	slices.Sort(d.positions)
	d.positions = slices.Compact(d.positions)
	for _, group := range byKeys {
		t, err := r.keyTable(group)
		if err != nil {
			return nil, err
		}
		k := keySet{table: t}
		for _, id := range group[0].IDs {
			s, err := b.key(r.schemas, id, constants)
			if err != nil {
				return nil, err
			}
			k.shapes = append(k.shapes, s)
		}
		d.keys = append(d.keys, k)
	}
	return d, nil
}

// vector reads a deletion vector.
func (r *Reader) vector(f DeleteFile) ([]int64, error) {
	in, err := r.files.Open(f.File)
	if err != nil {
		return nil, Unavailable(err)
	}
	defer in.Close()
	if f.Size <= 0 || f.Size > maxVector || f.Offset < 0 {
		return nil, fmt.Errorf("%w: a deletion vector of %d bytes at %d", job.ErrInvalid, f.Size, f.Offset)
	}
	b := make([]byte, f.Size)
	if n, err := in.ReadAt(b, f.Offset); n < len(b) {
		return nil, Unavailable(fmt.Errorf("read the deletion vector of %d bytes at %d: %w", f.Size, f.Offset, err))
	}
	bitmap, err := dv.DeserializeDV(b, f.Rows)
	if err != nil {
		return nil, fmt.Errorf("%w: the deletion vector at %d: %w", job.ErrInvalid, f.Offset, err)
	}
	out := make([]int64, 0, bitmap.Cardinality())
	for p := range bitmap.Positions() {
		out = append(out, int64(p))
	}
	return out, nil
}

const (
	maxVector = 1 << 30
	// maxPositions bounds how many positions are kept for other data files
	// of the same delete file.
	maxPositions = 16 << 20
)

// positions reads the positions of a data file from a file of position
// deletes, and keeps those of other data files.
func (r *Reader) positions(f DeleteFile, dataFile string) ([]int64, error) {
	if known, ok := r.deleted.positioned[f.File]; ok {
		return known[dataFile], nil
	}
	byFile := map[string][]int64{}
	err := r.EachDeleted(f, func(path []byte, at []int64) {
		byFile[string(path)] = append(byFile[string(path)], at...)
	})
	if err != nil {
		return nil, err
	}
	if r.deleted.positionCount += f.Rows; r.deleted.positionCount > maxPositions {
		clear(r.deleted.positioned)
		r.deleted.positionCount = f.Rows
	}
	if r.deleted.positioned == nil {
		r.deleted.positioned = map[string]map[string][]int64{}
	}
	r.deleted.positioned[f.File] = byFile
	return byFile[dataFile], nil
}

// Vectors reads the deletion vectors that one Puffin file holds.
func (r *Reader) Vectors(of []ice.DataFile) ([]*dv.RoaringPositionBitmap, error) {
	return dv.ReadDVs(r.files, of)
}

// EachDeleted gives what a file of position deletes says: runs of positions in
// one data file, which are valid until do returns.
func (r *Reader) EachDeleted(file DeleteFile, do func(path []byte, positions []int64)) error {
	return r.each(file, positionColumns, positionNames, func(cols []arrow.Array) error {
		paths, at := vector.ViewsOf(cols[0]), cols[1].(*array.Int64).Int64Values()
		for from := 0; from < len(at); {
			to := from + 1
			for to < len(at) && bytes.Equal(paths.At(to), paths.At(from)) {
				to++
			}
			do(paths.At(from), at[from:to])
			from = to
		}
		return nil
	})
}

// The columns of files of position deletes, and how they are called.
var (
	positionColumns = []Column{metaColumn("file_path", DeletedPathID, ice.PrimitiveTypes.String), metaColumn("pos", DeletedPosID, ice.PrimitiveTypes.Int64)}
	positionNames   = ice.NewSchema(0, positionColumns[0].Field(), positionColumns[1].Field()).NameMapping()
)

func metaColumn(name string, id int, t ice.PrimitiveType) Column {
	f, err := schemas.EngineField(name, t, true)
	if err != nil {
		panic(err) // a primitive type has one
	}
	return Column{Path: []string{name}, Fields: []ice.NestedField{{ID: id, Name: name, Type: t}}, Want: f}
}

// keyTables is a set of keys that was read, with the files in it.
type keyTables struct {
	ids   []int
	files map[string]bool
	table *hashtable.Table
	// used says that the open piece looks into it as it is.
	used bool
}

// maxKeyTables bounds how many sets of keys are kept.
const maxKeyTables = 4

// keyTable makes the set of the keys in files, which are of the same columns. It
// goes on from a set that holds some of them and nothing else: the files that
// apply to one data file are often those of another, and some more.
func (r *Reader) keyTable(files []DeleteFile) (*hashtable.Table, error) {
	want := map[string]bool{}
	for _, f := range files {
		want[f.File] = true
	}
	var best *keyTables
	for _, k := range r.deleted.keyTables {
		fits := slices.Equal(k.ids, files[0].IDs) && (best == nil || len(k.files) > len(best.files))
		for f := range k.files {
			fits = fits && want[f]
		}
		fits = fits && (!k.used || len(k.files) == len(want))
		if fits {
			best = k
		}
	}
	if best == nil {
		var err error
		if best, err = r.newKeyTable(files[0].IDs); err != nil {
			return nil, err
		}
	}
	best.used = true
	columns := make([]Column, len(best.ids))
	for i, id := range best.ids {
		c, err := keyColumn(r.schemas, id)
		if err != nil {
			return nil, err
		}
		columns[i] = *c
	}
	var gids []uint32
	for _, f := range files {
		if best.files[f.File] {
			continue
		}
		err := r.each(f, columns, r.mapping, func(cols []arrow.Array) error {
			gids = slices.Grow(gids[:0], cols[0].Len())[:cols[0].Len()]
			best.table.FindOrInsert(cols, nil, gids)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("delete file %s: %w", f.File, err)
		}
		best.files[f.File] = true
	}
	return best.table, nil
}

func (r *Reader) newKeyTable(ids []int) (*keyTables, error) {
	types := make([]arrow.DataType, len(ids))
	for i, id := range ids {
		c, err := keyColumn(r.schemas, id)
		if err != nil {
			return nil, err
		}
		types[i] = c.Want.Type
	}
	t, err := hashtable.New(hashtable.Options{}, types, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: rows are deleted by a key: %w", job.ErrInvalid, err)
	}
	k := &keyTables{ids: ids, files: map[string]bool{}, table: t}
	if at := slices.IndexFunc(r.deleted.keyTables, func(k *keyTables) bool { return !k.used }); at >= 0 && len(r.deleted.keyTables) >= maxKeyTables {
		r.deleted.keyTables[at].table.Free()
		r.deleted.keyTables = slices.Delete(r.deleted.keyTables, at, at+1)
	}
	r.deleted.keyTables = append(r.deleted.keyTables, k)
	return k, nil
}

// each reads columns of a delete file.
func (r *Reader) each(file DeleteFile, columns []Column, mapping ice.NameMapping, each func([]arrow.Array) error) error {
	in, err := r.files.Open(file.File)
	if err != nil {
		return Unavailable(err)
	}
	defer in.Close()
	open := r.deletesOfParquet
	if file.Avro {
		open = r.deletesOfAvro
	}
	rows, b, err := open(in, file.File, columns, mapping)
	if b != nil {
		defer b.release()
	}
	if err != nil {
		return err
	}
	defer rows.Close()
	for {
		rec, err := rows.Next(r.ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return Unavailable(err)
		}
		err = b.give(r.mem, rec, each)
		rec.Release()
		if err != nil {
			return err
		}
	}
}

func (r *Reader) deletesOfParquet(in iceio.File, path string, columns []Column, mapping ice.NameMapping) (fileRows, *fileBinding, error) {
	f, err := openParquet(r.ctx, in, path, false)
	if err != nil {
		return nil, nil, err
	}
	b, err := bindFile(fileFields(f.Schema(), mapping), columns, nil, nil)
	if err != nil {
		return nil, nil, err
	}
	o := parquet.ReadOptions{Columns: b.paths, Alloc: r.mem}
	o.Remote(path)
	rows, err := f.Reader(o)
	return rows, b, err
}

func (r *Reader) deletesOfAvro(in iceio.File, path string, columns []Column, mapping ice.NameMapping) (fileRows, *fileBinding, error) {
	a, err := openAvro(in, path)
	if err != nil {
		return nil, nil, err
	}
	b, err := bindFile(fileFields(a.schema, mapping), columns, nil, nil)
	if err != nil {
		return nil, nil, err
	}
	return a, b, a.read(b.paths, r.mem)
}

// give shapes the columns of rec.
func (b *fileBinding) give(mem memory.Allocator, rec arrow.RecordBatch, each func([]arrow.Array) error) error {
	cols := make([]arrow.Array, 0, len(b.shapes))
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	for _, s := range b.shapes {
		c, err := s.of(mem, rec)
		if err != nil {
			return err
		}
		cols = append(cols, c)
	}
	return each(cols)
}

// of makes the column from a record of the file's columns.
func (s *shape) of(mem memory.Allocator, rec arrow.RecordBatch) (arrow.Array, error) {
	if s.at < 0 {
		return s.apply(mem, nil, int(rec.NumRows()))
	}
	return s.apply(mem, rec.Column(s.at), int(rec.NumRows()))
}

// alive selects the rows that are not dead.
func alive(dead []bool, sel vector.Sel) vector.Sel {
	sel = sel[:0]
	for i, d := range dead {
		if !d {
			sel = append(sel, uint32(i))
		}
	}
	return sel
}

// DeleteKind is how a delete file says which rows it deletes.
type DeleteKind string

// The kinds of delete files.
const (
	ByPositions DeleteKind = "positions"
	ByBitmap    DeleteKind = "vector"
	ByKeyValues DeleteKind = "keys"
)

// DeleteFile says which rows of a data file are deleted.
type DeleteFile struct {
	Kind DeleteKind `json:"kind"`
	File string     `json:"file"`
	// Offset and Size are where a deletion vector stands in the file.
	Offset int64 `json:"offset,omitempty"`
	Size   int64 `json:"size,omitempty"`
	Rows   int64 `json:"rows"`
	Avro   bool  `json:"avro,omitempty"` // otherwise of Parquet, or a vector
	IDs    []int `json:"ids,omitempty"`  // of the fields of the key
}

// The ids of the columns of a file of position deletes, by the spec.
const (
	DeletedPathID = 2147483546
	DeletedPosID  = 2147483545
)
