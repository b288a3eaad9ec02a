// Package blackhole is the sink that takes every row and keeps none.
package blackhole

import (
	"context"
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Checksum is the name of the counter that holds, with 'verify' = 'true', the
// sum modulo 2^64 of one number per row: the first eight bytes, little-endian,
// of the MD5 of the row's text, in which a tab follows each column and NULL is
// \N. It does not depend on the order of the rows. In DuckDB it is
//
//	sum(md5_number_upper(coalesce(a::varchar, '\N') || chr(9) || …)) % 2^64
const Checksum = "checksum"

// Connector offers the sink as 'connector' = 'blackhole'.
func Connector() *ops.Connector {
	return &ops.Connector{
		Name:      "blackhole",
		Options:   []ops.Option{{Key: "verify", Default: "false", Help: "Whether to sum up every column of every row in the counter checksum."}},
		Resolve:   func(_ context.Context, t job.Table) (job.Table, error) { return t, nil },
		Changelog: true,
		Beside:    ops.Suffixed(), // nothing is written anywhere
		Sink: func(_ context.Context, t job.Table) (ops.Sink, error) {
			verify, err := strconv.ParseBool(strings.ToLower(t.Options["verify"]))
			if err != nil && t.Options["verify"] != "" {
				return nil, fmt.Errorf("%w: table %s: option 'verify' = '%s': want true or false", job.ErrInvalid, t.Ident, t.Options["verify"])
			}
			return sink{verify}, nil
		},
	}
}

type sink struct{ verify bool }

func (s sink) Writer(_ context.Context, rt ops.Runtime) (ops.SinkWriter, error) {
	if !s.verify {
		return writer{}, nil
	}
	return &verifier{sum: rt.Counter(Checksum), alloc: rt.Allocator()}, nil
}

func (s sink) Committer(context.Context, ops.SinkID) (ops.Committer, error) { return nil, nil }

type writer struct{}

func (writer) Write(_ context.Context, b *stream.Batch) error {
	b.Release()
	return nil
}

func (writer) Prepare(context.Context, stream.Epoch, bool) ([]ops.Committable, error) {
	return nil, nil
}
func (writer) Close() error { return nil }

// verifier looks at every value before it lets it go.
type verifier struct {
	writer
	sum   ops.Counter
	alloc memory.Allocator

	texts *expr.Program // casts the columns of schema to strings
	of    *arrow.Schema
	row   []byte
}

func (v *verifier) Write(_ context.Context, b *stream.Batch) error {
	defer b.Release()
	if err := v.compile(b.Rows.Schema()); err != nil {
		return err
	}
	cols, err := v.texts.Eval(v.alloc, b.Rows, nil)
	if err != nil {
		return fmt.Errorf("write values as text: %w", err)
	}
	var sum uint64
	for i := range b.Len() {
		v.row = v.row[:0]
		for _, c := range cols {
			if c.IsNull(i) {
				v.row = append(v.row, `\N`...)
			} else {
				v.row = append(v.row, c.(*array.StringView).Value(i)...)
			}
			v.row = append(v.row, '\t')
		}
		h := md5.Sum(v.row)
		n := binary.LittleEndian.Uint64(h[:8])
		if b.Kind(i).Retracts() {
			n = -n
		}
		sum += n
	}
	for _, c := range cols {
		c.Release()
	}
	v.sum.Add(int64(sum))
	return nil
}

func (v *verifier) compile(s *arrow.Schema) (err error) {
	if v.of == s {
		return nil
	}
	casts := make([]expr.Expr, s.NumFields())
	for i, f := range s.Fields() {
		col := &expr.Column{Index: i, Name: f.Name, Of: f.Type}
		if casts[i] = col; f.Type.ID() != arrow.STRING_VIEW {
			casts[i] = &expr.Call{Func: "cast", Of: arrow.BinaryTypes.StringView, Args: []expr.Expr{col}}
		}
	}
	v.of = s
	v.texts, err = expr.Compile(casts, s, expr.Env{})
	return err
}
