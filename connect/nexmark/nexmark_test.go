package nexmark_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/connect/nexmark"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector/expr"
	"github.com/wadi-engine/wadi/vector/mem"
)

// runtime lends a reader its allocator, which is all that it asks for.
type runtime struct {
	ops.Runtime
	alloc memory.Allocator
}

func (r runtime) Allocator() memory.Allocator { return r.alloc }

func open(t testing.TB, options map[string]string, columns ...string) ops.Source {
	t.Helper()
	c := nexmark.Connector()
	table, err := c.Resolve(context.Background(), job.Table{Options: options, Connector: "nexmark"})
	if err != nil {
		t.Fatal(err)
	}
	scan := ops.Scan{Table: table}
	for _, p := range columns {
		scan.Columns = append(scan.Columns, strings.Split(p, "."))
	}
	src, err := c.Source(context.Background(), scan)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// read reads the source with this many readers, and gives each reader's
// position back to a new one after every batch when restart is set.
func read(t testing.TB, src ops.Source, readers int, restart bool) []arrow.RecordBatch {
	t.Helper()
	ctx := context.Background()
	enum, err := src.Enumerator(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out []arrow.RecordBatch
	for i := range readers {
		for _, s := range enum.Take(i, readers, 1) {
			for done := false; !done; {
				r, err := src.Reader(ctx, runtime{alloc: memory.DefaultAllocator})
				if err != nil {
					t.Fatal(err)
				}
				if err := r.Assign([]ops.Split{s}); err != nil {
					t.Fatal(err)
				}
				for {
					f, err := r.Fetch(ctx)
					if err != nil {
						t.Fatal(err)
					}
					if f.Batch != nil {
						out = append(out, f.Batch.Rows)
					}
					s, done = f.After, f.Done
					if restart || done {
						break
					}
				}
			}
		}
	}
	return out
}

func lines(recs []arrow.RecordBatch) map[string]int {
	m := make(map[string]int)
	for _, r := range recs {
		for i := range int(r.NumRows()) {
			var b strings.Builder
			for c := range int(r.NumCols()) {
				fmt.Fprintf(&b, "%s|", r.Column(c).ValueStr(i))
			}
			m[b.String()]++
		}
	}
	return m
}

func TestSameRowsHoweverRead(t *testing.T) {
	options := map[string]string{"events.num": "40007", "next-event.rate": "1000", "first-event.rate": "1000"}
	want := lines(read(t, open(t, options), 1, false))
	total := 0
	for _, n := range want {
		total += n
	}
	if total != 40007 {
		t.Fatalf("%d events, want 40007", total)
	}
	for _, readers := range []int{1, 3} {
		got := lines(read(t, open(t, options), readers, true))
		if len(got) != len(want) {
			t.Fatalf("%d readers, restarted: %d different rows, want %d", readers, len(got), len(want))
		}
		for l, n := range want {
			if got[l] != n {
				t.Fatalf("%d readers, restarted: row %s comes %d times, want %d", readers, l, got[l], n)
			}
		}
	}
}

func TestPrunedColumnsAreTheSame(t *testing.T) {
	options := map[string]string{"events.num": "1000"}
	whole := read(t, open(t, options), 1, false)[0]
	leaf := read(t, open(t, options, "bid.price", "event_type", "auction.itemName"), 1, false)[0]
	bids := whole.Column(3).(*array.Struct)
	for i := range 1000 {
		if bids.IsValid(i) != leaf.Column(0).IsValid(i) {
			t.Fatalf("row %d: bid %v, bid.price valid %v", i, bids.IsValid(i), leaf.Column(0).IsValid(i))
		}
		if bids.IsValid(i) && bids.Field(2).ValueStr(i) != leaf.Column(0).ValueStr(i) {
			t.Fatalf("row %d: price %s in the row, %s alone", i, bids.Field(2).ValueStr(i), leaf.Column(0).ValueStr(i))
		}
		if a := whole.Column(2).(*array.Struct); a.IsValid(i) && a.Field(1).ValueStr(i) != leaf.Column(2).ValueStr(i) {
			t.Fatalf("row %d: item names differ", i)
		}
	}
}

// TestDistributions checks what the queries of the benchmark depend on.
func TestDistributions(t *testing.T) {
	const events = 500_000
	recs := read(t, open(t, map[string]string{"events.num": fmt.Sprint(events)}, "event_type", "bid.auction", "bid.price", "bid.channel", "bid.extra", "bid.dateTime"), 1, false)
	var kinds [3]int
	var hot, google, bytes, cheap int
	last := arrow.Timestamp(0)
	for _, r := range recs {
		for i := range int(r.NumRows()) {
			k := r.Column(0).(*array.Int32).Value(i)
			kinds[k]++
			if k != 2 {
				continue
			}
			if r.Column(1).(*array.Int64).Value(i)%100 == 0 {
				hot++
			}
			if r.Column(2).(*array.Int64).Value(i) < 100_000 { // 10^3 · 100: half of the exponents
				cheap++
			}
			if r.Column(3).(*array.StringView).Value(i) == "Google" {
				google++
			}
			bytes += len(r.Column(4).(*array.StringView).Value(i))
			ts := r.Column(5).(*array.Timestamp).Value(i)
			if ts < last {
				t.Fatalf("event time goes back from %d to %d", last, ts)
			}
			last = ts
		}
	}
	if kinds != [3]int{events / 50, events * 3 / 50, events * 46 / 50} {
		t.Errorf("persons, auctions, bids: %v", kinds)
	}
	bids := float64(kinds[2])
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"bids on hot auctions", float64(hot) / bids, 0.5},
		{"bids below the median price", float64(cheap) / bids, 0.5},
		{"bids by Google", float64(google) / bids, 0.125},
		{"bytes of extra", float64(bytes) / bids, 67.5},
	} {
		if c.got < c.want*0.97 || c.got > c.want*1.03 {
			t.Errorf("%s: %.3f, want about %.3f", c.what, c.got, c.want)
		}
	}
	if want := arrow.Timestamp(1436918400000 + (events-1)/10); last != want {
		t.Errorf("last event at %d, want %d", last, want)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"event.num", "1", "'events.num'"},
		{"events.num", "many", "whole number"},
		{"bid.proportion", "-1", "whole number"},
		{"rate-limited", "maybe", "true or false"},
	} {
		_, err := nexmark.Connector().Resolve(context.Background(), job.Table{Options: map[string]string{c.key: c.value}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s=%s: error %v, want one with %q", c.key, c.value, err, c.want)
		}
	}
}

