package files_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/avro/ocf"

	"github.com/wadi-engine/wadi/connect/files"
	"github.com/wadi-engine/wadi/internal/objstore"
)

// TestAvroIsRead: another library reads what is written, also when it was merged.
func TestAvroIsRead(t *testing.T) {
	for _, codec := range []string{"null", "deflate", "snappy", "zstandard"} {
		for _, merged := range []string{"false", "true"} {
			env := files.Env{Stores: objstore.New(objstore.Options{})}
			s := newSink(t, table("mem://m/out", map[string]string{"format": "avro", "avro.codec": codec, "auto-compaction": merged}), env)
			commit(t, s, small(t, s, 1, 0))
			var got []string
			all := visible(t, env.Stores, "mem://m/out")
			for _, name := range slices.Sorted(maps.Keys(all)) {
				r, err := ocf.NewReader(bytes.NewReader([]byte(all[name])))
				if err != nil {
					t.Fatalf("%s: %v", codec, err)
				}
				for {
					var row struct {
						ID   int64   `avro:"id"`
						City *string `avro:"city"`
					}
					if err := r.Decode(&row); errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						t.Fatalf("%s: %v", codec, err)
					}
					city := ""
					if row.City != nil {
						city = *row.City
					}
					got = append(got, fmt.Sprintf("%d,%s", row.ID, city))
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(ids(0, 20), got); diff != "" {
				t.Errorf("%s: -want +got:\n%s", codec, diff)
			}
			if want := map[string]int{"false": 5, "true": 1}[merged]; len(all) != want {
				t.Errorf("%s: %d files, want %d", codec, len(all), want)
			}
		}
	}
}
