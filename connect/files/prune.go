package files

import (
	"context"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector/expr"
)

// partEnumerator hands out the splits of partitions whose rows may be wanted.
type partEnumerator struct {
	ops.SplitEnumerator
	source *partSource
}

// Take implements ops.SplitEnumerator.
func (e *partEnumerator) Take(reader, readers, n int) []ops.Split {
	for {
		taken := e.SplitEnumerator.Take(reader, readers, n)
		wanted := slices.DeleteFunc(slices.Clone(taken), func(s ops.Split) bool { return !e.source.wants(s.ID) })
		if len(wanted) > 0 || len(taken) == 0 {
			return wanted
		}
	}
}

// partitionConditions are the parts of a filter that are about partition columns
// alone.
func (s *partSource) partitionConditions(filter expr.Expr) []expr.Expr {
	parts := []expr.Expr{filter}
	if c, ok := filter.(*expr.Call); ok && c.Func == "and" {
		parts = c.Args
	}
	return slices.DeleteFunc(slices.Clone(parts), func(e expr.Expr) bool { return !s.aboutPartition(e) })
}

func (s *partSource) aboutPartition(e expr.Expr) bool {
	switch e := e.(type) {
	case *expr.Column:
		return e.Index < len(s.columns) && s.columns[e.Index].inner < 0 && s.columns[e.Index].inName()
	case *expr.Call:
		return !slices.ContainsFunc(e.Args, func(a expr.Expr) bool { return !s.aboutPartition(a) })
	}
	return true
}

// wants reports whether a split can have rows that pass the filter. What cannot
// be decided is read, so that the rows say what is wrong.
func (s *partSource) wants(split string) bool {
	none := arrow.NewSchema(nil, nil)
	row := array.NewRecordBatch(none, nil, 1)
	defer row.Release()
	for _, c := range s.conditions {
		e, err := s.of(c, split)
		if err != nil {
			return true
		}
		p, err := expr.Compile([]expr.Expr{e}, none, expr.Env{})
		if err != nil {
			return true
		}
		out, err := p.Eval(memory.DefaultAllocator, row, nil)
		if err != nil {
			return true
		}
		is, ok := out[0].(*array.Boolean)
		fails := ok && (is.IsNull(0) || !is.Value(0))
		out[0].Release()
		if fails {
			return false
		}
	}
	return true
}

// of is e with the values of a split's partition in place of their columns.
func (s *partSource) of(e expr.Expr, split string) (expr.Expr, error) {
	switch e := e.(type) {
	case *expr.Column:
		return s.value(split, s.columns[e.Index])
	case *expr.Call:
		args := make([]expr.Expr, len(e.Args))
		for i, a := range e.Args {
			var err error
			if args[i], err = s.of(a, split); err != nil {
				return nil, err
			}
		}
		return e.With(args), nil
	}
	return e, nil
}

// Enumerator implements ops.Source.
func (s *partSource) Enumerator(ctx context.Context, state []byte) (ops.SplitEnumerator, error) {
	e, err := s.inner.Enumerator(ctx, state)
	if err != nil || len(s.conditions) == 0 {
		return e, err
	}
	return &partEnumerator{SplitEnumerator: e, source: s}, nil
}
