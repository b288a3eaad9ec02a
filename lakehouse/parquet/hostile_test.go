package parquet_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/internal/corpora"
	"github.com/wadi-engine/wadi/lakehouse/parquet"
)

// bounded fails an allocation that no small file can be worth.
type bounded struct{ memory.Allocator }

func (b bounded) Allocate(n int) []byte {
	b.check(n)
	return b.Allocator.Allocate(n)
}

func (b bounded) Reallocate(n int, old []byte) []byte {
	b.check(n)
	return b.Allocator.Reallocate(n, old)
}

func (bounded) check(n int) {
	if n > 1<<28 {
		panic("an allocation of more than 256 MiB")
	}
}

// consume opens and reads bytes as a file; only a panic is a failure.
func consume(t interface{ Fatalf(string, ...any) }, b []byte) {
	alloc := memory.NewCheckedAllocator(bounded{memory.DefaultAllocator})
	defer func() {
		if n := alloc.CurrentAlloc(); n != 0 {
			t.Fatalf("%d bytes are still held", n)
		}
	}()
	ctx := context.Background()
	f, err := parquet.Open(ctx, bytes.NewReader(b), int64(len(b)), parquet.Options{Name: "hostile"})
	if err != nil {
		return
	}
	r, err := f.Reader(parquet.ReadOptions{Alloc: alloc, BatchRows: 1000})
	if err != nil {
		return
	}
	defer r.Close()
	for range 20 {
		rec, err := r.Next(ctx)
		if errors.Is(err, io.EOF) || err != nil {
			return
		}
		_ = lines(rec)
		rec.Release()
	}
}

// FuzzReader starts from the small files of the corpus and from our own.
func FuzzReader(f *testing.F) {
	for i := range 20 {
		rec := rapid.Custom(func(t *rapid.T) *bytes.Buffer {
			var b bytes.Buffer
			rec := drawRecord(t, memory.DefaultAllocator)
			w, err := parquet.NewWriter(&b, rec.Schema(), parquet.WriterOptions{Compression: codecs[i%len(codecs)], PageRows: 9})
			if err == nil {
				err = w.Write(rec)
			}
			if err == nil {
				_, err = w.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			return &b
		}).Example(i)
		f.Add(rec.Bytes())
	}
	_ = filepath.WalkDir(filepath.Join(corpora.Dir(f), "parquet_testing"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".parquet") || strings.Contains(path, "large_string_map") {
			return nil
		}
		if b, err := os.ReadFile(path); err == nil && len(b) < 64<<10 {
			f.Add(b)
		}
		return nil
	})
	f.Fuzz(func(t *testing.T, b []byte) { consume(t, b) })
}

// TestFlippedBytes changes bytes of good files at random places.
func TestFlippedBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rec := drawRecord(t, memory.DefaultAllocator)
		var b bytes.Buffer
		w, err := parquet.NewWriter(&b, rec.Schema(), parquet.WriterOptions{Compression: rapid.SampledFrom(codecs).Draw(t, "codec"), PageRows: 9})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Close(); err != nil {
			t.Fatal(err)
		}
		file := b.Bytes()
		for range rapid.IntRange(1, 4).Draw(t, "flips") {
			file[rapid.IntRange(0, len(file)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "mask"))
		}
		consume(t, file)
	})
}

// TestMillionColumns opens a file whose footer lists a million columns.
func TestMillionColumns(t *testing.T) {
	const n = 1_000_000
	footer := []byte{0x15, 2, 0x19, 0xfc} // version 1; schema: a list of structs
	footer = binary.AppendUvarint(footer, n+1)
	footer = append(footer, 0x48, 1, 's', 0x15) // name; children
	footer = binary.AppendUvarint(footer, 2*n)
	footer = append(footer, 0)
	for range n {
		footer = append(footer, 0x15, 2, 0x25, 0, 0x18, 1, 'c', 0) // INT32, required, name
	}
	footer = append(footer, 0x16, 0, 0x19, 0x0c, 0) // no rows, no row groups
	file := append([]byte("PAR1"), footer...)
	file = binary.LittleEndian.AppendUint32(file, uint32(len(footer)))
	file = append(file, "PAR1"...)
	began := time.Now()
	f := open(t, file)
	if got := f.Schema().NumFields(); got != n {
		t.Errorf("%d columns", got)
	}
	r, err := f.Reader(parquet.ReadOptions{Columns: [][]string{{"c"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("a file without rows gives %v", err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestDeepSchema refuses a schema that nests without end.
func TestDeepSchema(t *testing.T) {
	footer := []byte{0x15, 2, 0x19, 0xfc}
	footer = binary.AppendUvarint(footer, 100_000)
	for range 100_000 {
		footer = append(footer, 0x48, 1, 's', 0x15, 2, 0) // a group of one
	}
	footer = append(footer, 0x16, 0, 0x19, 0x0c, 0)
	file := append([]byte("PAR1"), footer...)
	file = binary.LittleEndian.AppendUint32(file, uint32(len(footer)))
	file = append(file, "PAR1"...)
	_, err := parquet.Open(t.Context(), bytes.NewReader(file), int64(len(file)), parquet.Options{Name: "deep"})
	if err == nil || !strings.Contains(err.Error(), "nests deeper") {
		t.Errorf("got %v", err)
	}
}
