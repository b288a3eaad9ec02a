package read

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/variant"
	ice "github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wadi-engine/wadi/internal/corpora"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/parquet"
)

// variantsOf reads the column "var" of a file; NULL is "NULL".
func variantsOf(t *testing.T, path string) ([]string, error) {
	t.Helper()
	in, err := iceio.LocalFS{}.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquet.Open(t.Context(), in, info.Size(), parquet.Options{Name: path})
	if err != nil {
		return nil, err
	}
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	r, err := f.Reader(parquet.ReadOptions{Columns: [][]string{{"var"}}, Alloc: mem})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	shape, err := newShape(fileFields(f.Schema(), nil)[1], ice.VariantType{}, arrow.BinaryTypes.StringView)
	if err != nil {
		return nil, err
	}
	var out []string
	for {
		rec, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		col, err := shape.apply(mem, rec.Column(0), int(rec.NumRows()))
		rec.Release()
		if err != nil {
			return out, err
		}
		for i, texts := 0, col.(*array.StringView); i < col.Len(); i++ {
			if texts.IsNull(i) {
				out = append(out, "NULL")
			} else {
				out = append(out, strings.Clone(texts.Value(i)))
			}
		}
		col.Release()
	}
}

// TestCorpusVariants reads shredded variants, as the files beside say what they
// are; those that are not valid give an error with a class, or a value.
func TestCorpusVariants(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpora.Path(t, "iceberg_go_testdata", "table", "testdata", "shredded_variant"), "*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	seen, compared := 0, 0
	for _, file := range files {
		seen++
		name := strings.TrimSuffix(file, ".parquet")
		got, err := variantsOf(t, file)
		expected, globErr := filepath.Glob(name + "_row-*")
		if globErr != nil {
			t.Fatal(globErr)
		}
		switch {
		case err != nil && !errors.Is(err, job.ErrInvalid):
			t.Errorf("%s: %v has no class", filepath.Base(file), err)
			continue
		case err != nil && len(expected) > 0 && !strings.Contains(name, "INVALID"):
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		case strings.Contains(name, "INVALID"):
			continue
		}
		for _, want := range expected {
			var row int
			if _, err := fmt.Sscanf(strings.TrimPrefix(want, name), "_row-%d", &row); err != nil {
				t.Fatal(err)
			}
			text := jsonOf(t, want)
			if row >= len(got) || got[row] != text {
				t.Errorf("%s: %q, want %s in row %d", filepath.Base(file), got, text, row)
			}
			compared++
		}
	}
	if seen < 15 || compared < 10 {
		t.Errorf("%d files, %d values compared, want more", seen, compared)
	}
}

// jsonOf is the JSON of a file with a variant's metadata and value.
func jsonOf(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	meta, err := variant.NewMetadata(b)
	if err != nil {
		t.Fatal(err)
	}
	v, err := variant.NewWithMetadata(meta, b[meta.SizeBytes():])
	if err != nil {
		t.Fatal(err)
	}
	text, err := v.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	out := jsontext.Value(text)
	if err := out.Format(); err != nil {
		t.Fatal(err)
	}
	return string(out)
}
