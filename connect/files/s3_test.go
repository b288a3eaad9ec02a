package files_test

import (
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/s3"
	"github.com/wadi-engine/wadi/internal/sqltest"
	"github.com/wadi-engine/wadi/internal/testserver"
)

// TestFilesOnS3: a table in a bucket, with the credentials that it names, is
// written, merged, marked, and read with all that is known of its files.
func TestFilesOnS3(t *testing.T) {
	url, props := testserver.S3(t)
	var with strings.Builder
	for k, v := range props {
		with.WriteString(", '" + k + "' = '" + v + "'")
	}
	env, err := wadi.Local(wadi.Options{
		Parallelism: 2, Config: map[string]string{"execution.runtime-mode": "batch"}, Stores: map[string]objstore.Opener{"s3": s3.Open},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	for _, format := range []string{"csv', 'sink.compression' = 'gzip", "json", "avro", "parquet"} {
		name := format[:strings.IndexAny(format+"'", "'")]
		sqltest.Run(t, env, `DROP TABLE IF EXISTS f; CREATE TABLE f (id INT, day DATE, size BIGINT METADATA FROM 'file.size' VIRTUAL, path STRING METADATA FROM 'file.path' VIRTUAL) PARTITIONED BY (day)
			WITH ('connector' = 'filesystem', 'path' = '`+url+`/t/`+name+`', 'format' = '`+format+`'`+with.String()+`,
			'sink.rolling-policy.file-size' = '1b', 'auto-compaction' = 'true', 'compaction.file-size' = '1mb', 'sink.partition-commit.policy.kind' = 'success-file');
			INSERT INTO f SELECT id, DATE '2024-05-01' FROM (VALUES (1), (2)) AS t (id) UNION ALL SELECT 3, DATE '2024-05-01' UNION ALL SELECT 4, DATE '2024-05-02'`)
		sqltest.Same(t, env, "SELECT CAST(id AS STRING) || ' ' || CAST(day AS STRING) FROM f WHERE size > 0 AND path LIKE '/t/"+name+"/day=%'",
			"1 2024-05-01", "2 2024-05-01", "3 2024-05-01", "4 2024-05-02")
		stores := objstore.New(objstore.Options{Openers: map[string]objstore.Opener{"s3": s3.Open}})
		b, err := stores.Open(t.Context(), url+"/t/"+name, props)
		if err != nil {
			t.Fatal(err)
		}
		names, err := b.List(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		kinds := map[string]int{}
		for _, n := range names {
			switch {
			case strings.HasSuffix(n, "/_SUCCESS"):
				kinds["marker"]++
			case strings.HasPrefix(n, "day="):
				kinds["file"]++
			case strings.HasPrefix(n, "_wadi/"):
				kinds["log"]++
			default:
				t.Errorf("%s: left over: %s", format, n)
			}
		}
		if kinds["marker"] != 2 || kinds["file"] != 2 || kinds["log"] != 1 {
			t.Errorf("%s: %v of %q", format, kinds, names)
		}
	}
}
