package remote_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/engine/exchange/remote"
	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

var schema = arrow.NewSchema([]arrow.Field{
	{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "s", Type: arrow.BinaryTypes.StringView, Nullable: true},
	{Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Float64), Nullable: true},
}, nil)

// sample is a batch of rows whose numbers begin at from.
func sample(alloc memory.Allocator, from, rows int) *stream.Batch {
	b := array.NewRecordBuilder(alloc, schema)
	defer b.Release()
	out := &stream.Batch{}
	list := b.Field(2).(*array.ListBuilder)
	for i := from; i < from+rows; i++ {
		if i%7 == 3 {
			b.Field(0).AppendNull()
		} else {
			b.Field(0).(*array.Int64Builder).Append(int64(i))
		}
		b.Field(1).(*array.StringViewBuilder).Append(strings.Repeat("text ", i%9))
		list.Append(i%3 > 0)
		for range i % 3 {
			list.ValueBuilder().(*array.Float64Builder).Append(float64(i) / 3)
		}
		out.Kinds = append(out.Kinds, stream.RowKind(i%4))
		if i%5 == 0 {
			out.Marks = append(out.Marks, stream.Mark{Row: int32(i - from), Time: stream.Timestamp(i)})
		}
	}
	out.Marks = append(out.Marks, stream.Mark{Row: int32(rows), Time: stream.Timestamp(from + rows)})
	out.Rows = b.NewRecordBatch()
	return out
}

// pair is two workers that know one another.
func pair(t testing.TB, o remote.Options) (sender, receiver *remote.Transport) {
	t.Helper()
	var all [2]*remote.Transport
	for i := range all {
		tr, err := remote.Listen(context.Background(), "127.0.0.1:0", o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = tr.Close() })
		all[i] = tr
	}
	return all[0], all[1]
}

func key(sender int) remote.Key {
	return remote.Key{Job: "j", Generation: 1, Edge: "0.0-1.0", Sender: sender}
}

