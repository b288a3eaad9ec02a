package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/apache/arrow-go/v18/parquet/file"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/stream"
)

// partRows is how many rows a part of a run has, at about.
const partRows = 64 << 10

// cuts are where rows in this order of their groups begin and end as parts. Rows of
// a key group stay together.
func cuts(group func(i int) uint16, n, most int) []int {
	at := []int{0}
	for i := 1; i < n; i++ {
		if i-at[len(at)-1] >= most && group(i) != group(i-1) {
			at = append(at, i)
		}
	}
	return append(at, n)
}

// describe tells in r where the parts of its file are, whose first groups are these.
func describe(r *checkpoint.Run, data []byte, first []uint16) error {
	pr, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("look at a run that was written: %w", err)
	}
	defer func() { _ = pr.Close() }() // of bytes in memory
	if pr.NumRowGroups() != len(first) {
		return nil // a part was too long: the run is read as a whole
	}
	var end int64
	for i := range first {
		column, err := pr.MetaData().RowGroup(i).ColumnChunk(0)
		if err != nil {
			return fmt.Errorf("look at a run that was written: %w", err)
		}
		at, groups := column.DataPageOffset(), stream.KeyGroupRange{Start: stream.KeyGroup(first[i]), End: r.Groups.End}
		if i > 0 {
			p := &r.Parts[i-1]
			p.Bytes, p.Groups.End = at-p.At, groups.Start
		}
		r.Parts = append(r.Parts, checkpoint.Part{Groups: groups, At: at, Bytes: pr.MetaData().RowGroup(i).TotalCompressedSize()})
		end = at + r.Parts[i].Bytes
	}
	for i, p := range r.Parts {
		r.Parts[i].Sum = checkpoint.Sum(data[p.At : p.At+p.Bytes])
	}
	r.FootSum = checkpoint.Sum(data[end:])
	return nil
}

// runFile is a run's file, or the pieces of it that a task needs.
type runFile struct {
	run    checkpoint.Run
	pieces []piece
	groups []int // the row groups that are needed; nil means all
}

type piece struct {
	at   int64
	data []byte
}

// ReadAt implements io.ReaderAt.
func (f *runFile) ReadAt(p []byte, off int64) (int, error) {
	for _, x := range f.pieces {
		if off >= x.at && off < x.at+int64(len(x.data)) {
			n := copy(p, x.data[off-x.at:])
			if n < len(p) {
				return n, io.EOF
			}
			return n, nil
		}
	}
	return 0, io.EOF
}

// open returns a reader of the file.
func (f *runFile) open() *io.SectionReader { return io.NewSectionReader(f, 0, f.run.Bytes) }

// fetchParts reads of the run's file what its key groups need, by ranges if that is
// not all, and checks it against what the checkpoint says.
func fetchParts(ctx context.Context, store checkpoint.Store, r checkpoint.Run) (*runFile, error) {
	f := &runFile{run: r}
	first, last := -1, -1
	for i, p := range r.Parts {
		if p.Groups.Overlaps(r.Groups) {
			if first < 0 {
				first = i
			}
			last = i
			f.groups = append(f.groups, i)
		}
	}
	if len(f.groups) == len(r.Parts) {
		data, err := fetchRun(ctx, store, r)
		f.groups, f.pieces = nil, []piece{{0, data}}
		return f, err
	}
	end := r.Parts[len(r.Parts)-1]
	foot := checkpoint.Part{At: end.At + end.Bytes, Bytes: r.Bytes - end.At - end.Bytes, Sum: r.FootSum}
	if first < 0 {
		f.groups = []int{} // none
		return f, f.fetch(ctx, store, foot)
	}
	needed := r.Parts[first : last+1]
	if last == len(r.Parts)-1 {
		return f, f.fetch(ctx, store, append(needed[:len(needed):len(needed)], foot)...)
	}
	if err := f.fetch(ctx, store, needed...); err != nil {
		return nil, err
	}
	return f, f.fetch(ctx, store, foot)
}

// fetch reads parts that lie side by side.
func (f *runFile) fetch(ctx context.Context, store checkpoint.Store, parts ...checkpoint.Part) error {
	at, end := parts[0].At, parts[len(parts)-1].At+parts[len(parts)-1].Bytes
	data, err := store.GetRange(ctx, f.run.File, at, end-at)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: run %s is missing", checkpoint.ErrCorrupt, f.run.File)
	case err != nil:
		return fmt.Errorf("read run %s: %w", f.run.File, err)
	}
	for _, p := range parts {
		if checkpoint.Sum(data[p.At-at:p.At-at+p.Bytes]) != p.Sum {
			return fmt.Errorf("%w: run %s, from %d on: the checksum does not match", checkpoint.ErrCorrupt, f.run.File, p.At)
		}
	}
	f.pieces = append(f.pieces, piece{at, data})
	return nil
}
