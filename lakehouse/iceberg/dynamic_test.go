package iceberg_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

var routedSchema = arrow.NewSchema([]arrow.Field{
	{Name: "to", Type: arrow.BinaryTypes.StringView, Nullable: true},
	{Name: "value", Type: arrow.BinaryTypes.StringView, Nullable: true},
}, nil)

// routed makes rows of lines "table value".
func routed(mem memory.Allocator, lines ...string) *stream.Batch {
	b := array.NewRecordBuilder(mem, routedSchema)
	defer b.Release()
	for _, line := range lines {
		to, value, _ := strings.Cut(line, " ")
		for i, text := range []string{to, value} {
			if text == "" {
				b.Field(i).AppendNull()
			} else {
				b.Field(i).(*array.StringViewBuilder).Append(text)
			}
		}
	}
	return stream.NewBatch(b.NewRecordBatch())
}

// router is a sink of routed rows.
func router(t *testing.T, w *warehouse, schema *arrow.Schema, options map[string]string) ops.Sink {
	t.Helper()
	tbl := eventTable(w, "router", map[string]string{
		"use-dynamic-iceberg-sink": "true", "dynamic-record.table-column": "to", "dynamic-record.value-column": "value", "create-table": "",
	})
	for k, v := range options {
		tbl.Options[k] = v
	}
	tbl.Schema = job.Schema{Schema: schema}
	s, err := iceberg.Connector(w.env).Sink(t.Context(), tbl)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// stageRouted writes batches as one epoch.
func stageRouted(t *testing.T, s ops.Sink, e stream.Epoch, batches ...[]string) (ops.Pending, error) {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	w, err := s.Writer(t.Context(), runtime{mem})
	if err != nil {
		t.Fatal(err)
	}
	for _, lines := range batches {
		if err := w.Write(t.Context(), routed(mem, lines...)); err != nil {
			return ops.Pending{}, errors.Join(err, w.Close())
		}
	}
	cs, err := w.Prepare(t.Context(), e, false)
	if err != nil {
		t.Fatal(err)
	}
	return ops.Pending{Epoch: e, Committables: cs}, w.Close()
}

// rowsOf reads a table with iceberg-go: its rows as JSON, sorted.
func rowsOf(t *testing.T, w *warehouse, database, name string) []string {
	t.Helper()
	tbl, err := w.other(t).LoadTable(t.Context(), table.Identifier{database, name})
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	_, records, err := tbl.Scan().ToArrowRecords(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for rec, err := range records {
		if err != nil {
			t.Fatal(err)
		}
		text, err := rec.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var all []json.RawMessage
		if err := json.Unmarshal(text, &all); err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			rows = append(rows, string(r))
		}
		rec.Release()
	}
	slices.Sort(rows)
	return rows
}

func wantRows(t *testing.T, w *warehouse, database, name string, want ...string) {
	t.Helper()
	for i, row := range want { // names in order
		var v any
		if err := json.Unmarshal([]byte(row), &v); err != nil {
			t.Fatal(err)
		}
		text, _ := json.Marshal(v)
		want[i] = string(text)
	}
	slices.Sort(want)
	if got := rowsOf(t, w, database, name); !slices.Equal(got, want) {
		t.Errorf("%s.%s holds\n  %s\nwant\n  %s", database, name, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// schemaOf is a table's columns and types as text.
func schemaOf(t *testing.T, w *warehouse, name string) string {
	t.Helper()
	var out []string
	for _, f := range w.loadOther(t, name).Schema().Fields() {
		out = append(out, fmt.Sprintf("%s %s %v", f.Name, f.Type, f.Required))
	}
	return strings.Join(out, ", ")
}

func TestRowsNameTheirTables(t *testing.T) {
	eachFormat(t, func(t *testing.T, w *warehouse, version string) {
		s := router(t, w, routedSchema, map[string]string{"format-version": version})
		one, err := stageRouted(t, s, 1, []string{
			`users {"id": 1, "name": "ann", "tags": ["a", "b"]}`, `sales.orders {"no": 7, "price": 1.5}`,
			`users {"id": 2, "address": {"city": "Köln", "zip": null}, "name": null}`,
		}, []string{
			`users {"id": 3, "ok": true, "address": {"city": "Bonn", "zip": "53111"}}`,
		})
		if err != nil {
			t.Fatal(err)
		}
		two, err := stageRouted(t, s, 2, []string{`users {"id": 4}`, `sales.orders {"no": 8, "lines": [{"sku": "x", "n": 1}, {"sku": "y", "m": 2}]}`})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			c := committer(t, s, "a")
			if e, err := c.Commit(t.Context(), []ops.Pending{one}, true); e != 1 || err != nil {
				t.Fatalf("Commit = %d, %v", e, err)
			}
			c.Close()
		}
		// The coordinator died before it learnt that epoch 1 is in.
		c := committer(t, s, "a")
		defer c.Close()
		if e, err := c.Published(t.Context()); e != 1 || err != nil {
			t.Errorf("Published = %d, %v", e, err)
		}
		if e, err := c.Commit(t.Context(), []ops.Pending{one, two}, true); e != 2 || err != nil {
			t.Fatalf("Commit = %d, %v", e, err)
		}
		if e, err := c.Published(t.Context()); e != 2 || err != nil {
			t.Errorf("Published = %d, %v", e, err)
		}
		wantRows(t, w, "default", "users",
			`{"id":1,"name":"ann","tags":["a","b"],"address":null,"ok":null}`,
			`{"id":2,"name":null,"tags":null,"address":{"city":"Köln","zip":null},"ok":null}`,
			`{"id":3,"name":null,"tags":null,"address":{"city":"Bonn","zip":"53111"},"ok":true}`,
			`{"id":4,"name":null,"tags":null,"address":null,"ok":null}`)
		wantRows(t, w, "sales", "orders", `{"no":7,"price":1.5,"lines":null}`,
			`{"no":8,"price":null,"lines":[{"m":null,"n":1,"sku":"x"},{"m":2,"n":null,"sku":"y"}]}`)
	})
}

// TestCrashBetweenTables: what one table has, and another not, is told apart.
func TestCrashBetweenTables(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	s := router(t, w, routedSchema, nil)
	one, err := stageRouted(t, s, 1, []string{`a {"n": 1}`, `b {"n": 2}`, `c {"n": 3}`})
	if err != nil {
		t.Fatal(err)
	}
	c := committer(t, s, "a")
	defer c.Close()
	half := one
	half.Committables = one.Committables[:2]
	if _, err := c.Commit(t.Context(), []ops.Pending{half}, true); err != nil {
		t.Fatal(err)
	}
	again := committer(t, s, "a")
	defer again.Close()
	for range 2 {
		if e, err := again.Commit(t.Context(), []ops.Pending{one}, true); e != 1 || err != nil {
			t.Fatal(e, err)
		}
	}
	for name, want := range map[string]string{"a": `{"n":1}`, "b": `{"n":2}`, "c": `{"n":3}`} {
		wantRows(t, w, "default", name, want)
	}
}

func TestTablesWiden(t *testing.T) {
	eachFormat(t, func(t *testing.T, w *warehouse, version string) {
		typed := arrow.NewSchema([]arrow.Field{
			{Name: "id", Type: arrow.PrimitiveTypes.Int32},
			{Name: "n", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
			{Name: "f", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
			{Name: "d", Type: &arrow.Decimal128Type{Precision: 4, Scale: 2}, Nullable: true},
			{Name: "day", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
			{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, Nullable: true},
			{Name: "text", Type: arrow.BinaryTypes.StringView, Nullable: true},
			{Name: "m", Type: arrow.MapOf(arrow.BinaryTypes.StringView, arrow.PrimitiveTypes.Int32), Nullable: true},
		}, nil)
		tbl := eventTable(w, "wide", map[string]string{"format-version": version})
		tbl.Schema = job.Schema{Schema: typed}
		newSink(t, w, tbl)
		s := router(t, w, routedSchema, nil)
		one, err := stageRouted(t, s, 1, []string{
			`wide {"id": 1, "n": 5, "f": 0.5, "d": 12.25, "day": "2020-02-29", "at": "2020-01-01T00:00:00+01:00", "text": {"a": [1]}, "m": {"x": 1}}`,
		}, []string{
			`wide {"id": 2, "n": 5000000000, "d": 12345.5, "text": "plain", "m": {"y": 6000000000, "z": null}}`, `wide {"n": 3}`,
		})
		if err != nil {
			t.Fatal(err)
		}
		c := committer(t, s, "a")
		defer c.Close()
		if _, err := c.Commit(t.Context(), []ops.Pending{one}, true); err != nil {
			t.Fatal(err)
		}
		want := "id int false, n long false, f float false, d decimal(7, 2) false, day date false, at timestamptz false, text string false, m map<string, long> false"
		if got := schemaOf(t, w, "wide"); got != want {
			t.Errorf("columns\n  %s\nwant\n  %s", got, want)
		}
		if got := rowsOf(t, w, "default", "wide"); len(got) != 3 || !strings.Contains(got[0], `{"at":"2019-12-31T23:00:00Z","d":"12.25","day":"2020-02-29","f":0.5,"id":1,"m":[{"key":"x","value":1}],"n":5,"text":"{\"a\": [1]}"}`) {
			t.Errorf("%s", strings.Join(got, "\n"))
		}
	})
}

// TestRowsThatDoNotFit go where the policy says, wherever batches are cut.
func TestRowsThatDoNotFit(t *testing.T) {
	lines := []string{
		`a {"n": 1}`, `a {"n": "text"}`, `a {"n": 2, "more": {"x": 1}}`, `a {"more": {"x": "y"}, "extra": 1}`, `a nonsense`, `a {}`,
		`a {"n": 2.5}`, `a [1]`, `a {"n": 3} 4`, `a {"list": [1, "x"]}`, ` {"n": 1}`, `a {"n": 4, "n": 5}`, `a {"x.y": 1}`, `a {"n": 6}`,
	}
	for _, size := range []int{1, 3, 100} {
		for _, policy := range []string{"fail", "skip", "dead-letter"} {
			w := newWarehouse(t, "jdbc")
			s := router(t, w, routedSchema, map[string]string{"error.policy": policy, "error.table": "ops.lost"})
			one, err := stageRouted(t, s, 1, slices.Collect(slices.Chunk(lines, size))...)
			if policy == "fail" {
				if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), `n: "text" does not fit the type long`) || !strings.Contains(err.Error(), "default.a") {
					t.Errorf("%v", err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			c := committer(t, s, "a")
			defer c.Close()
			for range 2 {
				if _, err := c.Commit(t.Context(), []ops.Pending{one}, true); err != nil {
					t.Fatal(err)
				}
			}
			wantRows(t, w, "default", "a", `{"n":1,"more":null}`, `{"n":2,"more":{"x":1}}`, `{"n":6,"more":null}`)
			if policy == "dead-letter" {
				lost := strings.Join(rowsOf(t, w, "ops", "lost"), "\n")
				if n := strings.Count(lost, "\n") + 1; n != 11 || !strings.Contains(lost, "2.5 does not fit the type long") || !strings.Contains(lost, "names no table") {
					t.Errorf("%d lost:\n%s", n, lost)
				}
			}
		}
	}
}

// TestRowsWithColumns: columns beside the value are columns of every table.
func TestRowsWithColumns(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "to", Type: arrow.BinaryTypes.StringView},
		{Name: "small", Type: arrow.PrimitiveTypes.Int16},
		{Name: "price", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
	}, nil)
	batch := func(mem memory.Allocator, to ...string) *stream.Batch {
		b := array.NewRecordBuilder(mem, schema)
		defer b.Release()
		for i, name := range to {
			b.Field(0).(*array.StringViewBuilder).Append(name)
			b.Field(1).(*array.Int16Builder).Append(int16(i))
			b.Field(2).(*array.Float32Builder).Append(float32(i) / 2)
		}
		return stream.NewBatch(b.NewRecordBatch())
	}
	wide := eventTable(w, "wide", nil)
	wide.Schema = job.Schema{Schema: arrow.NewSchema([]arrow.Field{
		{Name: "price", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "small", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "must", Type: arrow.PrimitiveTypes.Int64},
	}, nil)}
	newSink(t, w, wide)
	s := router(t, w, schema, map[string]string{"dynamic-record.value-column": "", "partitioning": "bucket(2, small)"})
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	wr, err := s.Writer(t.Context(), runtime{mem})
	if err != nil {
		t.Fatal(err)
	}
	if err := wr.Write(t.Context(), batch(mem, "new", "wide", "new", "wide")); err != nil {
		t.Fatal(err)
	}
	cs, err := wr.Prepare(t.Context(), 1, true)
	if err != nil {
		t.Fatal(err)
	}
	wr.Close()
	c := committer(t, s, "a")
	defer c.Close()
	if _, err := c.Commit(t.Context(), []ops.Pending{{Epoch: 1, Committables: cs}}, true); err != nil {
		t.Fatal(err)
	}
	wantRows(t, w, "default", "new", `{"small":0,"price":0}`, `{"small":2,"price":1}`)
	wantRows(t, w, "default", "wide", `{"price":0.5,"small":1,"must":null}`, `{"price":1.5,"small":3,"must":null}`)
	if got := schemaOf(t, w, "new"); got != "small int true, price float false" {
		t.Error(got)
	}
}

// TestConcurrentGrowth: many writers find the same columns at once.
func TestConcurrentGrowth(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	var wg sync.WaitGroup
	var mu sync.Mutex
	all := ops.Pending{Epoch: 1}
	s := router(t, w, routedSchema, nil)
	for i := range 6 {
		wg.Go(func() {
			mem := memory.DefaultAllocator
			wr, err := s.Writer(background, runtime{mem})
			if err != nil {
				t.Error(err)
				return
			}
			defer wr.Close()
			for j := range 6 {
				if err := wr.Write(background, routed(mem, fmt.Sprintf(`t {"id": %d, "c%d": %d}`, i*10+j, j, i), fmt.Sprintf(`u {"d%d": 1}`, i))); err != nil {
					t.Error(err)
					return
				}
			}
			cs, err := wr.Prepare(background, 1, true)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			all.Committables = append(all.Committables, cs...)
		})
	}
	wg.Wait()
	c := committer(t, s, "a")
	defer c.Close()
	if _, err := c.Commit(t.Context(), []ops.Pending{all}, true); err != nil {
		t.Fatal(err)
	}
	if n := len(rowsOf(t, w, "default", "t")); n != 36 {
		t.Errorf("%d rows", n)
	}
	if n := len(w.loadOther(t, "t").Schema().Fields()); n != 7 {
		t.Errorf("%d columns", n)
	}
}

func TestDynamicSinkRefuses(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	for name, c := range map[string]struct {
		options map[string]string
		want    string
	}{
		"no column":    {map[string]string{"dynamic-record.table-column": ""}, "table-column"},
		"other column": {map[string]string{"dynamic-record.table-column": "there"}, `no column "there"`},
		"java":         {map[string]string{"dynamic-record-generator-impl": "a.B"}, "Java class"},
		"policy":       {map[string]string{"error.policy": "ignore"}, "fail, skip or dead-letter"},
		"no table":     {map[string]string{"error.policy": "dead-letter"}, `needs "error.table"`},
		"staged":       {map[string]string{"wap.id": "x"}, "cannot be staged"},
		"upkeep":       {map[string]string{"compaction-enabled": "true"}, "procedures"},
		"location":     {map[string]string{"location": "file:///x"}, "'location'"},
	} {
		tbl := eventTable(w, "router", map[string]string{
			"use-dynamic-iceberg-sink": "true", "dynamic-record.table-column": "to", "dynamic-record.value-column": "value",
		})
		for k, v := range c.options {
			tbl.Options[k] = v
		}
		tbl.Schema = job.Schema{Schema: routedSchema}
		_, err := iceberg.Connector(w.env).Sink(t.Context(), tbl)
		if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	tbl := eventTable(w, "router", map[string]string{"use-dynamic-iceberg-sink": "true"})
	if _, err := iceberg.Connector(w.env).Source(t.Context(), ops.Scan{Table: tbl}); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "written only") {
		t.Error(err)
	}
}
