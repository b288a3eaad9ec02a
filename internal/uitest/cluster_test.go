package uitest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/coordinator/web"
	"github.com/wadi-engine/wadi/engine/logs"
)

// cluster is a session with jobs of all kinds: one that streams, one with many
// vertices, one that holds its watermark, one that failed and one that finished.
type cluster struct {
	t    *testing.T
	base string
}

func serve(t *testing.T, config map[string]string) *cluster {
	t.Helper()
	all := map[string]string{
		"rest.port": "0", "web.refresh-interval": "500ms", "execution.checkpointing.dir": "file://" + t.TempDir(),
		"execution.checkpointing.interval": "1s", "restart-strategy.type": "none",
	}
	for k, v := range config {
		all[k] = v
	}
	log, err := logs.New(logs.Options{Name: "wadi", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	s, err := wadi.NewSession(wadi.Options{Config: all, Log: log.Logger(), Logs: log})
	if err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan net.Addr, 1), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		ended <- s.Serve(ctx, wadi.ServeOptions{Version: "test", UI: web.Handler(), Ready: func(a net.Addr) { ready <- a }})
	}()
	c := &cluster{t: t}
	select {
	case at := <-ready:
		c.base = "http://" + at.String()
	case err := <-ended:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// ask sends a request and reads the reply into v.
func (c *cluster) ask(method, path string, body, v any) {
	c.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, bytes.NewReader(data))
	if err != nil {
		c.t.Fatal(err)
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if reply.StatusCode >= 300 {
		c.t.Fatalf("%s %s: %s", method, path, text)
	}
	if err := json.Unmarshal(text, v); err != nil {
		c.t.Fatal(err)
	}
}

// run submits a script of one job and returns the job's id.
func (c *cluster) run(script string) string {
	c.t.Helper()
	var reply rest.SQLReply
	c.ask(http.MethodPost, "/api/sql", rest.SQLRequest{Statement: script, Detached: true}, &reply)
	return string(reply.Results[0].JobID)
}

// vertex is the first vertex of a job.
func (c *cluster) vertex(job string) string {
	c.t.Helper()
	var d rest.JobDetails
	c.ask(http.MethodGet, "/jobs/"+job, nil, &d)
	return d.Vertices[0].ID
}

// checkpoint is the newest checkpoint of a job that is complete, or "0".
func (c *cluster) checkpoint(job string) string {
	c.t.Helper()
	var all rest.Checkpoints
	c.ask(http.MethodGet, "/jobs/"+job+"/checkpoints", nil, &all)
	if all.Latest.Completed == nil {
		return "0"
	}
	return strconv.FormatUint(uint64(all.Latest.Completed.ID), 10)
}

const (
	windows = `SET 'pipeline.name' = 'orders per window';
CREATE TABLE orders (id BIGINT, customer INT, amount DOUBLE, ts AS PROCTIME())
WITH ('connector'='datagen', 'rows-per-second'='2000', 'fields.customer.min'='1', 'fields.customer.max'='50');
CREATE TABLE totals (w TIMESTAMP(3), customer INT, n BIGINT, total DOUBLE) WITH ('connector'='blackhole');
INSERT INTO totals SELECT window_start, customer, COUNT(*), SUM(amount)
FROM TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' SECOND) GROUP BY window_start, window_end, customer;`

	joins = `SET 'pipeline.name' = 'enriched orders';
SET 'parallelism.default' = '2';
CREATE TABLE orders (id BIGINT, customer INT, amount DOUBLE)
WITH ('connector'='datagen', 'rows-per-second'='1000', 'fields.customer.min'='1', 'fields.customer.max'='50');
CREATE TABLE customers (customer INT, name STRING)
WITH ('connector'='datagen', 'rows-per-second'='10', 'fields.customer.min'='1', 'fields.customer.max'='50', 'fields.name.length'='8');
CREATE TABLE a (customer INT, name STRING, n BIGINT) WITH ('connector'='blackhole');
CREATE TABLE b (id BIGINT, name STRING, amount DOUBLE) WITH ('connector'='blackhole');
EXECUTE STATEMENT SET BEGIN
INSERT INTO a SELECT o.customer, MAX(c.name), COUNT(*) FROM orders o JOIN customers c ON o.customer = c.customer GROUP BY o.customer;
INSERT INTO b SELECT o.id, c.name, o.amount FROM orders o LEFT JOIN customers c ON o.customer = c.customer WHERE o.amount > 0;
END;`

	held = `SET 'pipeline.name' = 'payments of orders';
CREATE TABLE orders (id BIGINT, at_ms BIGINT, ts AS TO_TIMESTAMP_LTZ(at_ms, 3), WATERMARK FOR ts AS ts)
WITH ('connector'='datagen', 'rows-per-second'='100', 'fields.at_ms.kind'='sequence', 'fields.at_ms.start'='1700000000000', 'fields.at_ms.end'='1800000000000');
CREATE TABLE payments (id BIGINT, at_ms BIGINT, ts AS TO_TIMESTAMP_LTZ(at_ms, 3), WATERMARK FOR ts AS ts)
WITH ('connector'='datagen', 'rows-per-second'='100', 'fields.at_ms.kind'='sequence', 'fields.at_ms.start'='1600000000000', 'fields.at_ms.end'='1800000000000');
CREATE TABLE paid (id BIGINT) WITH ('connector'='blackhole');
INSERT INTO paid SELECT o.id FROM orders o JOIN payments p ON o.id = p.id AND o.ts BETWEEN p.ts - INTERVAL '1' HOUR AND p.ts;`

	fails = `SET 'pipeline.name' = 'a division that fails';
CREATE TABLE n (a INT) WITH ('connector'='datagen', 'rows-per-second'='10', 'fields.a.min'='0', 'fields.a.max'='0');
CREATE TABLE o (a INT) WITH ('connector'='blackhole');
INSERT INTO o SELECT 1 / a FROM n;`

	ends = `SET 'pipeline.name' = 'ten rows';
CREATE TABLE n (a INT) WITH ('connector'='datagen', 'number-of-rows'='10');
CREATE TABLE o (a INT) WITH ('connector'='blackhole');
INSERT INTO o SELECT a FROM n;`
)
