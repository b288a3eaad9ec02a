package wadi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lambda"
	"github.com/wadi-engine/wadi/stream"
)

// ingest counts rows of files that come, by key, and copies them.
const ingest = `
CREATE TEMPORARY TABLE arrivals (k STRING, v BIGINT) WITH ('connector'='filesystem','path'='file://{dir}/in','format'='csv','source.monitor-interval'='1 s','s3.secret-key'='secret-word');
CREATE TEMPORARY TABLE copies (k STRING, v BIGINT) WITH ('connector'='filesystem','path'='file://{dir}/out','format'='csv');
CREATE TEMPORARY TABLE firsts (k STRING, v BIGINT) WITH ('connector'='filesystem','path'='file://{dir}/firsts','format'='csv');
EXECUTE STATEMENT SET BEGIN
INSERT INTO copies SELECT k, v FROM arrivals;
INSERT INTO firsts SELECT k, v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY PROCTIME()) AS n FROM arrivals) WHERE n = 1;
END;
`

// field is a directory with a deployed job.
type field struct {
	t      *testing.T
	dir    string
	config map[string]string
	post   *post
	files  int
}

func deployed(t *testing.T, config map[string]string) *field {
	t.Helper()
	f := &field{t: t, dir: filepath.ToSlash(t.TempDir()), post: &post{sent: map[posted]int{}}, config: map[string]string{
		"pipeline.name": "ingest", "execution.runtime-mode": "streaming", "parallelism.default": "2",
	}}
	f.config["execution.checkpointing.dir"] = "file://" + f.dir + "/checkpoints"
	for k, v := range config {
		f.config[k] = v
	}
	if err := os.MkdirAll(f.dir+"/in", 0o700); err != nil {
		t.Fatal(err)
	}
	f.deploy(wadi.RestoreRefuse)
	return f
}

func (f *field) options() wadi.Options {
	return wadi.Options{Config: f.config, Invokers: wadi.Invokers{"post": f.post.open}}
}

func (f *field) env() *wadi.Env {
	f.t.Helper()
	e, err := wadi.Local(f.options())
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = e.Close() })
	return e
}

func (f *field) deploy(restore wadi.Restore) (d wadi.Deployment) {
	f.t.Helper()
	err := f.env().Execute(f.t.Context(), strings.ReplaceAll(ingest, "{dir}", f.dir), func(o wadi.Outcome) (err error) {
		if o.Pipeline != nil {
			d, err = o.Pipeline.Deploy(f.t.Context(), restore)
		}
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return d
}

// arrive writes a file of so many rows, of ten keys.
func (f *field) arrive(rows int) {
	f.t.Helper()
	var text strings.Builder
	for i := range rows {
		fmt.Fprintf(&text, "k%d,%d\n", i%10, f.files*1_000_000+i)
	}
	name := fmt.Sprintf("%s/in/%03d.csv", f.dir, f.files)
	f.files++
	if err := os.WriteFile(name+".tmp", []byte(text.String()), 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Rename(name+".tmp", name); err != nil {
		f.t.Fatal(err)
	}
}

func (f *field) trigger(ctx context.Context, reason lambda.Reason) wadi.Triggered {
	f.t.Helper()
	all, err := f.env().Trigger(ctx, lambda.Trigger{Job: "ingest", Reason: reason})
	if err != nil || len(all) != 1 {
		f.t.Fatalf("%+v, %v", all, err)
	}
	return all[0]
}

// written are the rows of an output, each of which must be there once.
func (f *field) written(of string) []string {
	f.t.Helper()
	files, err := filepath.Glob(filepath.Join(f.dir, of, "[^._]*"))
	if err != nil {
		f.t.Fatal(err)
	}
	var rows []string
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.t.Fatal(err)
		}
		rows = append(rows, strings.Fields(string(data))...)
	}
	slices.Sort(rows)
	return rows
}

// complete checks that every row of every file is written once, and each key has
// one first row.
func (f *field) complete() {
	f.t.Helper()
	files, err := filepath.Glob(f.dir + "/in/*.csv")
	if err != nil {
		f.t.Fatal(err)
	}
	var want []string
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.t.Fatal(err)
		}
		want = append(want, strings.Fields(string(data))...)
	}
	slices.Sort(want)
	if got := f.written("out"); !slices.Equal(got, want) {
		f.t.Errorf("%d rows are copied, want %d", len(got), len(want))
	}
	if got := f.written("firsts"); len(got) != 10 {
		f.t.Errorf("%d first rows, want 10", len(got))
	}
	if left := channelsOf(f.t, f.dir); len(left) > 0 {
		f.t.Errorf("channels stay: %v", left)
	}
}

