package parquet_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/internal/corpora"
	"github.com/wadi-engine/wadi/lakehouse/parquet"
)

// scan reads a file and hands each record to use, which does not keep it.
func scan(ctx context.Context, path string, o parquet.ReadOptions, use func(arrow.RecordBatch)) (*arrow.Schema, error) {
	fh, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer fh.Close()
	st, err := fh.Stat()
	if err != nil {
		return nil, err
	}
	f, err := parquet.Open(ctx, fh, st.Size(), parquet.Options{Name: filepath.Base(path)})
	if err != nil {
		return nil, err
	}
	r, err := f.Reader(o)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for {
		rec, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return r.Schema(), nil
		}
		if err != nil {
			return nil, err
		}
		use(rec)
		rec.Release()
	}
}

// render writes a value as testdata/digest.py does.
func render(w *bytes.Buffer, a arrow.Array, i int) {
	if a.IsNull(i) {
		w.WriteString("null")
		return
	}
	switch a := a.(type) {
	case *array.Boolean:
		w.WriteString(strconv.FormatBool(a.Value(i)))
	case *array.Int8:
		fmt.Fprint(w, a.Value(i))
	case *array.Int16:
		fmt.Fprint(w, a.Value(i))
	case *array.Int32:
		fmt.Fprint(w, a.Value(i))
	case *array.Int64:
		fmt.Fprint(w, a.Value(i))
	case *array.Date32:
		fmt.Fprint(w, int32(a.Value(i)))
	case *array.Time32:
		fmt.Fprint(w, int32(a.Value(i)))
	case *array.Timestamp:
		per := big.NewInt(int64(a.DataType().(*arrow.TimestampType).Unit.Multiplier()))
		fmt.Fprint(w, per.Mul(per, big.NewInt(int64(a.Value(i)))))
	case *array.Float32:
		renderFloat(w, float64(a.Value(i)))
	case *array.Float64:
		renderFloat(w, a.Value(i))
	case *array.Decimal128:
		fmt.Fprintf(w, "%v/%d", a.Value(i).BigInt(), a.DataType().(*arrow.Decimal128Type).Scale)
	case *array.StringView:
		renderBytes(w, []byte(a.Value(i)))
	case *array.BinaryView:
		renderBytes(w, a.Value(i))
	case *array.Struct:
		w.WriteByte('(')
		for f := range a.NumField() {
			if f > 0 {
				w.WriteByte(',')
			}
			render(w, a.Field(f), i)
		}
		w.WriteByte(')')
	case *array.Map:
		from, to := a.ValueOffsets(i)
		w.WriteByte('{')
		for k := from; k < to; k++ {
			if k > from {
				w.WriteByte(',')
			}
			render(w, a.Keys(), int(k))
			w.WriteByte('=')
			render(w, a.Items(), int(k))
		}
		w.WriteByte('}')
	case *array.List:
		from, to := a.ValueOffsets(i)
		w.WriteByte('[')
		for k := from; k < to; k++ {
			if k > from {
				w.WriteByte(',')
			}
			render(w, a.ListValues(), int(k))
		}
		w.WriteByte(']')
	default:
		panic(fmt.Sprintf("no rendering of %v", a.DataType()))
	}
}

func renderFloat(w *bytes.Buffer, f float64) {
	if math.IsNaN(f) {
		w.WriteString("nan")
		return
	}
	w.WriteString(hex.EncodeToString(binary.BigEndian.AppendUint64(nil, math.Float64bits(f))))
}

func renderBytes(w *bytes.Buffer, b []byte) {
	if len(b) < 1<<20 {
		w.WriteString("x" + hex.EncodeToString(b))
		return
	}
	sum := sha256.Sum256(b)
	w.WriteString("h" + hex.EncodeToString(sum[:]))
}

// digests reads a file and returns its number of rows and a digest of each column.
func digests(ctx context.Context, path string, o parquet.ReadOptions) (rows int64, sums []string, err error) {
	var hashes []hash.Hash
	var buf bytes.Buffer
	schema, err := scan(ctx, path, o, func(rec arrow.RecordBatch) {
		rows += rec.NumRows()
		for c, a := range rec.Columns() {
			if c == len(hashes) {
				hashes = append(hashes, sha256.New())
			}
			buf.Reset()
			for i := range a.Len() {
				render(&buf, a, i)
				buf.WriteByte('\n')
			}
			hashes[c].Write(buf.Bytes())
		}
	})
	if err != nil {
		return 0, nil, err
	}
	for len(hashes) < schema.NumFields() { // no rows, no records
		hashes = append(hashes, sha256.New())
	}
	for _, h := range hashes {
		sums = append(sums, hex.EncodeToString(h.Sum(nil))[:16])
	}
	return rows, sums, nil
}