// TestEveryElementComes: everything that is sent comes in its order, in whatever
// pieces the credit makes of it, compressed or not.
func TestEveryElementComes(t *testing.T) {
	for name, o := range map[string]remote.Options{
		"plain": {}, "little credit": {Budget: 3 << 10}, "lz4": {Compression: ipc.WithLZ4()}, "zstd": {Compression: ipc.WithZstd()},
		"secret": {Identity: peer.Identity{Secret: "s"}},
	} {
		t.Run(name, func(t *testing.T) {
			alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
			defer alloc.AssertSize(t, 0)
			o.Alloc = alloc
			a, b := pair(t, o)
			defer func() { _, _ = a.Close(), b.Close() }()
			ctx := context.Background()
			gate := exchange.NewLocal(1, 0)
			b.Receive([]remote.Key{key(0)}, gate)
			var sent []stream.Element
			for i := range 20 {
				rows := sample(alloc, i*1000, rand.IntN(900)+1)
				defer rows.Release()
				sent = append(sent, rows)
				switch i % 4 {
				case 0:
					sent = append(sent, stream.Watermark{Time: stream.Timestamp(i)})
				case 1:
					sent = append(sent, stream.Barrier{Epoch: stream.Epoch(i), Kind: stream.Savepoint})
				case 2:
					sent = append(sent, stream.Idle{}, stream.Tick{Now: 9})
				}
			}
			sent = append(sent, stream.Watermark{Time: stream.End}, stream.EndOfInput{})
			done := make(chan error, 1)
			c := a.Channel(b.Addr().String(), key(0))
			go func() {
				for _, e := range sent {
					if rows, ok := e.(*stream.Batch); ok {
						e = rows.Share()
					}
					if err := c.Send(ctx, e); err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
			check(t, gate, sent)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			c.Close()
		})
	}
}

// check compares what comes with what was sent; batches may come in pieces.
func check(t *testing.T, gate *exchange.Local, sent []stream.Element) {
	t.Helper()
	for _, want := range sent {
		rows, isBatch := want.(*stream.Batch)
		if !isBatch {
			got, _, err := gate.Next(context.Background())
			if err != nil || got != want {
				t.Fatalf("%v, %v; want %v", got, err, want)
			}
			continue
		}
		for at := 0; at < rows.Len(); {
			e, _, err := gate.Next(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			got, ok := e.(*stream.Batch)
			if !ok {
				t.Fatalf("%v after %d of %d rows", e, at, rows.Len())
			}
			part := rows.Rows.NewSlice(int64(at), int64(at+got.Len()))
			if !array.RecordEqual(part, got.Rows) {
				t.Fatalf("rows %d to %d differ:\n%v\n%v", at, at+got.Len(), part, got.Rows)
			}
			part.Release()
			if !reflect.DeepEqual(got.Kinds, rows.Kinds[at:at+got.Len()]) {
				t.Fatalf("kinds differ at row %d", at)
			}
			if at += got.Len(); at == rows.Len() {
				last := got.Marks[len(got.Marks)-1]
				if want := rows.Marks[len(rows.Marks)-1]; int(last.Row) != got.Len() || last.Time != want.Time {
					t.Fatalf("the last mark is %v, want %v", last, want)
				}
			}
			got.Release()
		}
	}
	if _, _, err := gate.Next(context.Background()); !errors.Is(err, io.EOF) {
		t.Fatalf("behind the last element: %v", err)
	}
}

// TestSlowChannelStallsNoOther: a channel whose task takes nothing fills its
// credit; another on the same connection goes on.
func TestSlowChannelStallsNoOther(t *testing.T) {
	alloc := memory.DefaultAllocator
	a, b := pair(t, remote.Options{Alloc: alloc, Budget: 64 << 10})
	slow, fast := exchange.NewLocal(1, 0), exchange.NewLocal(1, 0)
	b.Receive([]remote.Key{key(0)}, slow)
	b.Receive([]remote.Key{key(1)}, fast)
	ctx, cancel := context.WithCancelCause(context.Background())
	stuck := make(chan error, 1)
	go func() {
		c := a.Channel(b.Addr().String(), key(0))
		for {
			if err := c.Send(ctx, sample(alloc, 0, 1000)); err != nil {
				stuck <- err
				return
			}
		}
	}()
	go func() {
		c := a.Channel(b.Addr().String(), key(1))
		for i := range 200 {
			if err := c.Send(ctx, sample(alloc, i, 1000)); err != nil {
				t.Error(err)
			}
		}
		_ = c.Send(ctx, stream.EndOfInput{})
	}()
	rows := 0
	for {
		e, _, err := fast.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if batch, ok := e.(*stream.Batch); ok {
			rows += batch.Len()
			batch.Release()
		}
	}
	if rows != 200*1000 {
		t.Errorf("%d rows of the fast channel", rows)
	}
	why := errors.New("canceled")
	cancel(why)
	if err := <-stuck; !errors.Is(err, why) {
		t.Errorf("the slow channel ended with %v", err)
	}
}

// TestReceiverComesLater: a sender waits for a task that does not run yet, and
// is told when the attempt is over.
func TestReceiverComesLater(t *testing.T) {
	a, b := pair(t, remote.Options{Alloc: memory.DefaultAllocator})
	ctx := context.Background()
	sent := make(chan error, 1)
	c := a.Channel(b.Addr().String(), key(0))
	go func() { sent <- c.Send(ctx, stream.Idle{}) }()
	gate := exchange.NewLocal(1, 0)
	b.Receive([]remote.Key{key(0)}, gate)
	if e, _, err := gate.Next(ctx); err != nil || e != (stream.Idle{}) {
		t.Fatalf("%v, %v", e, err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	b.Release([]remote.Key{key(0)})
	for {
		if err := c.Send(ctx, sample(memory.DefaultAllocator, 0, 10)); err != nil {
			if !errors.Is(err, job.ErrUnavailable) {
				t.Errorf("class of %v", err)
			}
			break
		}
	}
	old := a.Channel(b.Addr().String(), key(7))
	if err := old.Send(ctx, stream.Idle{}); err == nil {
		t.Error("an attempt that is over still receives")
	}
}

// TestLostSender: a task learns that a sender, or its worker, is gone.
func TestLostSender(t *testing.T) {
	for name, lose := range map[string]func(*remote.Transport, *remote.Channel){
		"worker":  func(a *remote.Transport, _ *remote.Channel) { _ = a.Close() },
		"channel": func(_ *remote.Transport, c *remote.Channel) { c.Close() },
	} {
		a, b := pair(t, remote.Options{Alloc: memory.DefaultAllocator})
		ctx := context.Background()
		gate := exchange.NewLocal(1, 0)
		b.Receive([]remote.Key{key(0)}, gate)
		c := a.Channel(b.Addr().String(), key(0))
		if err := c.Send(ctx, stream.Idle{}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := gate.Next(ctx); err != nil {
			t.Fatal(err)
		}
		lose(a, c)
		if _, _, err := gate.Next(ctx); !errors.Is(err, job.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCanceledBeforeItIsOpen: tasks that are canceled while they open their channels,
// and then close them, leave the connection to the others.
func TestCanceledBeforeItIsOpen(t *testing.T) {
	a, b := pair(t, remote.Options{})
	gate := exchange.NewLocal(1, 0)
	b.Receive([]remote.Key{key(0)}, gate)
	c := a.Channel(b.Addr().String(), key(0))
	if err := c.Send(t.Context(), stream.Idle{}); err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range 100 {
		late := a.Channel(b.Addr().String(), key(i+1))
		if err := late.Send(canceled, stream.Idle{}); err == nil {
			t.Fatal("it was not canceled")
		}
		late.Close()
	}
	if err := c.Send(t.Context(), stream.EndOfInput{}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, _, err := gate.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestGarbageHarmsNothing: a member of the cluster that sends garbage loses its
// connection; others do not notice.
func TestGarbageHarmsNothing(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	a, b := pair(t, remote.Options{Alloc: alloc})
	defer func() { _, _ = a.Close(), b.Close() }()
	ctx := context.Background()
	gate := exchange.NewLocal(1, 0)
	b.Receive([]remote.Key{key(0)}, gate)
	c := a.Channel(b.Addr().String(), key(0))
	if err := c.Send(ctx, stream.Idle{}); err != nil {
		t.Fatal(err)
	}
	open := "\x01\x00\x00\x00\x01\x00\x00\x00\x3b\x00\x00\x00\x00\x00\x00\x00" + `{"job":"x","generation":1,"edge":"e","sender":0,"receiver":0}`[:59]
	for name, bytes := range map[string]string{
		"random":         strings.Repeat("\xff", 64),
		"no channel":     "\x04\x00\x00\x00\x07\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x0012345678",
		"open not json":  "\x01\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00{{",
		"cut":            open,
		"oversized head": "\x01\x00\x00\x00\x01\x00\x00\x00\xff\xff\xff\x7f\x00\x00\x00\x00",
	} {
		conn, err := peer.Dial(ctx, b.Addr().String(), peer.Data, peer.Identity{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(bytes)); err != nil {
			t.Fatal(err)
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(conn); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: the connection ends with %v", name, err)
		}
		_ = conn.Close()
	}
	if _, err := peer.Dial(ctx, b.Addr().String(), peer.Control, peer.Identity{}); err != nil {
		t.Logf("the port for data refuses control: %v", err)
	}
	if err := c.Send(ctx, stream.EndOfInput{}); err != nil {
		t.Fatal(err)
	}
	for want := range 2 {
		if _, _, err := gate.Next(ctx); err != nil {
			t.Fatalf("element %d: %v", want, err)
		}
	}
}

// TestBudgetOfSlowTaskShrinks: a sender elsewhere learns of a smaller budget, and
// of a larger one.
func TestBudgetOfSlowTaskShrinks(t *testing.T) {
	alloc := memory.NewGoAllocator()
	from, to := pair(t, remote.Options{Alloc: alloc, Budget: 1 << 20})
	gate := exchange.NewLocal(1, 0)
	to.Receive([]remote.Key{{Job: "j", Generation: 1}}, gate)
	ch := from.Channel(to.Addr().String(), remote.Key{Job: "j", Generation: 1})
	if err := ch.Send(t.Context(), stream.Idle{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := gate.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := time.UnixMilli(0)
	gate.Debloat(exchange.Debloat{Clock: moved{&now}, Target: time.Second, Period: time.Millisecond, Samples: 1, Threshold: 1})
	fits := func() (n int) {
		t.Helper()
		for {
			short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			err := ch.Send(short, sample(alloc, 0, 40))
			cancel()
			if err != nil {
				return n
			}
			n++
		}
	}
	read := func(n int, each time.Duration) {
		t.Helper()
		for range n {
			e, _, err := gate.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			e.(*stream.Batch).Release()
			now = now.Add(each)
		}
	}
	many := fits()
	read(many, time.Hour)
	few := fits()
	if few < 1 || few >= many/4 {
		t.Fatalf("%d batches are sent to a task that hardly reads, and %d to any", few, many)
	}
	read(few, time.Microsecond)
	await.That(t, "a fast task gets more", func() bool {
		n := fits()
		read(n, time.Microsecond)
		now = now.Add(time.Millisecond)
		return n > 2*few
	})
}

// moved is a clock that the test moves.
type moved struct{ at *time.Time }

func (m moved) Now() time.Time                       { return *m.at }
func (m moved) After(time.Duration) <-chan time.Time { return nil }