// sealed checks that nothing in the checkpoint directory shows the secret of a table.
func (f *field) sealed() {
	f.t.Helper()
	seen := 0
	err := filepath.WalkDir(f.dir+"/checkpoints", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if seen++; strings.Contains(string(data), "secret-word") {
			f.t.Errorf("%s shows a secret", path)
		}
		return err
	})
	if err != nil || seen < 3 {
		f.t.Errorf("%d files, %v", seen, err)
	}
	e, err := wadi.Local(wadi.Options{Config: map[string]string{"execution.checkpointing.dir": f.config["execution.checkpointing.dir"], "wadi.cluster.secret": "another"}})
	if err != nil {
		f.t.Fatal(err)
	}
	defer e.Close()
	if _, err := e.Trigger(f.t.Context(), lambda.Trigger{}); err == nil || !strings.Contains(err.Error(), "another 'wadi.cluster.secret'") {
		f.t.Errorf("%v, want the secret refused", err)
	}
}

// TestDriverless: a deployed job runs when it is triggered, and has state between two
// triggers; without anything to read there is no epoch.
func TestDriverless(t *testing.T) {
	f := deployed(t, nil)
	if got := f.trigger(t.Context(), lambda.Manual); got.State != wadi.TriggerIdle {
		t.Errorf("%+v, want nothing to do", got)
	}
	f.arrive(100)
	f.arrive(50)
	first := f.trigger(t.Context(), lambda.Timer)
	if first.State != wadi.TriggerDone || first.Rows != 150 || first.Epochs != 1 {
		t.Errorf("%+v, want 150 rows", first)
	}
	if u := first.Usage; u.Rows != 150 || u.Epochs != 1 || u.Puts == 0 || u.Gets == 0 || u.Invocations != 0 || first.Total != u {
		t.Errorf("used: %+v of %+v", u, first.Total)
	}
	if got := f.trigger(t.Context(), lambda.Manual); got.State != wadi.TriggerIdle {
		t.Errorf("%+v, want nothing to do", got)
	}
	f.arrive(30)
	if got := f.trigger(t.Context(), lambda.Manual); got.State != wadi.TriggerDone || got.Rows != 30 || got.Total != first.Total.Plus(got.Usage) {
		t.Errorf("%+v, want 30 rows", got)
	}
	f.complete()
}

// TestDriverlessCost: a call that is an invocation is on the bill of what it runs.
func TestDriverlessCost(t *testing.T) {
	f := deployed(t, map[string]string{"cost.function-memory": "1gb"})
	f.arrive(100)
	reply, err := wadi.StageHandler(wadi.Options{Config: f.config})(t.Context(), json.RawMessage(`{"trigger":{"job":"ingest"}}`))
	var all []wadi.Triggered
	if err == nil {
		err = json.Unmarshal(reply, &all)
	}
	if err != nil || len(all) != 1 {
		t.Fatalf("%s, %v", reply, err)
	}
	if u := all[0].Usage; u.Invocations != 1 || u.Rows != 100 || u.GBSeconds <= 0 || u.Puts < 3 {
		t.Errorf("%+v", u)
	}
}

