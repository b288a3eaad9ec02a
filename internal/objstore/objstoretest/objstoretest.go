// Package objstoretest holds the test that every object store must pass.
package objstoretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wadi-engine/wadi/internal/objstore"
)

// Run tests the promises of package objstore on an empty bucket.
func Run(t *testing.T, b *objstore.Bucket) {
	t.Run("objects", func(t *testing.T) { objects(t, b) })
	t.Run("list", func(t *testing.T) { list(t, b) })
	t.Run("ranges", func(t *testing.T) { ranges(t, b) })
	t.Run("writer", func(t *testing.T) { writer(t, b) })
	t.Run("move", func(t *testing.T) { move(t, b) })
	t.Run("race", func(t *testing.T) { race(t, b) })
}

func objects(t *testing.T, b *objstore.Bucket) {
	ctx := t.Context()
	if _, err := b.Get(ctx, "o/1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Get of a missing object: %v", err)
	}
	if _, err := b.Stat(ctx, "o/1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat of a missing object: %v", err)
	}
	if ok, err := b.Exists(ctx, "o/1"); ok || err != nil {
		t.Errorf("Exists: %v, %v", ok, err)
	}
	check(t, b.Put(ctx, "o/1", []byte("one")))
	check(t, b.Put(ctx, "o/1", []byte("uno")))
	check(t, b.Put(ctx, "o/empty", nil))
	want(t, b, "o/1", "uno")
	want(t, b, "o/empty", "")
	won, err := b.PutIfAbsent(ctx, "o/1", []byte("eins"))
	if won || err != nil {
		t.Errorf("PutIfAbsent over an object: %v, %v", won, err)
	}
	won, err = b.PutIfAbsent(ctx, "o/2", []byte("zwei"))
	if !won || err != nil {
		t.Errorf("PutIfAbsent: %v, %v", won, err)
	}
	want(t, b, "o/2", "zwei")
	before, err := b.Stat(ctx, "o/2")
	check(t, err)
	if before.Size != 4 || before.ETag == "" || before.Name != "o/2" {
		t.Errorf("Stat: %+v", before)
	}
	check(t, b.Put(ctx, "o/2", []byte("due.")))
	after, err := b.Stat(ctx, "o/2")
	check(t, err)
	if before.ETag == after.ETag {
		t.Errorf("ETag %q did not change with the object", before.ETag)
	}
	check(t, b.Delete(ctx, "o/2"))
	check(t, b.Delete(ctx, "o/2"))
	if _, err := b.Get(ctx, "o/2"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Get after Delete: %v", err)
	}
}

func list(t *testing.T, b *objstore.Bucket) {
	ctx := t.Context()
	for _, n := range []string{"l/b/2", "l/a", "l/b.x", "l/b/1", "l/c=1/ä b", "lx"} {
		check(t, b.Put(ctx, n, []byte(n)))
	}
	for prefix, names := range map[string][]string{
		"l/":      {"l/a", "l/b.x", "l/b/1", "l/b/2", "l/c=1/ä b"},
		"l/b":     {"l/b.x", "l/b/1", "l/b/2"},
		"l/b/":    {"l/b/1", "l/b/2"},
		"l/c=1/ä": {"l/c=1/ä b"},
		"none/":   {},
	} {
		got, err := b.List(ctx, prefix)
		check(t, err)
		if diff := cmp.Diff(names, got); diff != "" {
			t.Errorf("List(%q): -want +got:\n%s", prefix, diff)
		}
		some, err := b.HasPrefix(ctx, prefix)
		check(t, err)
		if some != (len(names) > 0) {
			t.Errorf("HasPrefix(%q) = %v", prefix, some)
		}
	}
	want(t, b, "l/c=1/ä b", "l/c=1/ä b")
}

func ranges(t *testing.T, b *objstore.Bucket) {
	ctx := t.Context()
	data := bytes.Repeat([]byte("0123456789"), 1000)
	check(t, b.Put(ctx, "r", data))
	o, err := b.Open(ctx, "r")
	check(t, err)
	defer o.Close()
	if o.Size() != int64(len(data)) || o.URL() != b.URL("r") {
		t.Errorf("Size %d, URL %s", o.Size(), o.URL())
	}
	buf := make([]byte, 25)
	for _, off := range []int64{0, 7, 9_975} {
		if n, err := o.ReadAt(buf, off); n != len(buf) || (err != nil && !errors.Is(err, io.EOF)) {
			t.Fatalf("ReadAt(%d) = %d, %v", off, n, err)
		}
		if !bytes.Equal(buf, data[off:off+25]) {
			t.Errorf("ReadAt(%d) = %q", off, buf)
		}
	}
	if n, err := o.ReadAt(buf, 9_990); n != 10 || !errors.Is(err, io.EOF) {
		t.Errorf("ReadAt over the end = %d, %v", n, err)
	}
	if n, err := o.ReadAt(buf, 10_000); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("ReadAt behind the end = %d, %v", n, err)
	}
	all, err := io.ReadAll(o.Reader())
	check(t, err)
	if !bytes.Equal(all, data) {
		t.Errorf("Reader gave %d bytes that differ", len(all))
	}
	// A reader of a replaced object sees the old one, or an error; never a mix.
	check(t, b.Put(ctx, "r", bytes.Repeat([]byte("x"), len(data))))
	if _, err := o.ReadAt(buf, 0); err == nil && buf[0] != '0' {
		t.Errorf("ReadAt after a replacement gave the new object: %q", buf)
	} else if err != nil && !errors.Is(err, objstore.ErrChanged) {
		t.Errorf("ReadAt after a replacement: %v", err)
	}
}

