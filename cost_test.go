package wadi_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/job/cost"
	"github.com/wadi-engine/wadi/lambda"
)

// spent runs the script of gears to its end and tells what it has used.
func spent(t *testing.T, config map[string]string) cost.Statement {
	t.Helper()
	return spentOn(t, wadi.Options{Config: config}, gearOf(t.TempDir(), false))
}

// spentOn runs the job of a script.
func spentOn(t *testing.T, o wadi.Options, script string) cost.Statement {
	t.Helper()
	o.Parallelism = max(o.Parallelism, 2)
	env, err := wadi.Local(o)
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	var all cost.Statement
	err = env.Execute(t.Context(), script, func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		run, err := o.Pipeline.Start(t.Context(), wadi.RestoreNone)
		if err != nil {
			return err
		}
		_, err = run.Wait()
		all = run.Cost()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestCostOfFunctions: each invocation is counted, with what it asks of storage,
// and so is what the coordinator asks itself.
func TestCostOfFunctions(t *testing.T) {
	var events atomic.Int64
	handle := lambda.Host{Handler: wadi.StageHandler(wadi.Options{}), Log: slog.New(slog.DiscardHandler)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		events.Add(1)
		handle.ServeHTTP(w, r)
	}))
	defer server.Close()
	c := spent(t, map[string]string{
		"execution.checkpointing.dir": "file://" + t.TempDir(), "execution.gear": "functions", "execution.functions.target": server.URL,
		"wadi.staged.rows-per-epoch": "4000", "cost.function-memory": "1gb", "cost.price.gb-second": "1", "execution.runtime-mode": "streaming",
	})
	u := c.Usage
	if u.Invocations != events.Load() || u.Invocations < 8 || u.Rows != 20000 || u.Epochs < 2 || u.CoordinatorSeconds <= 0 || u.CoreSeconds != 0 {
		t.Errorf("%+v after %d events", u, events.Load())
	}
	// Each task writes its result, and each epoch its manifest.
	if u.Puts < u.Invocations+u.Epochs || u.Gets == 0 || u.Written == 0 || u.GBSeconds <= 0 {
		t.Errorf("%+v", u)
	}
	if b := c.Prices.Of(u); b.Most().What != cost.ItemDuration || !strings.Contains(c.Prices.Source, "some are set") {
		t.Errorf("%+v by %+v", b, c.Prices)
	}
	var sum cost.Usage
	for _, e := range c.Epochs {
		if sum = sum.Plus(e.Usage); e.Usage.Epochs != 1 || e.Usage.Invocations == 0 {
			t.Errorf("epoch %d: %+v", e.Number, e.Usage)
		}
	}
	if len(c.Epochs) != int(u.Epochs) || sum.Invocations > u.Invocations || sum.Rows != u.Rows {
		t.Errorf("epochs %+v of %+v", c.Epochs, u)
	}
	if text := c.String(); !strings.HasPrefix(text, "Cost: $") || !strings.Contains(text, "invocations") || !strings.Contains(text, "a million rows $") {
		t.Error(text)
	}
}

// TestCostOfWorkers: slots are held as long as the job runs.
func TestCostOfWorkers(t *testing.T) {
	c := spent(t, map[string]string{"execution.checkpointing.dir": "file://" + t.TempDir(), "execution.checkpointing.interval": "1 h", "cost.prices": "azure"})
	if u := c.Usage; u.CoreSeconds <= 0 || u.Invocations != 0 || u.CoordinatorSeconds != 0 || u.Puts == 0 || c.Prices.Name != "azure" {
		t.Errorf("%+v by %s", u, c.Prices.Name)
	}
}

// TestRequestsGrowWithTasks: four times the tasks ask storage for four times as much,
// when results hold what they send.
func TestRequestsGrowWithTasks(t *testing.T) {
	function := httptest.NewServer(lambda.Host{Handler: wadi.StageHandler(wadi.Options{}), Log: slog.New(slog.DiscardHandler)})
	defer function.Close()
	each := map[int]cost.Usage{}
	for _, tasks := range []int{4, 16} {
		events := fmt.Sprintf("'events.num'='%d','splits'='%d'", 2000*tasks, tasks)
		script := strings.NewReplacer("'events.num'='20000','splits'='2'", events, "'filesystem'", "'blackhole'", ",'path'='{dir}/out','format'='csv'", "", "{limited}", "false").Replace(gearScript)
		c := spentOn(t, wadi.Options{Parallelism: tasks, Config: map[string]string{
			"execution.checkpointing.dir": "file://" + t.TempDir(), "execution.gear": "functions", "execution.functions.target": function.URL,
			"wadi.staged.rows-per-epoch": "500", "execution.runtime-mode": "streaming", "execution.functions.max-concurrency": "8",
		}}, script)
		if len(c.Epochs) < 2 {
			t.Fatalf("%d epochs", len(c.Epochs))
		}
		u := c.Epochs[1].Usage
		for _, e := range c.Epochs { // an epoch has what is done beside it, too
			u.Puts, u.Gets = min(u.Puts, e.Usage.Puts), min(u.Gets, e.Usage.Gets)
		}
		each[tasks] = u
	}
	few, many := each[4], each[16]
	if many.Invocations != 4*few.Invocations || many.Puts > 4*few.Puts || many.Gets > 6*few.Gets { // some reads happen beside epochs; squares would be 16
		t.Errorf("with 4 tasks %+v, with 16 %+v", few, many)
	}
}
