package wadi_test

import (
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/s3"
	"github.com/wadi-engine/wadi/internal/testserver"
)

// TestStorageOptionsOfTheProcess: checkpoints go to a store that the configuration of
// the process describes, as s3.endpoint does in Flink's.
func TestStorageOptionsOfTheProcess(t *testing.T) {
	bucket, config := testserver.S3(t)
	config["execution.checkpointing.dir"], config["execution.checkpointing.interval"] = bucket+"/checkpoints", "50 ms"
	config["execution.runtime-mode"], config["pipeline.name"] = "streaming", "stored"
	env, err := wadi.Local(wadi.Options{Config: config, Stores: map[string]objstore.Opener{"s3": s3.Open}})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	if err := env.Execute(t.Context(), `CREATE TABLE g (n BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '1000');
		CREATE TABLE b (n BIGINT) WITH ('connector' = 'blackhole'); INSERT INTO b SELECT n FROM g`, func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		_, err := o.Pipeline.Run(t.Context())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, c := range env.StorageCounts() {
		if c.Scheme == "s3" && c.Operation == "put" && c.Requests > 0 {
			return
		}
	}
	t.Errorf("nothing was stored: %+v", env.StorageCounts())
}
