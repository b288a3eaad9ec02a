package statetable_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/statetable"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// saved is a savepoint of a job with windows.
const saved = "../../testdata/compat/savepoint-v1"

func opener(t *testing.T) statetable.Opener {
	stores := objstore.New(objstore.Options{})
	t.Cleanup(func() {
		if err := stores.Close(); err != nil {
			t.Error(err)
		}
	})
	return func(ctx context.Context, url string) (checkpoint.Store, error) { return stores.Open(ctx, url, nil) }
}

type runtime struct {
	ops.Runtime
	alloc memory.Allocator
}

func (r runtime) Allocator() memory.Allocator { return r.alloc }

// table is the first table of the savepoint, with its columns.
func table(t *testing.T, c *ops.Connector, open statetable.Opener) job.Table {
	t.Helper()
	at, err := filepath.Abs(saved)
	if err != nil {
		t.Fatal(err)
	}
	k, err := statetable.Open(t.Context(), open, at+"/_metadata")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range k.Tables() {
		if len(s.Runs) > 0 {
			jt, err := c.Resolve(t.Context(), job.Table{Connector: c.Name, Options: map[string]string{
				statetable.OptionPath: at, statetable.OptionUID: s.UID, statetable.OptionTable: s.Name,
			}})
			if err != nil {
				t.Fatal(err)
			}
			return jt
		}
	}
	t.Fatal("it holds no rows")
	return job.Table{}
}

// read reads the splits one after the other, and adds up rows as text; it gives
// up behind the first batch when it is told to, and says where it was.
func read(t *testing.T, s ops.Source, alloc memory.Allocator, splits []ops.Split, once bool) (rows []string, left []ops.Split) {
	t.Helper()
	r, err := s.Reader(t.Context(), runtime{alloc: alloc})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := r.Assign(splits); err != nil {
		t.Fatal(err)
	}
	for {
		f, err := r.Fetch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if f.Batch != nil {
			rows = append(rows, text(f.Batch)...)
			f.Batch.Release()
			if once {
				return rows, append([]ops.Split{f.After}, splits[1:]...)
			}
		}
		if f.After.ID == "" {
			return rows, nil
		}
	}
}

func text(b *stream.Batch) []string {
	var rows []string
	for i := range int(b.Rows.NumRows()) {
		var cells []string
		for _, c := range b.Rows.Columns() {
			cells = append(cells, c.ValueStr(i))
		}
		rows = append(rows, strings.Join(cells, " "))
	}
	return rows
}

// TestRead reads a table whole, some of its columns, and on from where another
// reader was.
func TestRead(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	open := opener(t)
	c := statetable.Connector(open)
	jt := table(t, c, open)
	whole := scan(t, c, ops.Scan{Table: jt})
	splits := take(t, whole)
	if len(splits) == 0 {
		t.Fatal("no splits")
	}
	all, _ := read(t, whole, alloc, splits, false)
	if len(all) == 0 {
		t.Fatal("no rows")
	}
	some, left := read(t, whole, alloc, splits, true)
	rest, _ := read(t, whole, alloc, left, false)
	if got := append(some, rest...); fmt.Sprint(got) != fmt.Sprint(all) {
		t.Errorf("read on: %q, want %q", got, all)
	}
	last := jt.Schema.NumFields() - 1
	narrow := scan(t, c, ops.Scan{Table: jt, Columns: [][]string{{jt.Schema.Field(last).Name}}})
	rows, _ := read(t, narrow, alloc, take(t, narrow), false)
	for i, row := range rows {
		if cells := strings.Split(all[i], " "); row != cells[last] {
			t.Errorf("row %d: its last column is %s, and read alone %s", i, cells[last], row)
		}
	}
	if len(rows) != len(all) {
		t.Errorf("%d rows instead of %d", len(rows), len(all))
	}
}

func scan(t *testing.T, c *ops.Connector, s ops.Scan) ops.Source {
	t.Helper()
	src, err := c.Source(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// take takes all splits, through a snapshot.
func take(t *testing.T, s ops.Source) []ops.Split {
	t.Helper()
	e, err := s.Enumerator(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if done, err := e.Discover(t.Context()); err != nil || !done {
		t.Fatal(done, err)
	}
	data, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if e, err = s.Enumerator(t.Context(), data); err != nil {
		t.Fatal(err)
	}
	return e.Take(0, 1, 10)
}

// TestMistakes names what there is.
func TestMistakes(t *testing.T) {
	open := opener(t)
	c := statetable.Connector(open)
	jt := table(t, c, open)
	for _, m := range []struct{ key, value, want string }{
		{statetable.OptionTable, jt.Options[statetable.OptionTable] + "s", "did you mean '" + jt.Options[statetable.OptionTable] + "'?"},
		{statetable.OptionTable, "nothing like it", "there are " + jt.Options[statetable.OptionTable]},
		{statetable.OptionUID, jt.Options[statetable.OptionUID] + "0", "did you mean '" + jt.Options[statetable.OptionUID] + "'?"},
		{statetable.OptionPath, os.TempDir() + "/nothing", "there is no checkpoint at"},
		{statetable.OptionUID, "", "option 'operator.uid' is missing"},
	} {
		bad := job.Table{Options: map[string]string{}}
		for k, v := range jt.Options {
			bad.Options[k] = v
		}
		bad.Options[m.key] = m.value
		if _, err := c.Resolve(t.Context(), bad); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), m.want) {
			t.Errorf("%s = %q: %v, want %q", m.key, m.value, err, m.want)
		}
	}
	wrong := jt
	wrong.Schema = job.Schema{Schema: arrow.NewSchema([]arrow.Field{{Name: jt.Schema.Field(0).Name, Type: arrow.FixedWidthTypes.Boolean}}, nil)}
	s := scan(t, c, ops.Scan{Table: wrong})
	r, err := s.Reader(t.Context(), runtime{alloc: memory.DefaultAllocator})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Assign(take(t, s)); err != nil {
		t.Fatal(err)
	}
	if f, err := r.Fetch(t.Context()); !errors.Is(err, job.ErrInvalid) {
		t.Errorf("a column of another type: %v, %v", f, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