// refused says which files must not be read, and a part of the reason given.
var refused = map[string]string{
	"data/datapage_v1-corrupt-checksum.parquet":                                    "row group 0, column a, page 0: checksum",
	"data/rle-dict-uncompressed-corrupt-checksum.parquet":                          "row group 0, column long_field, page 0: dictionary: checksum",
	"data/aes256/encrypt_columns_and_footer.parquet.encrypted":                     "encrypted",
	"data/aes256/encrypt_columns_and_footer_ctr.parquet.encrypted":                 "encrypted",
	"data/aes256/encrypt_columns_and_footer_disable_aad_storage.parquet.encrypted": "encrypted",
	"data/aes256/encrypt_columns_plaintext_footer.parquet.encrypted":               "column boolean_field",
	"data/aes256/uniform_encryption.parquet.encrypted":                             "encrypted",
	"data/encrypt_columns_and_footer.parquet.encrypted":                            "encrypted",
	"data/encrypt_columns_and_footer_aad.parquet.encrypted":                        "encrypted",
	"data/encrypt_columns_and_footer_bloom_filter.parquet.encrypted":               "encrypted",
	"data/encrypt_columns_and_footer_ctr.parquet.encrypted":                        "encrypted",
	"data/encrypt_columns_and_footer_disable_aad_storage.parquet.encrypted":        "encrypted",
	"data/encrypt_columns_plaintext_footer.parquet.encrypted":                      "column float_field",
	"data/external_key_material_java.parquet.encrypted":                            "encrypted",
	"data/uniform_encryption.parquet.encrypted":                                    "encrypted",
	"bad_data/ARROW-GH-41317.parquet":                                              "column timestamp_us_no_tz, page 1",
	"bad_data/ARROW-GH-41321.parquet":                                              "bit width of 254",
	"bad_data/ARROW-GH-45185.parquet":                                              "list x goes on where it is null or empty",
	"bad_data/ARROW-GH-47662.parquet":                                              "column flba_field, page 0",
	"bad_data/ARROW-RS-GH-6229-DICTHEADER.parquet":                                 "chunk of 322 bytes at 129",
	"bad_data/ARROW-RS-GH-6229-LEVELS.parquet":                                     "column outer.list.item.c",
	"bad_data/PARQUET-1481.parquet":                                                "unknown physical type",
}

// TestCorpus compares every file of apache/parquet-testing with what PyArrow
// or DuckDB reads from it, in large and in small batches.
func TestCorpus(t *testing.T) {
	dir := corpora.Path(t, "parquet_testing")
	list, err := os.Open(filepath.Join("testdata", "corpus.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	for lines := bufio.NewScanner(list); lines.Scan(); {
		want := strings.Fields(lines.Text())
		name := want[0]
		if refused[name] != "" {
			continue
		}
		for _, batch := range []int{0, 3} {
			if strings.Contains(name, "large_string_map") && (testing.Short() || batch > 0) {
				continue // two values of 1 GiB
			}
			t.Run(fmt.Sprintf("%s/%d", name, batch), func(t *testing.T) {
				alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
				defer alloc.AssertSize(t, 0)
				rows, sums, err := digests(t.Context(), filepath.Join(dir, name), parquet.ReadOptions{Alloc: alloc, BatchRows: batch})
				if err != nil {
					t.Fatal(err)
				}
				if got := strconv.FormatInt(rows, 10); got != want[1] {
					t.Errorf("%s rows, want %s", got, want[1])
				}
				if len(sums) != len(want)-3 {
					t.Fatalf("%d columns, want %d", len(sums), len(want)-3)
				}
				for i, s := range sums {
					if s != want[3+i] {
						t.Errorf("column %d differs from %s's", i, want[2])
					}
				}
			})
		}
	}
}

func TestCorpusRefused(t *testing.T) {
	dir := corpora.Path(t, "parquet_testing")
	for name, reason := range refused {
		t.Run(name, func(t *testing.T) {
			alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
			defer alloc.AssertSize(t, 0)
			_, _, err := digests(t.Context(), filepath.Join(dir, name), parquet.ReadOptions{Alloc: alloc})
			if err == nil || !strings.Contains(err.Error(), reason) || !strings.Contains(err.Error(), filepath.Base(name)) {
				t.Errorf("got %v, want an error that names the file and says %q", err, reason)
			}
		})
	}
}
