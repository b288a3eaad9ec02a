package iceberg_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/corpora"
	"github.com/wadi-engine/wadi/internal/sqltest"
	"github.com/wadi-engine/wadi/job"
)

// TestCorpusManifestLists reads lists of manifests that other programs wrote:
// they are rows of `t$manifests`, and a scan says which manifest is not there.
func TestCorpusManifestLists(t *testing.T) {
	rust := corpora.Path(t, "iceberg_rust_testdata", "crates", "iceberg", "testdata", "manifests_lists")
	for file, manifests := range map[string]string{
		filepath.Join(rust, "manifest-list-v2-1.avro"):                                     "1",
		filepath.Join(rust, "manifest-list-v2-2.avro"):                                     "1",
		filepath.Join(rust, "manifest-list-v3-encrypted.avro"):                             "",
		corpora.Path(t, "iceberg_go_testdata", "testdata", "duckdb_v3_manifest_list.avro"): "2",
	} {
		t.Run(filepath.Base(file), func(t *testing.T) {
			dir := t.TempDir()
			metadata := filepath.Join(dir, "v1.metadata.json")
			text := fmt.Sprintf(`{"format-version": 3, "table-uuid": "9c12d441-03fe-4693-9a96-a0705ddf69c1", "location": "file://%[1]s", "last-sequence-number": 100,
				"last-updated-ms": 1602638573590, "last-column-id": 1, "current-schema-id": 0, "next-row-id": 1000000,
				"schemas": [{"type": "struct", "schema-id": 0, "fields": [{"id": 1, "name": "x", "required": false, "type": "long"}]}],
				"default-spec-id": 0, "partition-specs": [{"spec-id": 0, "fields": []}], "last-partition-id": 999,
				"default-sort-order-id": 0, "sort-orders": [{"order-id": 0, "fields": []}], "properties": {},
				"current-snapshot-id": 7, "snapshots": [{"snapshot-id": 7, "timestamp-ms": 1515100955770, "sequence-number": 100, "schema-id": 0,
				"first-row-id": 0, "added-rows": 10, "summary": {"operation": "append"}, "manifest-list": "file://%[2]s"}]}`, dir, file)
			if err := os.WriteFile(metadata, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			env, err := wadi.Local(wadi.Options{Config: map[string]string{"execution.runtime-mode": "batch"}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = env.Close() })
			if manifests == "" {
				if _, err := sqltest.Line(t, env, "SELECT x FROM read_iceberg('"+metadata+"')"); !errors.Is(err, job.ErrInvalid) {
					t.Errorf("an encrypted list of manifests: %v", err)
				}
				return
			}
			if got, err := sqltest.Line(t, env, "SELECT COUNT(*) FROM read_iceberg('"+metadata+"', metadata_table => 'manifests')"); got != manifests || err != nil {
				t.Errorf("%q manifests, %v", got, err)
			}
			got, err := sqltest.Line(t, env, "SELECT x FROM read_iceberg('"+metadata+"')")
			if !errors.Is(err, job.ErrInvalid) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
