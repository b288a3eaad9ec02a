package wadi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/connect/files"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/parquet"
	"github.com/wadi-engine/wadi/ops"
)

// filesystem is Flink's connector of that name: read by the connector of the
// format, written by package files.
func filesystem(formats map[string]*ops.Connector, env files.Env) *ops.Connector {
	by := func(t job.Table) (*ops.Connector, error) { return formatOf(formats, t) }
	known := slices.Clone(files.Options)
	seen := make(map[string]bool)
	for _, o := range known {
		seen[o.Key] = true
	}
	for _, f := range formats {
		for _, o := range f.Options {
			if !seen[o.Key] {
				seen[o.Key] = true
				known = append(known, o)
			}
		}
	}
	return &ops.Connector{
		Name: "filesystem", Options: known, Projects: true, Filters: true, Metadata: files.Metadata,
		Sink:       func(ctx context.Context, t job.Table) (ops.Sink, error) { return files.NewSink(ctx, t, env) },
		Changes:    func(t job.Table) bool { return files.Changelog(t.Options) },
		Publishes:  func(job.Table) bool { return true },
		Beside:     ops.Suffixed("path"),
		Overwrites: true, Truncate: func(ctx context.Context, t job.Table) error { return files.Truncate(ctx, t, env) },
		Timed:    func(t job.Table) bool { return files.Timed(t.Options) },
		Retracts: func(t job.Table) bool { return files.Changelog(t.Options) },
		Partitions: func(ctx context.Context, t job.Table) (keys, partitions []string, err error) {
			partitions, err = files.Partitions(ctx, t, env)
			return t.PartitionedBy, partitions, err
		},
		Rows: func(ctx context.Context, s ops.Scan) ops.Estimate {
			c, err := by(s.Table)
			if err != nil || c.Rows == nil || files.Beside(s.Table) {
				return ops.Estimate{}
			}
			s.Table = forReading(s.Table, c)
			return c.Rows(ctx, s)
		},
		Resolve: func(ctx context.Context, t job.Table) (job.Table, error) {
			c, err := by(t)
			if err != nil {
				return t, err
			}
			if t.Schema.Schema != nil { // it may be written: nothing need be there
				return t, nil
			}
			found, err := c.Resolve(ctx, forReading(t, c))
			options := maps.Clone(t.Options)
			maps.Copy(options, found.Options) // with what the files say, such as that they have a header
			found.Options = options
			return found, err
		},
		Source: func(ctx context.Context, s ops.Scan) (ops.Source, error) {
			c, err := by(s.Table)
			if err != nil {
				return nil, err
			}
			open := func(ctx context.Context, s ops.Scan) (ops.Source, error) {
				s.Table = forReading(s.Table, c)
				return c.Source(ctx, s)
			}
			if !files.Beside(s.Table) {
				return open(ctx, s)
			}
			by := files.Splits{Open: open, File: func(split string) string { return split }}
			if s.Table.Options["format"] == "parquet" {
				by.File = parquet.SplitFile
			}
			return files.NewSource(ctx, s, env, by)
		},
	}
}

// formatOf is the connector that reads the format of a filesystem table.
func formatOf(formats map[string]*ops.Connector, t job.Table) (*ops.Connector, error) {
	name := t.Options["format"]
	c := formats[name]
	if name == "orc" {
		return nil, fmt.Errorf("%w: table %s: ORC files are neither read nor written: no library for it in Go is kept up; turn them into Parquet, as with pyarrow: "+
			"pq.write_table(orc.read_table('x.orc'), 'x.parquet')", job.ErrInvalid, t.Ident)
	}
	if c == nil {
		return nil, fmt.Errorf("%w: table %s: option 'format' = '%s': want %s", job.ErrInvalid, t.Ident, name, strings.Join(slices.Sorted(maps.Keys(formats)), ", "))
	}
	return c, nil
}

// forReading is t without the options that are for writing files only.
func forReading(t job.Table, reader *ops.Connector) job.Table {
	t.Options = maps.Clone(t.Options)
	for _, w := range files.Options {
		if !slices.ContainsFunc(reader.Options, func(r ops.Option) bool { return r.Key == w.Key }) {
			delete(t.Options, w.Key)
		}
	}
	return t
}

// parquetFiles are the Parquet files of a filesystem table.
var parquetFiles = files.Format{New: parquetEncoder, Merge: mergeParquet, Packs: true}

// parquetEncoder writes a Parquet file of a filesystem table.
func parquetEncoder(w io.Writer, schema *arrow.Schema, options map[string]string, _ memory.Allocator) (files.Encoder, error) {
	f, err := parquet.NewWriter(w, schema, parquet.WriterOptions{Compression: strings.ToLower(options["parquet.compression"])})
	return parquetFile{f}, err
}

// parquetFile is a Parquet file whose metrics nobody wants.
type parquetFile struct{ *parquet.Writer }

func (f parquetFile) Close() error {
	_, err := f.Writer.Close()
	return err
}

// mergeParquet writes the rows of Parquet files into one.
func mergeParquet(ctx context.Context, w io.Writer, from []*objstore.Object, schema *arrow.Schema, options map[string]string, mem memory.Allocator) error {
	out, err := parquetEncoder(w, schema, options, mem)
	if err != nil {
		return err
	}
	for _, o := range from {
		if err := appendParquet(ctx, out, o, mem); err != nil {
			return fmt.Errorf("merge %s: %w", o.URL(), err)
		}
	}
	return out.Close()
}

func appendParquet(ctx context.Context, out files.Encoder, o *objstore.Object, mem memory.Allocator) error {
	f, err := parquet.Open(ctx, o, o.Size(), parquet.Options{Name: o.URL()})
	if err != nil {
		return err
	}
	r, err := f.Reader(parquet.ReadOptions{Alloc: mem})
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		rec, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		err = out.Write(rec)
		rec.Release()
		if err != nil {
			return err
		}
	}
}
