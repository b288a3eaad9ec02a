package mem_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/vector/mem"
)

// TestPoolModel runs random histories against plain slices: buffers are
// aligned, never overlap, keep their content, and the counters end at zero.
func TestPoolModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := mem.New(mem.Options{Retained: rapid.Int64Range(-1, 1<<20).Draw(t, "retained")})
		type lent struct{ got, want []byte }
		var all []lent
		fill := byte(0)
		size := rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(0, 200<<10))
		check := func(l lent) {
			if !bytes.Equal(l.got, l.want) {
				t.Fatal("content of a buffer has changed")
			}
			if len(l.got) > 0 && uintptr(unsafe.Pointer(&l.got[0]))%mem.Align != 0 {
				t.Fatalf("buffer of %d bytes is not aligned", len(l.got))
			}
		}
		paint := func(b []byte) lent {
			fill++
			for i := range b {
				b[i] = fill
			}
			return lent{b, bytes.Clone(b)}
		}
		t.Repeat(map[string]func(*rapid.T){
			"allocate": func(t *rapid.T) {
				n := size.Draw(t, "size")
				b := p.Allocate(n)
				if len(b) != n || !bytes.Equal(b, make([]byte, n)) {
					t.Fatalf("allocate %d: %d bytes, or not zero", n, len(b))
				}
				all = append(all, paint(b))
			},
			"reallocate": func(t *rapid.T) {
				if len(all) == 0 {
					t.Skip()
				}
				i := rapid.IntRange(0, len(all)-1).Draw(t, "which")
				n := size.Draw(t, "size")
				old := all[i].want
				b := p.Reallocate(n, all[i].got)
				want := make([]byte, n)
				copy(want, old)
				if !bytes.Equal(b, want) {
					t.Fatalf("reallocate %d to %d changed the content", len(old), n)
				}
				all[i] = paint(b)
			},
			"free": func(t *rapid.T) {
				if len(all) == 0 {
					t.Skip()
				}
				i := rapid.IntRange(0, len(all)-1).Draw(t, "which")
				check(all[i])
				p.Free(all[i].got)
				all = append(all[:i], all[i+1:]...)
			},
			"trim": func(*rapid.T) { p.Trim() },
			"":     func(*rapid.T) {},
		})
		for _, l := range all {
			check(l)
			p.Free(l.got)
		}
		p.Trim()
		if s := p.Stats(); s.InUse != 0 || s.Retained != 0 {
			t.Fatalf("at the end %+v", s)
		}
	})
}

func TestPoolManyGoroutines(t *testing.T) {
	p := mem.New(mem.Options{Retained: 4 << 20})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				n := 1 + (i*7919+g*104729)%(100<<10)
				b := p.AllocateRaw(n)
				b[0], b[n-1] = byte(g), byte(g)
				if b[0] != byte(g) {
					t.Error("two goroutines share a buffer")
				}
				p.Free(b)
			}
		})
	}
	wg.Wait()
	if s := p.Stats(); s.InUse != 0 || s.Retained > 4<<20 || s.Peak == 0 {
		t.Fatalf("at the end %+v", s)
	}
}

func TestPoolCarriesArrow(t *testing.T) {
	p := mem.New(mem.Options{})
	checked := memory.NewCheckedAllocator(p)
	b := array.NewInt64Builder(checked)
	for i := range 100_000 {
		b.Append(int64(i))
	}
	a := b.NewArray()
	b.Release()
	for i, v := range a.(*array.Int64).Int64Values() {
		if v != int64(i) {
			t.Fatalf("row %d holds %d", i, v)
		}
	}
	a.Release()
	checked.AssertSize(t, 0)
	if p.AllocatedBytes() != 0 {
		t.Fatal("bytes remain in use")
	}
}

func TestPoison(t *testing.T) {
	p := mem.New(mem.Options{Poison: true})
	b := p.Allocate(100)
	p.Free(b)
	for i, x := range b {
		if x != 0xdb {
			t.Fatalf("byte %d of a released buffer is %#x", i, x)
		}
	}
	if again := p.Allocate(100); !bytes.Equal(again, make([]byte, 100)) {
		t.Fatal("an allocated buffer is not zero")
	}
}

func TestFreeOfForeignBufferPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Fatal("no panic")
		}
	}()
	mem.New(mem.Options{}).Free(make([]byte, 100))
}

func TestRegion(t *testing.T) {
	p := mem.New(mem.Options{})
	r := p.Reserve(64 << 10)
	base := r.Base()
	if at := r.Grow(100); at != 0 {
		t.Fatalf("first bytes at %d", at)
	}
	r.Bytes()[99] = 7
	if at := r.Grow(50_000); at != 100 || r.Base() != base {
		t.Fatalf("grew at %d, moved %v", at, r.Base() != base)
	}
	r.Grow(100_000) // past the reservation
	if r.Bytes()[99] != 7 || r.Len() != 150_100 {
		t.Fatal("content lost when the region moved")
	}
	if p.AllocatedBytes() != 150_100 {
		t.Fatalf("%d bytes in use", p.AllocatedBytes())
	}
	r.Reset()
	if r.Len() != 0 || r.Touched() != 150_100 {
		t.Fatalf("after reset: %d of %d", r.Len(), r.Touched())
	}
	r.Trim(64 << 10)
	if r.Touched() != 64<<10 || p.AllocatedBytes() != 64<<10 {
		t.Fatalf("after trim: %d, %d in use", r.Touched(), p.AllocatedBytes())
	}
	r.Grow(200_000)
	r.Bytes()[199_999] = 1
	r.Free()
	r.Free()
	if p.AllocatedBytes() != 0 {
		t.Fatalf("%d bytes in use after free", p.AllocatedBytes())
	}
}

// BenchmarkBatch allocates, touches and frees six columns of 16 384 int64.
func BenchmarkBatch(b *testing.B) {
	touch := func(cols *[6][]byte) {
		for _, c := range cols {
			for i := 0; i < len(c); i += 64 {
				c[i] = 1
			}
		}
	}
	p := mem.New(mem.Options{})
	for name, allocate := range map[string]func(int) []byte{"raw": p.AllocateRaw, "zeroed": p.Allocate} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var cols [6][]byte
			for b.Loop() {
				for i := range cols {
					cols[i] = allocate(128 << 10)
				}
				touch(&cols)
				for i := range cols {
					p.Free(cols[i])
				}
			}
		})
	}
	b.Run("goheap", func(b *testing.B) {
		var cols [6][]byte
		for b.Loop() {
			for i := range cols {
				cols[i] = make([]byte, 128<<10)
			}
			touch(&cols)
		}
	})
}

func BenchmarkAllocFree(b *testing.B) {
	for _, size := range []int{64, 2 << 10, 128 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			p := mem.New(mem.Options{})
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					p.Free(p.AllocateRaw(size))
				}
			})
		})
	}
}