// TestInterrupted: a call that ends early is not the end of the job, whatever becomes
// of checkpoints then.
func TestInterrupted(t *testing.T) {
	f := deployed(t, map[string]string{
		"execution.checkpointing.externalized-checkpoint-retention": "NO_EXTERNALIZED_CHECKPOINTS", "execution.functions.heartbeat-timeout": "10 ms",
	})
	f.arrive(10)
	f.trigger(t.Context(), lambda.Manual)
	f.arrive(10)
	for _, limit := range []time.Duration{0, time.Millisecond, 3 * time.Millisecond, 6 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		_, _ = f.env().Trigger(ctx, lambda.Trigger{}) // it may be fast enough
		cancel()
	}
	await.That(t, "somebody takes up the open epoch, and ends it", func() bool { return f.trigger(t.Context(), lambda.Manual).State == wadi.TriggerIdle })
	f.complete()
}

// TestSchedule: a timer that asks often runs a job when its schedule wants it, and not
// before; somebody who asks by hand need not wait.
func TestSchedule(t *testing.T) {
	f := deployed(t, map[string]string{"execution.functions.schedule": "0 0 1 1 *"})
	for i, c := range []struct {
		reason lambda.Reason
		want   wadi.TriggerState
	}{
		{lambda.Timer, wadi.TriggerDone}, // it never was
		{lambda.Timer, wadi.TriggerNotDue},
		{lambda.Manual, wadi.TriggerDone},
		{lambda.Timer, wadi.TriggerNotDue},
	} {
		f.arrive(10)
		if got := f.trigger(t.Context(), c.reason); got.State != c.want {
			t.Errorf("%d: %+v, want %s", i, got, c.want)
		}
	}
}

// post is a platform that keeps events until they are delivered.
type post struct {
	mu     sync.Mutex
	events []json.RawMessage
	sent   map[posted]int
}

// posted is the task of an event.
type posted struct {
	epoch stream.Epoch
	id    checkpoint.TaskID
}

func (p *post) Send(_ context.Context, event json.RawMessage) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, event)
	var e lambda.Event
	err := json.Unmarshal(event, &e)
	if strings.Contains(string(event), "secret-word") {
		err = errors.New("an event has a secret")
	}
	if err == nil && e.Stage != nil {
		p.sent[posted{e.Stage.Epoch, e.Stage.Tasks[0].Task}]++
	}
	return err
}

func (p *post) open(context.Context, string) (lambda.Invoker, error) { return p, nil }

func (p *post) Invoke(context.Context, json.RawMessage) (json.RawMessage, error) {
	panic("somebody waits")
}

