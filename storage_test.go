package wadi_test

import (
	"testing"

	"github.com/wadi-engine/wadi"
)

func TestStorageCounts(t *testing.T) {
	env, err := wadi.Local(wadi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	err = env.Execute(t.Context(), `
CREATE TABLE numbers (n INT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'mem://lake/numbers');
INSERT INTO numbers VALUES (1), (22);
INSERT INTO numbers SELECT n FROM numbers;
`, func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		_, err := o.Pipeline.Run(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]wadi.StorageCount{}
	for _, c := range env.StorageCounts() {
		if c.Scheme != "mem" || c.Errors != 0 || c.Retries != 0 {
			t.Errorf("%+v", c)
		}
		got[c.Operation] = c
	}
	if c := got["put"]; c.Requests < 2 || c.Written < int64(2*len("1\n22\n")) {
		t.Errorf("put: %+v", c)
	}
	if c := got["get"]; c.Requests < 1 || c.Read < int64(len("1\n22\n")) {
		t.Errorf("get: %+v", c)
	}
}
