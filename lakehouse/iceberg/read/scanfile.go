package read

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"

	"github.com/wadi-engine/wadi/lakehouse/parquet"
)

// Layout says what is read of data files, whatever schema they have.
type Layout struct {
	Schema  *ice.Schema
	Mapping ice.NameMapping
	Columns []Projected
	// Constants are values of columns that the files need not have, by field id:
	// those of identity partitions.
	Constants map[int]any
}

// File reads a Parquet file of a table: records of the layout's columns.
type File struct {
	layout Layout
	name   string
	in     iceio.File
	file   *parquet.File
	starts []int64 // position of the first row of each row group
	schema *arrow.Schema

	paths [][]string    // that are read
	have  []arrow.Field // of each path: its field, with ids
	from  []int         // of each column: index into paths, or -1

	mem    memory.Allocator
	reader *parquet.Reader
}

// OpenDataFile opens a file and finds the columns in it.
func OpenDataFile(ctx context.Context, files iceio.IO, name string, l Layout) (*File, error) {
	in, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	s := &File{layout: l, name: name, in: in, paths: [][]string{}}
	info, err := in.Stat()
	if err == nil {
		s.file, err = parquet.Open(ctx, in, info.Size(), parquet.Options{Name: name})
	}
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	s.bind()
	at := int64(0)
	for _, g := range s.file.RowGroups() {
		s.starts = append(s.starts, at)
		at += g.Rows
	}
	return s, nil
}

// bind finds the columns by their ids.
func (s *File) bind() {
	fields := withIDs(s.file.Schema().Fields(), s.layout.Mapping, s.layout.Schema)
	out := make([]arrow.Field, len(s.layout.Columns))
	s.from = make([]int, len(s.layout.Columns))
	for i, c := range s.layout.Columns {
		out[i] = c.Engine
		s.from[i] = -1
		if names, field, there := locate(fields, c.Path); there {
			s.from[i] = len(s.paths)
			s.paths, s.have = append(s.paths, names), append(s.have, field)
		}
	}
	s.schema = arrow.NewSchema(out, nil)
}

// start begins to read the row groups that begin in the range of bytes.
func (s *File) start(mem memory.Allocator, from, to int64) error {
	groups := []int{}
	for i, g := range s.file.RowGroups() {
		if g.Offset >= from && g.Offset < to {
			groups = append(groups, i)
		}
	}
	o := parquet.ReadOptions{RowGroups: groups, Columns: s.paths, Alloc: mem}
	if strings.Contains(s.name, "://") && !strings.HasPrefix(s.name, "file:") && !strings.HasPrefix(s.name, "mem:") {
		o.Ahead, o.Reads = 8<<20, 16 // the first byte of a request takes as long as some megabytes
	}
	s.mem = mem
	var err error
	s.reader, err = s.file.Reader(o)
	return err
}

// next gives the next rows and the position of the first of them, or io.EOF.
func (s *File) next(ctx context.Context) (rec arrow.RecordBatch, first int64, err error) {
	raw, err := s.reader.Next(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer raw.Release()
	group, row := s.reader.Position()
	cols := make([]arrow.Array, 0, len(s.from))
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	for i, c := range s.layout.Columns {
		col, err := s.column(raw, i)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: column %q: %w", s.name, c.Engine.Name, err)
		}
		cols = append(cols, col)
	}
	return array.NewRecordBatch(s.schema, cols, raw.NumRows()), s.starts[group] + row - raw.NumRows(), nil
}

// column is a column of the layout in the rows of raw.
func (s *File) column(raw arrow.RecordBatch, i int) (arrow.Array, error) {
	c, n := s.layout.Columns[i], int(raw.NumRows())
	if at := s.from[i]; at >= 0 {
		return evolve(s.mem, raw.Column(at), s.have[at], c.Field().Type, c.Engine.Type)
	}
	if v, there := s.layout.Constants[c.Field().ID]; there && len(c.Path) == 1 {
		return constantColumn(s.mem, c.Field(), v, c.Engine.Type, n)
	}
	return absent(s.mem, c.Field(), c.Engine.Type, n)
}

// Each gives all rows to do. A record is valid until it returns.
func (s *File) Each(ctx context.Context, mem memory.Allocator, do func(arrow.RecordBatch) error) error {
	if err := s.start(mem, 0, 1<<62); err != nil {
		return err
	}
	for {
		rec, _, err := s.next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		err = do(rec)
		rec.Release()
		if err != nil {
			return err
		}
	}
}

// Close closes the file.
func (s *File) Close() {
	if s.reader != nil {
		_ = s.reader.Close() // never fails
	}
	_ = s.in.Close() // nothing was written
}
