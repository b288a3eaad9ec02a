package mem_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/vector/mem"
)

// paged returns a pool whose regions leave memory at once.
func paged(t testing.TB, o mem.Paging) *mem.Pool {
	p := mem.New(mem.Options{})
	if o.Dirs == nil {
		o.Dirs = []string{t.TempDir()}
	}
	if err := p.SetPaging(o); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPagedModel runs random histories of regions that are in files, against
// plain slices.
func TestPagedModel(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		p := paged(t, mem.Paging{Dirs: []string{dir}, Resident: 4 << 20, Eager: rapid.Bool().Draw(rt, "eager")})
		regions := make([]*mem.Region, 3)
		want := make([][]byte, len(regions))
		for i := range regions {
			regions[i] = p.Reserve(2 << 20)
		}
		fill := byte(0)
		which := rapid.IntRange(0, len(regions)-1)
		rt.Repeat(map[string]func(*rapid.T){
			"grow": func(t *rapid.T) {
				i, n := which.Draw(t, "which"), rapid.IntRange(0, 3<<20).Draw(t, "bytes")
				at := regions[i].Grow(n)
				if at != len(want[i]) {
					t.Fatalf("grew at %d of %d", at, len(want[i]))
				}
				fill++
				part := bytes.Repeat([]byte{fill}, n)
				copy(regions[i].Bytes()[at:], part)
				want[i] = append(want[i], part...)
			},
			"truncate": func(t *rapid.T) {
				i := which.Draw(t, "which")
				n := rapid.IntRange(0, len(want[i])).Draw(t, "bytes")
				regions[i].Truncate(n)
				want[i] = want[i][:n]
			},
			"trim": func(t *rapid.T) {
				i := which.Draw(t, "which")
				regions[i].Trim(rapid.IntRange(0, 4<<20).Draw(t, "bytes"))
				want[i] = nil
			},
			"free": func(t *rapid.T) {
				i := which.Draw(t, "which")
				regions[i].Free()
				regions[i], want[i] = p.Reserve(2<<20), nil
			},
			"relieve": func(*rapid.T) { p.Relieve() },
			"": func(t *rapid.T) {
				for i, r := range regions {
					if !bytes.Equal(r.Bytes(), want[i]) {
						t.Fatalf("region %d of %d bytes has changed", i, len(want[i]))
					}
				}
			},
		})
		for _, r := range regions {
			r.Free()
		}
		if p.AllocatedBytes() != 0 || p.Cold() {
			rt.Fatalf("%d bytes in use at the end", p.AllocatedBytes())
		}
	})
	if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
		t.Errorf("files %v are left behind (%v)", names, err)
	}
}

// TestResident writes more than may be resident, and looks from outside at what
// is.
func TestResident(t *testing.T) {
	const room, size = 32 << 20, 256 << 20
	p := paged(t, mem.Paging{Resident: room})
	before := rssFile(t)
	r := p.Reserve(size)
	defer r.Free()
	for r.Len() < size {
		at := r.Grow(1 << 20)
		for i := at; i < r.Len(); i += 512 {
			r.Bytes()[i] = byte(i >> 9)
		}
		if now := rssFile(t) - before; now > room+room/4 {
			t.Fatalf("%d bytes of files are resident", now)
		}
	}
	if !p.Cold() {
		t.Error("state is not cold")
	}
	for i := 0; i < size; i += 512 {
		if i%(256<<10) == 0 {
			p.Relieve()
		}
		if r.Bytes()[i] != byte(i>>9) {
			t.Fatalf("byte %d is lost", i)
		}
	}
	if now := rssFile(t) - before; now > room+room/4 {
		t.Errorf("%d bytes of files are resident after reading", now)
	}
}

func rssFile(t *testing.T) int {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range strings.Fields(string(b))[2] {
		n = 10*n + int(c-'0')
	}
	return n * os.Getpagesize()
}

func TestDiskLimit(t *testing.T) {
	p := paged(t, mem.Paging{Resident: 1 << 20, Disk: 8 << 20})
	r := p.Reserve(0)
	defer r.Free()
	defer func() {
		err, _ := recover().(error)
		if !errors.Is(err, mem.ErrDiskFull) || !strings.Contains(err.Error(), "8388608 bytes") {
			t.Errorf("panic %v", err)
		}
	}()
	for range 100 {
		r.Grow(1 << 20)
	}
	t.Error("the limit was not kept")
}

func TestPagingRefusesMissingDirectory(t *testing.T) {
	if err := mem.New(mem.Options{}).SetPaging(mem.Paging{Resident: 1, Dirs: []string{"/nowhere"}}); err == nil {
		t.Error("no error")
	}
}

// TestHandStaysOnPages: a file may end within a page, when the disk was full or while
// its region is on its way there; the hand that has passed its end goes on at a whole
// page when the file has grown.
func TestHandStaysOnPages(t *testing.T) {
	p := paged(t, mem.Paging{Resident: 64 << 10, Disk: 8<<20 + 512<<10})
	touch := func(r *mem.Region) {
		for i := 0; i < r.Len(); i += 512 {
			r.Bytes()[i]++
		}
	}
	first, r := p.Reserve(16<<20), p.Reserve(4<<20)
	defer first.Free()
	defer r.Free()
	first.Grow(7 << 20) // two steps of the hand
	r.Grow(500_001)
	touch(r)
	func() {
		defer func() {
			if err, ok := recover().(error); !ok || !errors.Is(err, mem.ErrDiskFull) {
				t.Errorf("the disk is not full: %v", err)
			}
		}()
		r.Grow(600_000)
	}()
	touch(first)
	touch(r)
	p.Relieve()
	first.Trim(1 << 20)
	r.Grow(600_000)
	first.Grow(3 << 20)
	touch(first)
	touch(r)
	p.Relieve()
	p.Relieve()
}
