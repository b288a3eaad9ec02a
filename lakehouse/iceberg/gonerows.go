package iceberg

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table/dv"

	"github.com/wadi-engine/wadi/job"
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
func (d *goneRows) mark(r *reader, rec arrow.RecordBatch, first int64, dead []bool) (some bool, err error) {
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
		found, err := d.markKeys(r, &d.keys[i], rec, dead)
		if err != nil {
			return false, err
		}
		some = some || found
	}
	return some, nil
}

func (d *goneRows) markKeys(r *reader, k *keySet, rec arrow.RecordBatch, dead []bool) (some bool, err error) {
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
		col, err := s.of(r.mem, rec)
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

// goneRows reads what delete files say about a data file.
func (r *reader) goneRows(p *piece, files []deleteFile, b *fileBinding) (*goneRows, error) {
	d := &goneRows{}
	byKeys := map[string][]deleteFile{}
	for _, f := range files {
		var positions []int64
		var err error
		switch f.Kind {
		case byBitmap:
			positions, err = r.vector(f)
		case byPositions:
			positions, err = r.positions(f, p.File)
		case byKeyValues:
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
			s, err := b.key(r.schemas, id, p.Constants)
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
func (r *reader) vector(f deleteFile) ([]int64, error) {
	in, err := r.files.Open(f.File)
	if err != nil {
		return nil, unavailable(err)
	}
	defer in.Close()
	if f.Size <= 0 || f.Size > maxVector || f.Offset < 0 {
		return nil, fmt.Errorf("%w: a deletion vector of %d bytes at %d", job.ErrInvalid, f.Size, f.Offset)
	}
	b := make([]byte, f.Size)
	if n, err := in.ReadAt(b, f.Offset); n < len(b) {
		return nil, unavailable(fmt.Errorf("read the deletion vector of %d bytes at %d: %w", f.Size, f.Offset, err))
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
func (r *reader) positions(f deleteFile, dataFile string) ([]int64, error) {
	if known, ok := r.positioned[f.File]; ok {
		return known[dataFile], nil
	}
	byFile := map[string][]int64{}
	columns := []column{metaColumn("file_path", deletedPathID, ice.PrimitiveTypes.String), metaColumn("pos", deletedPosID, ice.PrimitiveTypes.Int64)}
	err := r.each(f.File, columns, func(cols []arrow.Array) error {
		paths, pos := cols[0].(*array.StringView), cols[1].(*array.Int64).Int64Values()
		for i, at := range pos {
			path := paths.Value(i)
			list, ok := byFile[path]
			if !ok {
				path = string([]byte(path)) // the batch goes
			}
			byFile[path] = append(list, at)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if r.positionCount += f.Rows; r.positionCount > maxPositions {
		clear(r.positioned)
		r.positionCount = f.Rows
	}
	if r.positioned == nil {
		r.positioned = map[string]map[string][]int64{}
	}
	r.positioned[f.File] = byFile
	return byFile[dataFile], nil
}

func metaColumn(name string, id int, t ice.PrimitiveType) column {
	f, err := engineField(name, t, true)
	if err != nil {
		panic(err) // a primitive type has one
	}
	return column{path: []string{name}, fields: []ice.NestedField{{ID: id, Name: name, Type: t}}, want: f}
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
func (r *reader) keyTable(files []deleteFile) (*hashtable.Table, error) {
	want := map[string]bool{}
	for _, f := range files {
		want[f.File] = true
	}
	var best *keyTables
	for _, k := range r.keyTables {
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
	columns := make([]column, len(best.ids))
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
		err := r.each(f.File, columns, func(cols []arrow.Array) error {
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

func (r *reader) newKeyTable(ids []int) (*keyTables, error) {
	types := make([]arrow.DataType, len(ids))
	for i, id := range ids {
		c, err := keyColumn(r.schemas, id)
		if err != nil {
			return nil, err
		}
		types[i] = c.want.Type
	}
	t, err := hashtable.New(hashtable.Options{}, types, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: rows are deleted by a key: %w", job.ErrInvalid, err)
	}
	k := &keyTables{ids: ids, files: map[string]bool{}, table: t}
	if at := slices.IndexFunc(r.keyTables, func(k *keyTables) bool { return !k.used }); at >= 0 && len(r.keyTables) >= maxKeyTables {
		r.keyTables[at].table.Free()
		r.keyTables = slices.Delete(r.keyTables, at, at+1)
	}
	r.keyTables = append(r.keyTables, k)
	return k, nil
}

// each reads columns of a delete file.
func (r *reader) each(path string, columns []column, each func([]arrow.Array) error) error {
	in, err := r.files.Open(path)
	if err != nil {
		return unavailable(err)
	}
	defer in.Close()
	f, err := openParquet(r.ctx, in, path)
	if err != nil {
		return err
	}
	b, err := bindFile(fileFields(f.Schema(), nil), columns, nil, nil)
	if err != nil {
		return err
	}
	defer b.release()
	o := parquet.ReadOptions{Columns: b.paths, Alloc: r.mem}
	o.Remote(path)
	rows, err := f.Reader(o)
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
			return unavailable(err)
		}
		err = b.give(r, rec, each)
		rec.Release()
		if err != nil {
			return err
		}
	}
}

// give shapes the columns of rec.
func (b *fileBinding) give(r *reader, rec arrow.RecordBatch, each func([]arrow.Array) error) error {
	cols := make([]arrow.Array, 0, len(b.shapes))
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	for _, s := range b.shapes {
		c, err := s.of(r.mem, rec)
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
