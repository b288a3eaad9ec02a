package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/coordinator/rest/client"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/job/cost"
)

// orders is the job: files that come into a folder, into an Iceberg table, without the
// names of customers. That is what costs time.
const orders = lake + `
SET 'pipeline.name' = 'orders';
SET 'execution.runtime-mode' = 'streaming';
SET 'execution.checkpointing.dir' = 'file://{dir}/checkpoints';
SET 'execution.functions.target' = 'local:?memory=1gb&timeout=1min';
SET 'execution.functions.fuse' = 'off';
SET 'execution.freshness' = '6 s';
SET 'execution.gear.auto.min-time' = '3 s';
CREATE TABLE IF NOT EXISTS lake.demo.orders (id BIGINT, price BIGINT, customer STRING);
CREATE TEMPORARY TABLE inbox (id BIGINT, price BIGINT, customer STRING)
  WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'file://{dir}/inbox', 'source.monitor-interval' = '1 s');
INSERT INTO lake.demo.orders SELECT id, price, SHA512(SHA512(SHA512(SHA512(SHA512(SHA512(SHA512(SHA512(SHA512(SHA512(SHA512(SHA512(customer)))))))))))) FROM inbox;
`

const (
	drops     = 4      // files that come one by one
	dropRows  = 1000   // in each
	floodRows = 50_000 // in each file of the flood, four a second
	patience  = 90 * time.Second
)

// gears is a run of the demo of functions.
type gears struct {
	demo
	cluster *client.Client
	next    int   // the id of the next order
	prices  int64 // of all of them
	files   int
	told    int        // changes of gear
	before  cost.Usage // of the deployed job
	bills   []bill
}

// bill is what a part of the demo has used.
type bill struct {
	what  string
	usage cost.Usage
}

