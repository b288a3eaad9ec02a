package wadi

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/internal/render"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/stream"
)

// Execute carries out statements in the session of a client that they name and
// tells what each gives. Jobs are started, not waited for; the rows of a query
// are told as they come.
func (s *Session) Execute(ctx context.Context, st rest.Statements, each func(rest.Outcome) error) error {
	e, err := s.shared(st.Session, time.Now()) //nolint:forbidigo // which session is forgotten first
	if err != nil {
		return err
	}
	defer s.giveBack(e)
	for k, v := range st.Config {
		if err := e.Set(k, v); err != nil {
			return err
		}
	}
	return e.Execute(ctx, st.Text, func(o Outcome) error {
		switch {
		case o.Query != nil:
			return tellQuery(ctx, e.Env, o.Query, each)
		case o.Pipeline != nil:
			r, err := s.start(ctx, o.Pipeline, "", "")
			if err != nil {
				return err
			}
			return each(rest.Outcome{Job: &submitted(r)[0]})
		case o.Record != nil:
			return tellRecord(e.Env, o.Record, each)
		}
		return each(rest.Outcome{Message: o.Message})
	})
}

// tellQuery runs a query. When its rows change without end, each comes with how
// it changes the result, in op.
func tellQuery(ctx context.Context, e *Env, q *Query, each func(rest.Outcome) error) error {
	changes := q.Updating && !q.Bounded
	t := newTeller(e, q.Schema, changes, each)
	if err := t.begin(); err != nil {
		return err
	}
	if changes {
		for c, err := range q.Changes(ctx) {
			if err != nil {
				return err
			}
			if err := t.tell(&stream.Batch{Rows: c.Record, Kinds: c.Kinds}); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	for rec, err := range q.All(ctx) {
		if err != nil {
			return err
		}
		if err := t.tell(stream.NewBatch(rec)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// tellRecord tells the answer of SHOW, DESCRIBE or EXPLAIN.
func tellRecord(e *Env, rec arrow.RecordBatch, each func(rest.Outcome) error) error {
	t := newTeller(e, rec.Schema(), false, each)
	if err := t.begin(); err != nil {
		return err
	}
	return t.tell(stream.NewBatch(rec))
}

// teller turns batches into rows of JSON.
type teller struct {
	columns []rest.Column
	out     bytes.Buffer
	rows    *render.Writer
	each    func(rest.Outcome) error
}

func newTeller(e *Env, schema *arrow.Schema, op bool, each func(rest.Outcome) error) *teller {
	t := &teller{each: each, columns: []rest.Column{}}
	if op {
		t.columns = append(t.columns, rest.Column{Name: "op", Type: "STRING"})
	}
	for _, f := range schema.Fields() {
		name := f.Type.String()
		if d, ok := datatype.FromField(f); ok {
			name = d.String()
		}
		t.columns = append(t.columns, rest.Column{Name: f.Name, Type: name})
	}
	t.rows = render.New(&t.out, schema, render.Options{Format: render.JSON, Op: op, Zone: e.Zone()})
	return t
}

func (t *teller) begin() error { return t.each(rest.Outcome{Columns: t.columns}) }

func (t *teller) tell(b *stream.Batch) error {
	t.out.Reset()
	if err := t.rows.Write(b); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	var lines [][]byte
	for line := range bytes.Lines(t.out.Bytes()) {
		lines = append(lines, bytes.Clone(bytes.TrimSuffix(line, []byte("\n"))))
	}
	if len(lines) == 0 {
		return nil
	}
	return t.each(rest.Outcome{Rows: lines})
}