func TestRateShape(t *testing.T) {
	recs := read(t, open(t, map[string]string{
		"events.num": "150000", "first-event.rate": "1000", "next-event.rate": "2000", "rate-period": "60 s",
	}, "event_type", "bid.dateTime"), 1, false)
	perSecond := make(map[arrow.Timestamp]int)
	for _, r := range recs {
		ts := r.Column(1).(*array.Timestamp)
		for i := range ts.Len() {
			if ts.IsValid(i) {
				perSecond[(ts.Value(i)-1436918400000)/1000]++
			}
		}
	}
	for second, want := range map[arrow.Timestamp]int{5: 920, 29: 920, 35: 1840, 59: 1840, 65: 920} {
		if got := perSecond[second]; got < want-20 || got > want+20 {
			t.Errorf("second %d: %d bids, want %d", second, got, want)
		}
	}
}

func BenchmarkBids(b *testing.B) {
	bench(b, open(b, map[string]string{"events.num": "1000000000000"}, "event_type", "bid.auction", "bid.bidder", "bid.price", "bid.dateTime", "bid.extra"))
}

func bench(b *testing.B, src ops.Source) {
	ctx := context.Background()
	enum, _ := src.Enumerator(ctx, nil)
	r, err := src.Reader(ctx, runtime{alloc: mem.Default()})
	if err != nil {
		b.Fatal(err)
	}
	if err := r.Assign(enum.Take(0, 1, 1)); err != nil {
		b.Fatal(err)
	}
	rows := 0
	for b.Loop() {
		f, err := r.Fetch(ctx)
		if err != nil {
			b.Fatal(err)
		}
		rows += f.Batch.Len()
		f.Batch.Release()
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds()/1e6, "Mevents/s")
}

func TestEstimate(t *testing.T) {
	table := job.Table{Options: map[string]string{"events.num": "5000"}}
	kind := func(n int64) *expr.Doc {
		return expr.NewDoc(&expr.Call{Func: "eq", Of: arrow.FixedWidthTypes.Boolean, Args: []expr.Expr{
			&expr.Column{Name: "event_type", Of: arrow.PrimitiveTypes.Int32}, &expr.Literal{Value: n, Of: arrow.PrimitiveTypes.Int32},
		}})
	}
	for _, c := range []struct {
		filter *expr.Doc
		want   float64
	}{{nil, 5000}, {kind(0), 100}, {kind(1), 300}, {kind(2), 4600}, {kind(3), 5000}} {
		got := nexmark.Connector().Rows(t.Context(), ops.Scan{Table: table, Filter: c.filter})
		if math.Round(got.Rows) != c.want || !got.Known || !got.Fixed {
			t.Errorf("%v: %+v, want %v rows", c.filter, got, c.want)
		}
	}
	if got := nexmark.Connector().Rows(t.Context(), ops.Scan{Table: job.Table{Options: map[string]string{"events.num": "x"}}}); got.Known {
		t.Errorf("a wrong option gives %+v", got)
	}
}
