// Package print is the sink that writes rows to standard output, as Flink's
// print connector does: one line per row, with its kind in front.
//
//	+I[42, Alice, 2020-10-10 00:00:05.000]
//	identifier:2> -D[…]          with 'print-identifier', by task 2 of several
package print

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"strconv"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Connector offers the sink as 'connector' = 'print'. Rows go to out, or to
// err with 'standard-error' = 'true'; nil stands for those of the process.
func Connector(out, err io.Writer) *ops.Connector {
	if out == nil {
		out = os.Stdout
	}
	if err == nil {
		err = os.Stderr
	}
	c := &console{out: out, err: err}
	return &ops.Connector{
		Name: "print",
		Options: []ops.Option{
			{Key: "print-identifier", Help: "Text in front of every line."},
			{Key: "standard-error", Default: "false", Help: "Whether to write to standard error instead."},
		},
		Resolve:   func(_ context.Context, t job.Table) (job.Table, error) { return t, nil },
		Changelog: true,
		Retracts:  func(job.Table) bool { return true },
		Sink:      c.open,
		Beside: func(t job.Table, suffix string) (job.Table, error) {
			t.Options = maps.Clone(t.Options)
			t.Options["print-identifier"] += suffix
			return t, nil
		},
	}
}

// console is shared by the tasks of every sink, so that lines stay whole.
type console struct {
	mu       sync.Mutex
	out, err io.Writer
}

func (c *console) open(_ context.Context, t job.Table) (ops.Sink, error) {
	s := sink{console: c, to: c.out, identifier: t.Options["print-identifier"]}
	if text := t.Options["standard-error"]; text != "" {
		toErr, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("%w: table %s: option 'standard-error' = '%s': want true or false", job.ErrInvalid, t.Ident, text)
		}
		if toErr {
			s.to = c.err
		}
	}
	return s, nil
}

type sink struct {
	console    *console
	to         io.Writer
	identifier string
}

func (s sink) Writer(_ context.Context, rt ops.Runtime) (ops.SinkWriter, error) {
	w := &writer{sink: s, alloc: rt.Allocator()}
	task := rt.Task()
	switch several := task.Parallelism > 1; {
	case s.identifier != "" && several:
		w.prefix = fmt.Sprintf("%s:%d> ", s.identifier, task.Index+1)
	case s.identifier != "":
		w.prefix = s.identifier + "> "
	case several:
		w.prefix = fmt.Sprintf("%d> ", task.Index+1)
	}
	return w, nil
}

func (s sink) Committer(context.Context, ops.SinkID) (ops.Committer, error) { return nil, nil }

type writer struct {
	sink
	alloc  memory.Allocator
	prefix string
	text   *expr.Program // every column cast to a string
}

func (w *writer) Write(_ context.Context, b *stream.Batch) error {
	defer b.Release()
	if w.text == nil {
		if err := w.compile(b.Rows.Schema()); err != nil {
			return err
		}
	}
	cols, err := w.text.Eval(w.alloc, b.Rows, nil)
	if err != nil {
		return fmt.Errorf("print rows: %w", err)
	}
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	w.console.mu.Lock()
	defer w.console.mu.Unlock()
	to := bufio.NewWriter(w.to)
	for i := range b.Len() {
		to.WriteString(w.prefix)
		to.WriteString(b.Kind(i).String())
		to.WriteByte('[')
		for k, c := range cols {
			if k > 0 {
				to.WriteString(", ")
			}
			if c.IsNull(i) {
				to.WriteString("null")
			} else {
				to.WriteString(c.(*array.StringView).Value(i))
			}
		}
		to.WriteString("]\n")
	}
	if err := to.Flush(); err != nil {
		return fmt.Errorf("print rows: %w", err)
	}
	return nil
}

func (w *writer) compile(s *arrow.Schema) (err error) {
	casts := make([]expr.Expr, s.NumFields())
	for i, f := range s.Fields() {
		col := &expr.Column{Index: i, Name: f.Name, Of: f.Type}
		casts[i] = &expr.Call{Func: "cast", Args: []expr.Expr{col}, Of: arrow.BinaryTypes.StringView}
	}
	w.text, err = expr.Compile(casts, s, expr.Env{})
	return err
}

func (w *writer) Prepare(context.Context, stream.Epoch, bool) ([]ops.Committable, error) {
	return nil, nil
}

func (w *writer) Close() error { return nil }