// deliver gives each event to a function of its own, one after the other.
func (p *post) deliver(t *testing.T, o wadi.Options) {
	t.Helper()
	for {
		p.mu.Lock()
		if len(p.events) == 0 {
			p.mu.Unlock()
			return
		}
		event := p.events[0]
		p.events = p.events[1:]
		p.mu.Unlock()
		if _, err := wadi.StageHandler(o)(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTriggersDoNotOverlap: a trigger that comes while an epoch is open leads to one
// more behind it, which nobody else has to ask for; and one that does not concern the
// job to none.
func TestTriggersDoNotOverlap(t *testing.T) {
	f := deployed(t, map[string]string{"execution.functions.target": "post:", "execution.functions.fuse": "off", "wadi.cluster.secret": "ours"})
	p, o := f.post, f.options()
	trigger := func(tr lambda.Trigger) wadi.Triggered {
		t.Helper()
		e, err := wadi.Local(o)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		all, err := e.Trigger(t.Context(), tr)
		if err != nil || len(all) != 1 {
			t.Fatalf("%+v, %v", all, err)
		}
		return all[0]
	}
	f.arrive(100)
	first := trigger(lambda.Trigger{Job: "ingest"})
	if first.State != wadi.TriggerOpen || len(p.events) == 0 {
		t.Fatalf("%+v, %d events", first, len(p.events))
	}
	f.sealed()
	f.arrive(100)
	for range 3 {
		if got := trigger(lambda.Trigger{}); got.State != wadi.TriggerOpen || got.Epoch != first.Epoch {
			t.Errorf("%+v, want the epoch that is open", got)
		}
	}
	if got := trigger(lambda.Trigger{Reason: lambda.New, Objects: []lambda.Object{{Bucket: "other", Key: "x"}}}); got.State != wadi.TriggerIgnored {
		t.Errorf("%+v, want it ignored", got)
	}
	p.deliver(t, o)
	f.complete() // both files
	epochs := map[stream.Epoch]int{}
	for task, n := range p.sent {
		if epochs[task.epoch]++; n != 1 {
			t.Errorf("task %v of epoch %d is invoked %d times", task.id, task.epoch, n)
		}
	}
	if second := epochs[first.Epoch+1]; len(epochs) != 2 || second < 4 || second != epochs[first.Epoch] {
		t.Errorf("%v tasks by epoch, want two epochs of as many", epochs)
	}
	if got := trigger(lambda.Trigger{}); got.State != wadi.TriggerIdle {
		t.Errorf("%+v, want nothing to do", got)
	}
}

// TestTaken: a job that a process has taken over is not run by triggers, until it is
// deployed again.
func TestTaken(t *testing.T) {
	f := deployed(t, nil)
	f.arrive(10)
	f.trigger(t.Context(), lambda.Manual)
	f.arrive(10)
	err := f.env().Execute(t.Context(), strings.ReplaceAll(ingest, "{dir}", f.dir), func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		run, err := o.Pipeline.Start(t.Context(), wadi.RestoreLatest)
		if err != nil {
			return err
		}
		for run.Progress().Epoch == 0 {
			runtime.Gosched()
		}
		if _, err := f.env().Trigger(t.Context(), lambda.Trigger{}); !errors.Is(err, job.ErrFenced) || !strings.Contains(err.Error(), "deployed again") {
			t.Errorf("%v, want it refused", err)
		}
		_, err = run.Stop()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	f.arrive(10)
	f.deploy(wadi.RestoreLatest)
	f.trigger(t.Context(), lambda.Manual)
	f.complete()
}

// TestDeployRefused: what is missing or wrong is said before a job is deployed.
func TestDeployRefused(t *testing.T) {
	const dir = "execution.checkpointing.dir"
	for _, c := range []struct {
		config map[string]string
		insert string
		want   string
	}{
		{nil, "copies", "set 'execution.checkpointing.dir'"},
		{map[string]string{dir: "mem://x", "execution.functions.target": "nowhere:"}, "copies", "want a URL of"},
		{map[string]string{dir: "mem://x", "execution.functions.schedule": "now and then"}, "copies", "want an interval such as '5 min', or five fields of cron"},
		{map[string]string{dir: "mem://x", "execution.functions.fuse": "often"}, "copies", "execution.functions.fuse"},
		{map[string]string{dir: "mem://x"}, "shown", "nobody sees what a deployed job prints"},
	} {
		e, err := wadi.Local(wadi.Options{Config: c.config})
		if err == nil {
			err = e.Execute(t.Context(), `CREATE TABLE arrivals (k STRING) WITH ('connector'='filesystem','path'='mem://in','format'='csv','source.monitor-interval'='1 s');
				CREATE TABLE copies (k STRING) WITH ('connector'='filesystem','path'='mem://out','format'='csv');
				CREATE TABLE shown (k STRING) WITH ('connector'='print'); INSERT INTO `+c.insert+" SELECT k FROM arrivals", func(o wadi.Outcome) error {
				if o.Pipeline == nil {
					return nil
				}
				_, err := o.Pipeline.Deploy(t.Context(), wadi.RestoreRefuse)
				return err
			})
			_ = e.Close() // nothing runs in it
		}
		if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %s", c.config, err, c.want)
		}
	}
}