// RunGears shows a job that is functions while little comes, nothing while nothing
// does, and workers while much does, and proves that every row is there once.
func RunGears(ctx context.Context, o Options) error {
	g := &gears{demo: demo{Options: o}}
	if err := os.MkdirAll(g.path("inbox"), 0o755); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	for name, text := range map[string]string{"lake.sql": lake, "orders.sql": orders} {
		if err := os.WriteFile(g.path(name), []byte(g.fill(text, true)), 0o644); err != nil {
			return fmt.Errorf("write script: %w", err)
		}
	}
	for _, f := range []func(context.Context) error{g.deploy, g.trickle, g.quiet, g.flood, g.home, g.proof} {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

// drop puts a file of orders into the inbox, whole at once.
func (g *gears) drop(rows int) error {
	part := g.path(fmt.Sprintf(".%06d.csv", g.files))
	f, err := os.Create(part)
	if err != nil {
		return fmt.Errorf("write orders: %w", err)
	}
	w := bufio.NewWriter(f)
	for range rows {
		price := g.next * 7919 % 1000
		fmt.Fprintf(w, "%d,%d,customer %d\n", g.next, price, g.next%977)
		g.next++
		g.prices += int64(price)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write orders: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write orders: %w", err)
	}
	g.files++
	return os.Rename(part, filepath.Join(g.path("inbox"), filepath.Base(part)[1:]))
}

func (g *gears) deploy(ctx context.Context) error {
	g.say("Deploy: a job that puts the files of a folder into the Iceberg table lake.demo.orders. Nothing runs yet.")
	_, err := g.wadi(ctx, "deploy", g.path("orders.sql"))
	return err
}

// one runs a command that prints one value, in a list.
func one[T any](ctx context.Context, g *gears, args ...string) (v T, err error) {
	out, err := g.wadi(ctx, append(args, "--json", "-D", "execution.checkpointing.dir=file://"+filepath.ToSlash(g.path("checkpoints")))...)
	if err != nil {
		return v, err
	}
	var all []T
	if err := json.Unmarshal(out, &all); err != nil || len(all) != 1 {
		return v, fmt.Errorf("read %q: %w", out, err)
	}
	return all[0], nil
}

// triggered is what has come of a trigger.
type triggered struct {
	State string `json:"state"`
	Epoch uint64 `json:"epoch"`
}

// trigger asks, as a timer does.
func (g *gears) trigger(ctx context.Context) (triggered, error) {
	return one[triggered](ctx, g, "trigger", "orders", "--timer")
}

// used notes what the epochs of the deployed job have used for a part of the demo.
func (g *gears) used(ctx context.Context, what string) error {
	d, err := one[struct{ Usage cost.Usage }](ctx, g, "deployments")
	g.bills = append(g.bills, bill{what, d.Usage.Minus(g.before)})
	g.before = d.Usage
	return err
}

// trickle lets a timer trigger the job while files come now and then.
func (g *gears) trickle(ctx context.Context) error {
	g.say("Functions: %d files come one by one, and a timer asks after each. Each epoch is invocations of this binary by AWS Lambda's runtime API.", drops)
	for range drops {
		if err := g.drop(dropRows); err != nil {
			return err
		}
		t, err := g.trigger(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(g.Out, "   epoch %d: %s\n", t.Epoch, t.State)
	}
	return g.used(ctx, fmt.Sprintf("%d files, by functions", drops))
}

// quiet shows that nothing is left of it.
func (g *gears) quiet(ctx context.Context) error {
	t, err := g.trigger(ctx)
	if err != nil {
		return err
	}
	out, _ := exec.CommandContext(ctx, "pgrep", "-f", g.Binary+" function").Output() // that there is none is an error of pgrep
	g.say("Rest: a timer that finds nothing to read starts nothing (%s). Processes of the job: %d.", t.State, bytes.Count(out, []byte("\n")))
	g.bills = append(g.bills, bill{"rest", cost.Usage{}})
	return nil
}

// serve starts a process that has workers for the job when it wants them.
func (g *gears) serve(ctx context.Context) (stop func(), err error) {
	c := exec.CommandContext(ctx, g.Binary, "standalone", "-D", "rest.port=0", "-D", "execution.checkpointing.dir=file://"+filepath.ToSlash(g.path("checkpoints")))
	c.Stderr, err = os.Create(g.path("standalone.log"))
	if err != nil {
		return nil, fmt.Errorf("write a log: %w", err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start a process: %w", err)
	}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("start a process: %w", err)
	}
	stop = func() {
		_ = c.Process.Signal(os.Interrupt) // it may have ended
		_ = c.Wait()
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, url, ok := strings.Cut(lines.Text(), "The REST API is at "); ok {
			g.cluster = &client.Client{Address: url, Clock: engine.WallClock{}}
			go func() {
				for lines.Scan() { // what it says later is nothing to wait for
				}
			}()
			return stop, nil
		}
	}
	stop()
	return nil, fmt.Errorf("the process has not started: see %s", g.path("standalone.log"))
}

// flood hands the job to a process in which it chooses its gear, and lets much come.
func (g *gears) flood(ctx context.Context) error {
	g.say("Flood: the job goes on in a process, where it chooses its gear (execution.gear = auto), and files of %d rows come.", floodRows)
	stop, err := g.serve(ctx)
	if err != nil {
		return err
	}
	defer stop()
	address := strings.TrimPrefix(g.cluster.Address, "http://")
	if _, err := g.wadi(ctx, "run", "-d", "-m", address, "-D", "execution.gear=auto", "--restore", "latest", g.path("orders.sql")); err != nil {
		return err
	}
	jobs, err := g.cluster.Jobs(ctx)
	if err != nil || len(jobs) != 1 {
		return fmt.Errorf("%d jobs run: %w", len(jobs), err)
	}
	id := string(jobs[0].ID)
	before, ended := g.next, time.Now().Add(patience)
	nothing := func() error { return nil }
	if err := g.until(ctx, id, job.Functions, ended, nothing); err != nil {
		return err
	}
	if err := g.until(ctx, id, job.Pipelined, ended, func() error { return g.drop(floodRows) }); err != nil {
		return err
	}
	fmt.Fprintf(g.Out, "   %d rows have come; now it is quiet.\n", g.next-before)
	if err := g.until(ctx, id, job.Functions, ended, nothing); err != nil {
		return err
	}
	var c rest.Cost
	if err := g.cluster.Do(ctx, http.MethodGet, "/api/jobs/"+id+"/cost", nil, &c); err != nil {
		return err
	}
	g.bills = append(g.bills, bill{fmt.Sprintf("a flood of %d rows", g.next-before), c.Usage})
	_, err = g.wadi(ctx, "stop", "-m", address, id)
	return err
}

// until waits until the job is in a gear, and tells each change of gear with its
// reason; meanwhile it does something every so often.
func (g *gears) until(ctx context.Context, id string, want job.Gear, end time.Time, meanwhile func() error) error {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := g.cluster.Gear(ctx, id, "")
		if err != nil {
			return err
		}
		for _, s := range now.Shifts[:len(now.Shifts)-g.told] {
			fmt.Fprintf(g.Out, "   %s to %s: %s\n", s.From, s.To, s.Reason)
		}
		g.told = len(now.Shifts)
		if now.Gear == want {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("the job is still in gear %s after %v", now.Gear, patience)
		}
		if err := meanwhile(); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// home gives the job back to triggers.
func (g *gears) home(ctx context.Context) error {
	g.say("Home: the process ends, the job is deployed again with its state, and one more file comes.")
	if _, err := g.wadi(ctx, "deploy", g.path("orders.sql"), "--restore", "latest"); err != nil {
		return err
	}
	if err := g.drop(dropRows); err != nil {
		return err
	}
	if _, err := g.trigger(ctx); err != nil {
		return err
	}
	return g.used(ctx, "one more file")
}

// proof compares the table with what was written, and says what all cost.
func (g *gears) proof(ctx context.Context) error {
	g.say("Proof: what went in against what is in the table, and what it cost by the list prices of AWS.")
	want := fmt.Sprintf("%d / %d / %d", g.next, g.next, g.prices)
	got, err := g.row(ctx, g.fill(lake, false)+"SELECT COUNT(*) AS n, COUNT(DISTINCT id) AS s, SUM(price) AS m FROM lake.demo.orders")
	if err != nil {
		return err
	}
	if want != got {
		return fmt.Errorf("orders, different ids and prices: %s went in, %s are in the table", want, got)
	}
	fmt.Fprintf(g.Out, "   orders, different ids and prices: %s = %s\n   Every row is there, and every row is there once.\n\n", want, got)
	return g.costs()
}

func (g *gears) costs() error {
	prices, err := cost.Table("aws-arm64")
	if err != nil {
		return err
	}
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(table.Row{"phase", "rows", "invocations", "GB-seconds", "writes", "reads", "core-seconds", "US dollars"})
	for _, b := range g.bills {
		u := b.usage
		t.AppendRow(table.Row{b.what, u.Rows, u.Invocations, fmt.Sprintf("%.2f", u.GBSeconds), u.Puts, u.Gets, fmt.Sprintf("%.1f", u.CoreSeconds), fmt.Sprintf("%.6f", prices.Of(u).USD())})
	}
	fmt.Fprintln(g.Out, t.Render())
	fmt.Fprintf(g.Out, "\nAll of it is in %s. The costs of the flood are with a worker of a core for as long as the job was pipelined.\n", g.Dir)
	return nil
}
