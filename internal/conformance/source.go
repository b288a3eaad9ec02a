package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/stream"
)

// valuesOptions are the options of the connector 'values' of Flink's tests, as
// far as the corpora use them. Those that only steer Flink's planner do nothing.
var valuesOptions = []string{
	"data-id", "bounded", "terminating", "changelog-mode", "failing-source", "enable-watermark-push-down", "enable-projection-push-down",
	"filterable-fields", "nested-projection-supported", "readable-metadata", "writable-metadata", "partition-list", "sink-insert-only",
	"sink-expected-messages-num", "sink-changelog-mode-enforced", "disable-lookup", "async", "lookup-function-class", "runtime-source",
	"runtime-sink", "table-source-class", "table-sink-class", "sink.parallelism", "scan.parallelism", "scan.watermark.emit.strategy",
	"register-internal-data", "dynamic-filtering-fields", "aggregation-push-down", "limit-push-down", "source.sleep-after-elements",
	"source.sleep-time", "source.num-element-to-skip", "sink.drop-late-event", "sink-drop-late-event", "supports-delete-by-key",
	"sink.supports-delete-by-key", "source.produces-delete-by-key", "sink.requires-delete-by-key", "lookup-threshold", "start-lookup-threshold",
	"enable-vector-search", "enable-aggregate-push-down", "full-cache-reload", "lookup.cache", "partial-cache", "lookup.max-retries",
	"lookup.partial-cache.max-rows", "latency", "failing", "push-down", "side-output", "parallelism", "use-computed-column",
}

// connectorName is what the connector 'values' of Flink's tests is called here.
const connectorName = "flink-test-values"

// connector offers the world's tables, by the option 'data-id' or the table's
// own name.
func (w *world) connector() *ops.Connector {
	options := make([]ops.Option, len(valuesOptions))
	for i, k := range valuesOptions {
		options[i] = ops.Option{Key: k, Help: "As in Flink's tests."}
	}
	return &ops.Connector{
		Name: connectorName, Options: options, Changelog: true, Metadata: w.metadata, InOrder: true,
		Overwrites: true, OverwritesStreams: true, // a sink has the rows of one run
		Resolve: func(_ context.Context, t job.Table) (job.Table, error) { return t, nil },
		Retracts: func(t job.Table) bool {
			return strings.Contains(t.Options["sink-changelog-mode-enforced"], "UB")
		},
		KeyDeletes: func(t job.Table) bool { return t.Options["sink.supports-delete-by-key"] == "true" },
		Source: func(_ context.Context, s ops.Scan) (ops.Source, error) {
			id := s.Table.Options["data-id"]
			if id == "" {
				id = s.Table.Ident.Name
			}
			t := w.tables[id]
			if t == nil {
				return nil, fmt.Errorf("%w: no values for table %q", job.ErrInvalid, id)
			}
			lookup := s.Table.Options["disable-lookup"] == "false"
			if !lookup {
				w.reads(id)
			}
			return &source{world: w, id: id, table: t, schema: s.Table.Schema.Schema, metadata: metadataKeys(s.Table.Options["readable-metadata"]), upserts: upserts(s.Table.Options["changelog-mode"]), lookup: lookup, key: keyOf(s.Table)}, nil
		},
		Sink: func(_ context.Context, t job.Table) (ops.Sink, error) {
			w.keyed(t)
			return &sink{world: w, table: t.Ident.Name}, nil
		},
	}
}

func keyOf(t job.Table) []int {
	var out []int
	for _, k := range t.PrimaryKey {
		out = append(out, t.Schema.FieldIndices(k)[0])
	}
	return out
}

// upserts reports a changelog mode such as I,UA,D.
func upserts(mode string) bool { return strings.Contains(mode, "UA") && !strings.Contains(mode, "UB") }

// source is one table in one split.
type source struct {
	world  *world
	id     string
	table  *table
	schema *arrow.Schema
	// metadata are the keys behind a row's values.
	metadata []string
	upserts  bool
	// lookup says that the table is looked up: it is whole from the beginning.
	lookup bool
	// key are the positions of the primary key.
	key []int
}

// latest leaves the last row of each key.
func latest(rows []change, key []int) []change {
	if len(key) == 0 {
		return rows
	}
	at := map[string]int{}
	var out []change
	for _, r := range rows {
		var id []any
		for _, k := range key {
			id = append(id, r.row[k])
		}
		text := fmt.Sprint(id)
		if i, ok := at[text]; ok {
			out[i] = r
			continue
		}
		at[text] = len(out)
		out = append(out, r)
	}
	return out
}

func (s *source) Schema() *arrow.Schema { return s.schema }
func (s *source) Updating() bool        { return s.table.changing() || s.upserts }

// Bounded is what the planner hears. As in Flink's tests, the sources of a
// program that is restored have no end in its plan, though they end.
func (s *source) Bounded() bool { return s.ends() && !s.world.restores || s.lookup }

// ends reports whether the rows have an end.
func (s *source) ends() bool { return s.world.phase == 2 && !s.world.endless || s.lookup }

// Upserts reports a changelog without UPDATE_BEFORE.
func (s *source) Upserts() bool { return s.upserts }

