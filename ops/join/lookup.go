package join

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// LookupKind is the name in a graph of a join whose right side is a table that is
// read again and again.
const LookupKind = "lookup-join"

// LookupConfig is that of a vertex of kind LookupKind, whose input is the left side.
type LookupConfig struct {
	Config
	// Table is the right side, and Right its columns.
	Table ops.Scan   `json:"table"`
	Right job.Schema `json:"right"`
	// AgainMillis is how long after a reading of the table the next one begins.
	AgainMillis int64 `json:"againMillis,omitempty"`
}

// Lookup joins every row with the rows of a table as it was when it was read last:
//
//	table read   1 x, 2 y      1 z           (again)
//	left         1   2         1   2
//	output       1 x 2 y       1 z 2 NULL    (LEFT JOIN)
//
// It keeps no state: after a crash the table is read as it is then.
type Lookup struct {
	join  Join
	scan  ops.Scan
	again time.Duration
}

var _ ops.Loading = (*Lookup)(nil)

// NewLookup builds the operator of a vertex of kind LookupKind.
func NewLookup(v job.Vertex, in []*arrow.Schema) (ops.Operator, error) {
	c, err := ops.DecodeConfig[LookupConfig](v)
	if err != nil {
		return nil, err
	}
	if len(in) != 1 || c.Right.Schema == nil {
		return nil, fmt.Errorf("%w: %s has %d inputs, want 1, and a table", job.ErrInvalid, v.Name, len(in))
	}
	c.Static = true
	j, err := newJoin(c.Config, v, []*arrow.Schema{in[0], c.Right.Schema})
	if err != nil {
		return nil, err
	}
	if c.LeftChanges || c.RightChanges {
		return nil, fmt.Errorf("%w: %s: rows are looked up in a table that may be another one when they are taken back", job.ErrInvalid, v.Name)
	}
	return &Lookup{join: *j, scan: c.Table, again: time.Duration(c.AgainMillis) * time.Millisecond}, nil
}

// Loads implements ops.Loading.
func (l *Lookup) Loads() (ops.Scan, time.Duration) { return l.scan, l.again }

// Open implements ops.Operator.
func (l *Lookup) Open(_ context.Context, rt ops.Runtime) error {
	j := &l.join
	j.alloc, j.built = rt.Allocator(), 1
	for i := range j.in {
		if err := j.in[i].open(); err != nil {
			return fmt.Errorf("%w: not supported yet: %w", job.ErrInvalid, err)
		}
	}
	return nil
}

// Loaded implements ops.Loading.
func (l *Lookup) Loaded(rows []arrow.RecordBatch) error {
	s := &l.join.in[1]
	s.close()
	if err := s.open(); err != nil {
		return err
	}
	for _, rec := range rows {
		if !rec.Schema().Equal(s.schema) && int(rec.NumCols()) != s.schema.NumFields() {
			return fmt.Errorf("%w: the table has %d columns, want %d", job.ErrInvalid, rec.NumCols(), s.schema.NumFields())
		}
		s.link(l.join.alloc, s.append(rec.Columns(), nil, int(rec.NumRows())))
	}
	return nil
}

// Process implements ops.Operator.
func (l *Lookup) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	if b.Len() == 0 {
		return nil
	}
	added, taken, err := l.join.split(0, b)
	if err != nil {
		return err
	}
	return l.join.collect(ctx, 0, b, added, taken, out)
}

// Advance implements ops.Operator.
func (l *Lookup) Advance(context.Context, stream.Watermark, ops.Output) error { return nil }

// Flush implements ops.Operator.
func (l *Lookup) Flush(context.Context, stream.Epoch, ops.Output) error { return nil }

// Close implements ops.Operator.
func (l *Lookup) Close() error { return l.join.Close() }
