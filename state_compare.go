package wadi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/connect/files"
	"github.com/wadi-engine/wadi/engine/statetable"
	"github.com/wadi-engine/wadi/internal/render"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/mem"
)

// StateDifference is how a table of state differs between two checkpoints.
type StateDifference = statetable.Difference

// CompareCheckpoints compares the tables of two checkpoints or savepoints. Rows, if
// not nil, gets the rows that differ, those of the earlier as taken back.
func (e *Env) CompareCheckpoints(ctx context.Context, earlier, later string, rows func(StateDifference, Changes) error) ([]StateDifference, error) {
	a, err := statetable.Open(ctx, e.openState, earlier)
	if err != nil {
		return nil, err
	}
	b, err := statetable.Open(ctx, e.openState, later)
	if err != nil {
		return nil, err
	}
	var each statetable.ChangedRows
	if rows != nil {
		each = func(d StateDifference, rec arrow.RecordBatch, kinds []stream.RowKind) error {
			return rows(d, Changes{Record: rec, Kinds: kinds})
		}
	}
	return statetable.Compare(ctx, a, b, mem.Default(), each)
}

// StateFormats are those in which ExportState writes.
var StateFormats = []string{"parquet", "csv", "jsonl"}

// ExportState writes the rows of one table of a checkpoint, and says how many
// there were.
func (e *Env) ExportState(ctx context.Context, checkpointPath, uid, table, format string, to io.Writer) (rows int64, err error) {
	if !slices.Contains(StateFormats, format) {
		return 0, fmt.Errorf("%w: state is not written as %q; there are %q", job.ErrInvalid, format, StateFormats)
	}
	f := e.Read(map[string]string{
		"connector": statetable.Name, statetable.OptionPath: checkpointPath, statetable.OptionUID: uid, statetable.OptionTable: table,
	})
	schema, err := f.Schema(ctx)
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriter(to)
	w, err := stateEncoder(out, schema, format)
	if err != nil {
		return 0, err
	}
	for rec, err := range f.All(ctx) {
		if err == nil {
			rows += rec.NumRows()
			err = w.Write(rec)
		}
		if err != nil {
			return rows, err
		}
	}
	if err := w.Close(); err != nil {
		return rows, err
	}
	return rows, out.Flush()
}

func stateEncoder(to io.Writer, schema *arrow.Schema, format string) (files.Encoder, error) {
	switch format {
	case "csv":
		return textState{render.New(to, schema, render.Options{Format: render.CSV})}, nil
	case "jsonl":
		return textState{render.New(to, schema, render.Options{Format: render.JSON})}, nil
	}
	return parquetEncoder(to, schema, nil, nil)
}

// textState writes rows as lines of text.
type textState struct{ *render.Writer }

func (t textState) Write(rec arrow.RecordBatch) error { return t.Writer.Write(stream.NewBatch(rec)) }