func (s *source) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	e := &enumerator{Left: []ops.Split{{ID: s.id}}}
	if state != nil {
		e.Left = nil
		if err := json.Unmarshal(state, e); err != nil {
			return nil, err
		}
	}
	return e, nil
}

type enumerator struct{ Left []ops.Split }

func (e *enumerator) Discover(context.Context) (bool, error) { return true, nil }
func (e *enumerator) Take(_, _, n int) []ops.Split {
	n = min(n, len(e.Left))
	taken := e.Left[:n:n]
	e.Left = e.Left[n:]
	return taken
}
func (e *enumerator) Return(s []ops.Split)      { e.Left = append(s, e.Left...) }
func (e *enumerator) Snapshot() ([]byte, error) { return json.Marshal(e) }
func (e *enumerator) Close() error              { return nil }

func (s *source) Reader(_ context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	return &reader{source: s, alloc: rt.Allocator()}, nil
}

// reader reads rows in batches of the world's cut. A position is the number of
// rows that have been read.
type reader struct {
	*source
	alloc memory.Allocator
	split *ops.Split
	at    int
	// pause is closed when an epoch was published; the reader then fails.
	pause <-chan struct{}
}

func (r *reader) Assign(splits []ops.Split) (err error) {
	r.split = &splits[0]
	r.world.enters(r.id)
	if len(r.split.Position) > 0 {
		r.at, err = strconv.Atoi(string(r.split.Position))
	}
	return err
}

func (r *reader) Fetch(context.Context) (ops.Fetched, error) {
	if r.split == nil {
		return ops.Fetched{}, nil
	}
	rows := r.world.visible(r.table)
	if r.lookup {
		rows = latest(rows, r.key)
	}
	if half := (len(rows) + 1) / 2; r.at == half && len(rows) > 1 && r.world.failing() {
		if wait, err := r.crash(); wait != nil || err != nil {
			return ops.Fetched{Ready: wait}, err
		}
	}
	if r.at == len(rows) && !r.ends() {
		r.world.gave(r.id, true)
		r.world.drain(r.id)
		return ops.Fetched{Ready: make(chan struct{})}, nil
	}
	if wait := r.world.turn(r.id); wait != nil && !r.lookup {
		return ops.Fetched{Ready: wait}, nil
	}
	end := len(rows)
	if r.world.cut > 0 {
		end = min(r.at+r.world.cut, end)
	}
	if r.world.failing() && r.at < (len(rows)+1)/2 {
		end = min(end, (len(rows)+1)/2)
	}
	var f ops.Fetched
	if end > r.at {
		b, err := batch(r.alloc, r.schema, r.metadata, rows[r.at:end])
		if err != nil {
			return f, fmt.Errorf("table %s: %w", r.id, err)
		}
		f.Batch = b
	}
	r.at = end
	r.world.gave(r.id, end == len(rows))
	f.Done = end == len(rows) && r.ends()
	f.After = ops.Split{ID: r.split.ID, Position: []byte(strconv.Itoa(end))}
	if f.Done {
		r.split = nil
	}
	return f, nil
}

// crash waits until an epoch has been published, and then fails once.
func (r *reader) crash() (<-chan struct{}, error) {
	if r.pause == nil {
		r.pause = r.world.wait()
	}
	select {
	case <-r.pause:
	default:
		return r.pause, nil
	}
	if r.world.mayFail() {
		return nil, fmt.Errorf("%w: artificial failure", job.ErrUnavailable)
	}
	return nil, nil
}

func (r *reader) Close() error { return nil }

// places are where in a row the columns of s stand: first those of the table,
// then what it tells besides, in the order of 'readable-metadata'.
func places(s *arrow.Schema, metadata []string) []int {
	out := make([]int, s.NumFields())
	physical := 0
	for _, f := range s.Fields() {
		if _, ok := f.Metadata.GetValue(ops.MetadataColumn); !ok {
			physical++
		}
	}
	next := 0
	for i, f := range s.Fields() {
		key, ok := f.Metadata.GetValue(ops.MetadataColumn)
		if !ok {
			out[i] = next
			next++
			continue
		}
		out[i] = physical + max(slices.Index(metadata, key), 0)
	}
	return out
}

// batch builds the rows of a batch.
func batch(alloc memory.Allocator, s *arrow.Schema, metadata []string, rows []change) (*stream.Batch, error) {
	b := array.NewRecordBuilder(alloc, s)
	defer b.Release()
	kinds := make([]stream.RowKind, len(rows))
	changing := false
	at := places(s, metadata)
	for i, r := range rows {
		if len(r.row) <= slices.Max(append(at, -1)) {
			return nil, fmt.Errorf("row %d has %d values for %d columns", i+1, len(r.row), s.NumFields())
		}
		for c, f := range s.Fields() {
			t, ok := datatype.FromField(f)
			if !ok {
				return nil, fmt.Errorf("column %s has type %s", f.Name, f.Type)
			}
			if err := feed(b.Field(c), t, r.row[at[c]]); err != nil {
				return nil, fmt.Errorf("row %d, column %s: %w", i+1, f.Name, err)
			}
		}
		kinds[i] = r.kind
		changing = changing || r.kind != stream.Insert
	}
	out := stream.NewBatch(b.NewRecordBatch())
	if changing {
		out.Kinds = kinds
	}
	return out, nil
}
