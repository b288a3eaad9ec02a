package rowfile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

var (
	_ ops.Updating        = (*source)(nil)
	_ ops.SplitEnumerator = (*enumerator)(nil)
	_ ops.SplitReader     = (*reader)(nil)
)

type source struct {
	*opener
	settings
	table job.Table
}

func (s *source) Schema() *arrow.Schema { return s.schema }
func (s *source) Bounded() bool         { return s.monitor == 0 }

// Updating implements ops.Updating.
func (s *source) Updating() bool { return s.format.changes }

// DiscoveryInterval is how often the coordinator looks for new files.
func (s *source) DiscoveryInterval() time.Duration { return s.monitor }

// splitDoc is a split's position, as the checkpoint has it.
type splitDoc struct {
	File file     `json:"file"`
	At   position `json:"at"`
}

// enumerator finds files. A file is known by its URL: one that changes after
// it was found is not read again.
type enumerator struct {
	*source
	state struct {
		Known []string    `json:"known"`
		Left  []ops.Split `json:"left"`
	}
	known map[string]bool
}

func (s *source) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	e := &enumerator{source: s, known: make(map[string]bool)}
	if state != nil {
		if err := json.Unmarshal(state, &e.state); err != nil {
			return nil, fmt.Errorf("restore the files of table %s: %w", s.table.Ident, err)
		}
	}
	for _, url := range e.state.Known {
		e.known[url] = true
	}
	return e, nil
}

// Discover lists the files and adds those that are new, in the order of their names.
func (e *enumerator) Discover(ctx context.Context) (bool, error) {
	props := objstore.Properties(e.table.Options)
	found, err := e.stores.Find(ctx, e.table.Options["path"], e.table.Options[optRegex], props)
	if err != nil {
		return false, fmt.Errorf("list files of table %s: %w", e.table.Ident, err)
	}
	if len(found) == 0 && e.Bounded() {
		if written, err := e.stores.Written(ctx, e.table.Options["path"], props); written || err != nil {
			return err == nil, err
		}
		return false, fmt.Errorf("%w: table %s: no file matches %s", job.ErrInvalid, e.table.Ident, objstore.Redact(e.table.Options["path"]))
	}
	for _, f := range found {
		if e.known[f.URL] {
			continue
		}
		p, err := json.Marshal(splitDoc{File: fileOf(f)})
		if err != nil {
			return false, err
		}
		e.known[f.URL] = true
		e.state.Known = append(e.state.Known, f.URL)
		e.state.Left = append(e.state.Left, ops.Split{ID: f.URL, Position: p})
	}
	return e.Bounded(), nil
}

func (e *enumerator) Take(_, _, n int) []ops.Split {
	n = min(n, len(e.state.Left))
	taken := e.state.Left[:n:n]
	e.state.Left = e.state.Left[n:]
	return taken
}

func (e *enumerator) Return(splits []ops.Split) {
	for _, s := range splits {
		if !e.known[s.ID] {
			e.known[s.ID] = true
			e.state.Known = append(e.state.Known, s.ID)
		}
	}
	e.state.Left = append(splits[:len(splits):len(splits)], e.state.Left...)
}

func (e *enumerator) Snapshot() ([]byte, error) { return json.Marshal(e.state) }
func (e *enumerator) Close() error              { return nil }

// batchRows is how many rows travel together.
const batchRows = 8 << 10

// reader reads one file after the other.
type reader struct {
	*source
	alloc   memory.Allocator
	bad     ops.Counter
	queue   []ops.Split
	current *splitDoc
	in      input
	decoder decoder
}

func (s *source) Reader(_ context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	return &reader{source: s, alloc: rt.Allocator(), bad: rt.Counter("numRecordsInErrors")}, nil
}

func (r *reader) Assign(splits []ops.Split) error {
	r.queue = append(r.queue, splits...)
	return nil
}

func (r *reader) Fetch(ctx context.Context) (ops.Fetched, error) {
	if r.current == nil {
		if len(r.queue) == 0 {
			return ops.Fetched{}, nil
		}
		if err := r.open(ctx); err != nil {
			return ops.Fetched{}, err
		}
	}
	rec, bad, at, err := r.decoder.next(r.alloc, batchRows)
	split := r.queue[0]
	if errors.Is(err, io.EOF) {
		r.current, r.queue = nil, r.queue[1:]
		return ops.Fetched{After: split, Done: true}, errors.Join(r.decoder.close(), r.in.close())
	}
	if err != nil {
		return ops.Fetched{}, fmt.Errorf("read %s: %w", r.in.name, err)
	}
	r.current.At = at
	f := ops.Fetched{After: ops.Split{ID: split.ID}}
	if f.After.Position, err = json.Marshal(*r.current); err != nil {
		return f, err
	}
	if f.Errors, err = r.letters(bad); err != nil {
		if rec != nil {
			rec.Release()
		}
		return f, err
	}
	if rec != nil {
		f.Batch = stream.NewBatch(rec)
		if d, ok := r.decoder.(changing); ok {
			f.Batch.Kinds = d.kinds()
		}
	}
	return f, nil
}

// open opens the first file of the queue.
func (r *reader) open(ctx context.Context) (err error) {
	doc := &splitDoc{}
	if err := json.Unmarshal(r.queue[0].Position, doc); err != nil {
		return fmt.Errorf("position in %s: %w", r.queue[0].ID, err)
	}
	if r.in, err = openInput(ctx, r.stores, doc.File, objstore.Properties(r.table.Options)); err != nil {
		return err
	}
	if r.decoder, err = r.format.open(r.in, doc.At, r.settings); err != nil {
		return errors.Join(fmt.Errorf("read %s: %w", r.in.name, err), r.in.close())
	}
	r.current = doc
	return nil
}

// letters does with bad rows what the policy says.
func (r *reader) letters(bad []badRow) (*stream.Batch, error) {
	if len(bad) == 0 {
		return nil, nil
	}
	r.bad.Add(int64(len(bad)))
	switch r.policy {
	case skip:
		return nil, nil
	case deadLetter:
		return r.dead(bad), nil
	case fail:
	}
	b := bad[0]
	return nil, fmt.Errorf("%w: %s, row %d: %s: %s; 'error.policy' = 'skip' or 'dead-letter' goes on without such rows",
		job.ErrInvalid, r.in.name, b.row, b.reason, excerpt(b.bytes))
}

// dead is the bad rows with the schema ops.DeadLetters.
func (r *reader) dead(bad []badRow) *stream.Batch {
	b := array.NewRecordBuilder(r.alloc, ops.DeadLetters)
	defer b.Release()
	for _, row := range bad {
		b.Field(0).(*array.StringViewBuilder).Append(r.table.Ident.String())
		b.Field(1).(*array.StringViewBuilder).Append(r.in.name)
		b.Field(2).(*array.Int64Builder).Append(row.row)
		b.Field(3).(*array.StringViewBuilder).Append(row.reason)
		b.Field(4).(*array.BinaryViewBuilder).Append(row.bytes)
	}
	return stream.NewBatch(b.NewRecordBatch())
}

// excerpt is the beginning of b, for an error.
func excerpt(b []byte) string {
	const most = 80
	if len(b) > most {
		return fmt.Sprintf("%q…", b[:most])
	}
	return fmt.Sprintf("%q", b)
}

func (r *reader) Close() error {
	if r.current == nil {
		return nil
	}
	return errors.Join(r.decoder.close(), r.in.close())
}
