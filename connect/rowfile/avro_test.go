package rowfile_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/avro"
	"github.com/twmb/avro/ocf"

	"github.com/wadi-engine/wadi/internal/corpora"
)

// person is a row of the files that another library writes.
type person struct {
	ID   int64    `avro:"id"`
	Name *string  `avro:"name"`
	Tags []string `avro:"tags"`
}

const personSchema = `{"type":"record","name":"person","fields":[
	{"name":"id","type":"long"},{"name":"name","type":["null","string"]},{"name":"tags","type":{"type":"array","items":"string"}}]}`

// people writes a file of n people in blocks of 1000 bytes.
func people(t *testing.T, n int, codec ocf.WriterOpt) []byte {
	t.Helper()
	var b bytes.Buffer
	opts := []ocf.WriterOpt{ocf.WithBlockBytes(1000)}
	if codec != nil {
		opts = append(opts, codec)
	}
	w, err := ocf.NewWriter(&b, avro.MustParse(personSchema), opts...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		p := person{ID: int64(i), Tags: []string{"x", fmt.Sprint(i)}[:i%3]}
		if i%2 == 0 {
			name := fmt.Sprintf("n%d", i)
			p.Name = &name
		}
		if err := w.Encode(&p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestAvro: files of another writer, with every codec that it has, from the
// beginning and from within.
func TestAvro(t *testing.T) {
	for name, codec := range map[string]ocf.WriterOpt{
		"null": nil, "deflate": ocf.WithCodec(ocf.DeflateCodec(6)), "snappy": ocf.WithCodec(ocf.SnappyCodec()), "zstandard": ocf.WithCodec(ocf.MustZstdCodec(nil, nil)),
	} {
		path := filepath.Join(t.TempDir(), "people.avro")
		if err := os.WriteFile(path, people(t, 20_000, codec), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, restart := range []bool{false, true} {
			got, err := read(t, "avro", restart, map[string]string{"path": path})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if len(got.rows) != 20_000 || got.rows[4] != "4|n4|1 elements" {
				t.Errorf("%s: %d rows, the fifth is %q", name, len(got.rows), got.rows[4])
			}
			for i, row := range got.rows {
				if !strings.HasPrefix(row, fmt.Sprint(i)+"|") {
					t.Fatalf("%s: row %d is %q", name, i, row)
				}
			}
		}
		got, err := read(t, "avro", false, map[string]string{"path": path}, arrow.Field{Name: "name", Type: arrow.BinaryTypes.StringView, Nullable: true},
			arrow.Field{Name: "other", Type: arrow.PrimitiveTypes.Int32, Nullable: true}, arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Float64, Nullable: true})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"n0|(null)|0", "(null)|(null)|1", "n2|(null)|2"}, got.rows[:3]); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

// TestBrokenAvro: cut off and damaged files are errors, never rows, panics or hangs.
func TestBrokenAvro(t *testing.T) {
	whole := people(t, 300, ocf.WithCodec(ocf.DeflateCodec(6)))
	dir := t.TempDir()
	try := func(b []byte) (int, error) {
		path := filepath.Join(dir, "x.avro")
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := read(t, "avro", false, map[string]string{"path": path}, arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true})
		return len(got.rows), err
	}
	for n := 0; n < len(whole); n += 7 {
		if rows, err := try(whole[:n]); err == nil && rows == 300 {
			t.Errorf("%d of %d bytes give all rows", n, len(whole))
		}
	}
	failed := 0
	for n := 0; n < len(whole); n += 5 {
		b := bytes.Clone(whole)
		b[n] ^= 0x41
		if _, err := try(b); err != nil {
			failed++
		}
	}
	if failed < 20 {
		t.Errorf("only %d damaged files are refused", failed)
	}
	if _, err := try([]byte("id,name\n1,a\n")); err == nil || !strings.Contains(err.Error(), "no Avro file") {
		t.Errorf("a CSV file: %v", err)
	}
}

// TestAvroCorpus: files of Avro's own tests, and of Flink's.
func TestAvroCorpus(t *testing.T) {
	data := corpora.Path(t, "avro_interop", "share", "test", "data")
	want := []string{"011990-99999|-619524000000|0", "011990-99999|-619506000000|22", "011990-99999|-619484400000|-11", "012650-99999|-655531200000|111", "012650-99999|-655509600000|78"}
	for name, rows := range map[string]int{
		"weather.avro": 5, "weather-deflate.avro": 5, "weather-snappy.avro": 5, "weather-zstd.avro": 5, "weather-sorted.avro": 5,
		"syncInMeta.avro": 6001, "schemas/simple/data.avro": 3,
		"../../../../flink_formats/flink-formats/flink-avro/src/test/resources/testdata.avro": 50,
	} {
		got, err := read(t, "avro", false, map[string]string{"path": filepath.Join(data, name)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(got.rows) != rows {
			t.Errorf("%s: %d rows, want %d", name, len(got.rows), rows)
		}
		if rows == 5 {
			slices.Sort(got.rows)
			slices.Sort(want)
			if diff := cmp.Diff(want, got.rows); diff != "" {
				t.Errorf("%s: -want +got:\n%s", name, diff)
			}
		}
	}
	for name, want := range map[string]string{
		"schemas/withUnion/data.avro": "field data1: invalid request: a union of several types is no column: declare the columns that are wanted",
		"test.avro12":                 "it is no Avro file", // of Avro 1.2
	} {
		if _, err := read(t, "avro", false, map[string]string{"path": filepath.Join(data, name)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}
