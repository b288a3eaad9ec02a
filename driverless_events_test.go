package wadi_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/objstoretest"
	"github.com/wadi-engine/wadi/lambda"
)

// bucket is a store by the name of S3.
type bucket struct {
	t      *testing.T
	store  *objstoretest.Faults
	driver objstore.Driver
	post   *post
}

func newBucket(t *testing.T) bucket {
	t.Helper()
	store := &objstoretest.Faults{}
	driver, err := store.Open(t.Context(), &url.URL{Scheme: "s3", Host: "in"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return bucket{t, store, driver, &post{sent: map[posted]int{}}}
}

func (b bucket) options(config map[string]string) wadi.Options {
	all := map[string]string{"execution.checkpointing.dir": "s3://in/checkpoints"}
	maps.Copy(all, config)
	return wadi.Options{Config: all, Stores: map[string]objstore.Opener{"s3": b.store.Open, "s3a": b.store.Open}, Invokers: wadi.Invokers{"post": b.post.open}}
}

func (b bucket) put(key, text string) {
	b.t.Helper()
	if err := b.driver.Put(b.t.Context(), key, []byte(text), false); err != nil {
		b.t.Fatal(err)
	}
}

// deploy installs a job that copies rows.
func (b bucket) deploy(config map[string]string, query string) {
	b.t.Helper()
	e, err := wadi.Local(b.options(config))
	if err != nil {
		b.t.Fatal(err)
	}
	defer e.Close()
	err = e.Execute(b.t.Context(), `
		CREATE TEMPORARY TABLE arrivals (k STRING, v BIGINT) WITH ('connector'='filesystem','path'='s3a://in/landing/a','format'='csv','source.monitor-interval'='1 s');
		CREATE TEMPORARY TABLE copies (k STRING, v BIGINT) WITH ('connector'='filesystem','path'='s3://in/out','format'='csv');`+query, func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		_, err := o.Pipeline.Deploy(b.t.Context(), wadi.RestoreRefuse)
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// TestNewObjects: what S3 tells of an object makes the jobs run that read it.
func TestNewObjects(t *testing.T) {
	b := newBucket(t)
	b.deploy(map[string]string{"pipeline.name": "reads"}, "INSERT INTO copies SELECT k, v FROM arrivals")
	function := wadi.StageHandler(b.options(nil))
	for i, c := range []struct {
		key  string
		want wadi.TriggerState
	}{
		{"landing/a/1.csv", wadi.TriggerDone},
		{"landing/ab/1.csv", wadi.TriggerIgnored},
		{"checkpoints/x", wadi.TriggerIgnored},
		{"landing/a/2.csv", wadi.TriggerDone},
		{"landing/a/2.csv", wadi.TriggerIdle},
	} {
		b.put(c.key, fmt.Sprintf("k,%d\n", i))
		event := fmt.Sprintf(`{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"in"},"object":{"key":"%s"}}}]}`, c.key)
		reply, err := function(t.Context(), json.RawMessage(event))
		var got []wadi.Triggered
		if err == nil {
			err = json.Unmarshal(reply, &got)
		}
		if err != nil || len(got) != 1 || got[0].State != c.want {
			t.Errorf("%s: %s, %v, want %s", c.key, reply, err, c.want)
		}
	}
}

// TestRequests: what an epoch asks of storage grows as its tasks do, and no faster.
func TestRequests(t *testing.T) {
	per := map[int]float64{}
	for _, tasks := range []int{4, 16, 64} {
		b := newBucket(t)
		o := b.options(nil)
		b.deploy(map[string]string{
			"pipeline.name": "many", "parallelism.default": fmt.Sprint(tasks), "execution.functions.target": "post:", "execution.functions.fuse": "off",
		}, "INSERT INTO copies SELECT k, v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY PROCTIME()) AS n FROM arrivals) WHERE n = 1")
		for i := range tasks {
			b.put(fmt.Sprintf("landing/a/%d.csv", i), fmt.Sprintf("k%d,1\n", i))
		}
		before := b.store.Count().Requests
		if _, err := wadi.StageHandler(o)(t.Context(), json.RawMessage(`{"trigger":{}}`)); err != nil {
			t.Fatal(err)
		}
		b.post.deliver(t, o)
		per[tasks] = float64(b.store.Count().Requests-before) / float64(tasks)
	}
	t.Logf("requests per task, by tasks: %v", per)
	if per[64] > 1.2*per[16] || per[16] > 1.2*per[4] {
		t.Errorf("requests per task, by tasks: %v: they grow", per)
	}
}

// TestEndless: a source that always has rows, and cannot tell how far it goes, is read
// for half of the time that a call has; then the trigger is done.
func TestEndless(t *testing.T) {
	dir := filepath.ToSlash(t.TempDir())
	e, err := wadi.Local(wadi.Options{Config: map[string]string{"execution.checkpointing.dir": "file://" + dir + "/checkpoints", "execution.functions.timeout": "600 ms"}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	err = e.Execute(t.Context(), `CREATE TABLE numbers (n BIGINT) WITH ('connector'='datagen','rows-per-second'='1000');
		CREATE TABLE copies (n BIGINT) WITH ('connector'='filesystem','path'='file://`+dir+`/out','format'='csv');
		SET 'pipeline.name' = 'endless'; INSERT INTO copies SELECT n FROM numbers`, func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		_, err := o.Pipeline.Deploy(t.Context(), wadi.RestoreRefuse)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	all, err := e.Trigger(t.Context(), lambda.Trigger{Job: "endless"})
	if err != nil || len(all) != 1 || all[0].State != wadi.TriggerDone || all[0].Epochs != 1 || all[0].Rows == 0 {
		t.Errorf("%+v, %v, want one epoch", all, err)
	}
	if took := time.Since(began); took > 20*time.Second { // it has its own deadline
		t.Errorf("it has taken %v", took)
	}
}
