package wadi_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/deal"
	"github.com/wadi-engine/wadi/internal/sqltest"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// docs/writing-a-connector.md: begin

// squares is a source: 0, 1, 4, 9, … up to the square of last, in two splits.
type squares struct {
	ops.Scan
	last int64
}

func (s squares) Schema() *arrow.Schema { return s.Table.Schema.Schema }
func (squares) Bounded() bool           { return true }

func (s squares) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	return deal.NewList(func(context.Context) ([]ops.Split, error) { // a position is the number to read next
		return []ops.Split{{ID: "even", Position: []byte("0")}, {ID: "odd", Position: []byte("1")}}, nil
	}, state)
}

func (s squares) Reader(_ context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	return &reader{squares: s, alloc: rt.Allocator()}, nil
}

type reader struct {
	squares
	alloc  memory.Allocator
	splits []ops.Split
}

func (r *reader) Assign(splits []ops.Split) error {
	r.splits = append(r.splits, splits...)
	return nil
}

func (r *reader) Fetch(context.Context) (ops.Fetched, error) {
	if len(r.splits) == 0 {
		return ops.Fetched{}, nil
	}
	n, err := strconv.ParseInt(string(r.splits[0].Position), 10, 64)
	if err != nil {
		return ops.Fetched{}, err
	}
	b := array.NewRecordBuilder(r.alloc, r.Schema())
	defer b.Release()
	for to := min(n+2000, r.last+1); n < to; n += 2 {
		b.Field(0).(*array.Int64Builder).Append(n * n)
	}
	r.splits[0].Position = strconv.AppendInt(nil, n, 10)
	f := ops.Fetched{Batch: stream.NewBatch(b.NewRecordBatch()), After: r.splits[0], Done: n > r.last}
	if f.Done {
		r.splits = r.splits[1:]
	}
	return f, nil
}

func (r *reader) Close() error { return nil }

// folder is a sink: a file of lines for each task and epoch, there when the epoch is durable.
type folder struct{ dir string }

func (s folder) Writer(_ context.Context, rt ops.Runtime) (ops.SinkWriter, error) {
	return &writer{folder: s, task: rt.Task()}, nil
}
func (s folder) Committer(context.Context, ops.SinkID) (ops.Committer, error) { return s, nil }

type writer struct {
	folder
	task ops.TaskInfo
	text strings.Builder
}

func (w *writer) Write(_ context.Context, b *stream.Batch) error {
	defer b.Release()
	for i := range b.Len() {
		fmt.Fprintln(&w.text, b.Rows.Column(0).ValueStr(i))
	}
	return nil
}

func (w *writer) Prepare(_ context.Context, e stream.Epoch, _ bool) ([]ops.Committable, error) {
	name := fmt.Sprintf("%s-%d-%d.txt", w.task.Job, e, w.task.Index)
	defer w.text.Reset()
	return []ops.Committable{ops.Committable(name)}, os.WriteFile(filepath.Join(w.dir, "."+name), []byte(w.text.String()), 0o600)
}
func (w *writer) Close() error { return nil }

func (s folder) Published(context.Context) (stream.Epoch, error) { return 0, nil } // Commit finds out
func (s folder) Commit(_ context.Context, all []ops.Pending, _ bool) (last stream.Epoch, err error) {
	for _, p := range all {
		for _, c := range p.Committables {
			err := os.Rename(filepath.Join(s.dir, "."+string(c)), filepath.Join(s.dir, string(c)))
			if err != nil && !errors.Is(err, fs.ErrNotExist) { // it has been renamed before
				return last, err
			}
		}
		last = p.Epoch
	}
	return last, nil
}
func (s folder) Close() error { return nil }

// connectors are given to the Env, and then are what 'connector' = 'squares' and 'folder' name.
func connectors() []*ops.Connector {
	resolve := func(_ context.Context, t job.Table) (job.Table, error) { return t, nil } // checks options
	return []*ops.Connector{
		{
			Name: "squares", Options: []ops.Option{{Key: "last"}}, Resolve: resolve,
			Source: func(_ context.Context, s ops.Scan) (ops.Source, error) {
				last, err := strconv.ParseInt(s.Table.Options["last"], 10, 64)
				return squares{s, last}, err
			},
		},
		{
			Name: "folder", Options: []ops.Option{{Key: "path"}}, Resolve: resolve,
			Sink: func(_ context.Context, t job.Table) (ops.Sink, error) { return folder{t.Options["path"]}, nil },
		},
	}
}

// docs/writing-a-connector.md: end

// TestConnectorExample runs the connectors of the docs, which show this file.
func TestConnectorExample(t *testing.T) {
	dir := filepath.ToSlash(t.TempDir())
	env, err := wadi.Local(wadi.Options{Parallelism: 2, Connectors: connectors(), Config: map[string]string{
		"execution.checkpointing.dir": "file://" + filepath.ToSlash(t.TempDir()), "execution.checkpointing.interval": "1 ms", "execution.runtime-mode": "streaming",
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	sqltest.Run(t, env, `CREATE TABLE squares (n BIGINT) WITH ('connector' = 'squares', 'last' = '9999');
		CREATE TABLE lines (n BIGINT) WITH ('connector' = 'folder', 'path' = '`+dir+`');
		INSERT INTO lines SELECT n FROM squares WHERE MOD(n, 10) = 9;`)
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.Fields(string(text))...)
	}
	for n := range 10000 {
		if n*n%10 == 9 {
			want = append(want, strconv.Itoa(n*n))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d lines in %d files, want %d", len(got), len(files), len(want))
	}
	inDocs(t)
}

// inDocs checks that the docs have the code of this file, and that it is short.
func inDocs(t *testing.T) {
	t.Helper()
	code, err := os.ReadFile("connector_example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	const marker = "// docs/writing-a-connector.md: "
	_, text, _ := strings.Cut(string(code), marker+"begin\n")
	text, _, _ = strings.Cut(text, marker+"end\n")
	page, err := os.ReadFile("docs/writing-a-connector.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), strings.TrimSpace(text)) {
		t.Error("docs/writing-a-connector.md does not show the code of connector_example_test.go")
	}
}