func writer(t *testing.T, b *objstore.Bucket) {
	ctx := t.Context()
	w, err := b.Create(ctx, "w/a")
	check(t, err)
	var sum bytes.Buffer
	for i := range 3000 {
		line := fmt.Appendf(nil, "line %d\n", i)
		sum.Write(line)
		_, err := w.Write(line)
		check(t, err)
	}
	if ok, err := b.Exists(ctx, "w/a"); ok || err != nil {
		t.Errorf("visible before Close: %v, %v", ok, err)
	}
	check(t, w.Close())
	check(t, w.Abort())
	want(t, b, "w/a", sum.String())

	w, err = b.Create(ctx, "w/b")
	check(t, err)
	_, err = w.Write([]byte("never"))
	check(t, err)
	check(t, w.Abort())
	if ok, err := b.Exists(ctx, "w/b"); ok || err != nil {
		t.Errorf("visible after Abort: %v, %v", ok, err)
	}

	cancelled, cancel := context.WithCancel(ctx)
	w, err = b.Create(cancelled, "w/c")
	check(t, err)
	_, err = w.Write([]byte("never"))
	check(t, err)
	cancel()
	_ = w.Abort()
	if ok, err := b.Exists(ctx, "w/c"); ok || err != nil {
		t.Errorf("visible after cancel: %v, %v", ok, err)
	}
}

func move(t *testing.T, b *objstore.Bucket) {
	ctx := t.Context()
	check(t, b.Put(ctx, ".staging/m", []byte("m")))
	check(t, b.Move(ctx, ".staging/m", "out/m"))
	want(t, b, "out/m", "m")
	if ok, err := b.Exists(ctx, ".staging/m"); ok || err != nil {
		t.Errorf("staged object after Move: %v, %v", ok, err)
	}
	check(t, b.Move(ctx, ".staging/m", "out/m")) // again
	// A crash between the two steps.
	check(t, b.Put(ctx, ".staging/m", []byte("m")))
	check(t, b.Move(ctx, ".staging/m", "out/m"))
	if ok, err := b.Exists(ctx, ".staging/m"); ok || err != nil {
		t.Errorf("staged object after the second Move: %v, %v", ok, err)
	}
	want(t, b, "out/m", "m")
	if err := b.Move(ctx, ".staging/none", "out/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Move of nothing: %v", err)
	}
}

// race lets 8 writers claim the same names at once: one must win each, and
// the object must be the winner's.
func race(t *testing.T, b *objstore.Bucket) {
	const writers, rounds = 8, 30
	for r := range rounds {
		name := fmt.Sprintf("race/%d", r)
		var winners, winner atomic.Int32
		var wg sync.WaitGroup
		start := make(chan struct{})
		for w := range writers {
			wg.Go(func() {
				<-start
				won, err := b.PutIfAbsent(t.Context(), name, fmt.Appendf(nil, "writer %d", w))
				if err != nil {
					t.Errorf("%s: writer %d: %v", name, w, err)
				}
				if won {
					winners.Add(1)
					winner.Store(int32(w))
				}
			})
		}
		close(start)
		wg.Wait()
		if n := winners.Load(); n != 1 {
			t.Fatalf("%s: %d winners", name, n)
		}
		want(t, b, name, fmt.Sprintf("writer %d", winner.Load()))
	}
}

func want(t *testing.T, b *objstore.Bucket, name, data string) {
	t.Helper()
	got, err := b.Get(t.Context(), name)
	check(t, err)
	if string(got) != data {
		t.Errorf("%s holds %.60q, want %.60q", name, got, data)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Opener opens the same driver for every root.
func Opener(d objstore.Driver) objstore.Opener {
	return func(context.Context, *url.URL, map[string]string) (objstore.Driver, error) { return d, nil }
}

// MemDriver returns an empty store in memory, to wrap with faults.
func MemDriver(testing.TB) objstore.Driver { return objstore.NewMemory() }
