// Package demo shows what Wadi is for, in less than a minute: history from
// Parquet into Iceberg, news from a stream, a crash in the middle, and the
// proof that every row is there once.
package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/testdata/flights"
)

// Options say where the demo runs.
type Options struct {
	Dir    string // absolute; what is in it from an earlier demo is used again
	Binary string // this program
	Out    io.Writer
}

const (
	events = 2_000_000
	rate   = 400_000 // per second
)

// lake declares the catalog of the demo.
const lake = `CREATE CATALOG lake WITH (
  'type' = 'iceberg', 'catalog-type' = 'jdbc',
  'uri' = 'jdbc:sqlite:{dir}/catalog.db', 'warehouse' = 'file://{dir}/warehouse'
);
CREATE DATABASE IF NOT EXISTS lake.demo;
`

const backfill = lake + `
SET 'execution.runtime-mode' = 'batch';
CREATE TABLE IF NOT EXISTS lake.demo.flights (
  ` + "`date`" + ` TIMESTAMP(6), delay BIGINT, distance BIGINT, origin STRING, destination STRING
) PARTITIONED BY (origin);
INSERT INTO lake.demo.flights SELECT * FROM read_parquet('{dir}/flights.parquet');
`

// bids is the stream: the same options give the same rows.
const bids = `
CREATE TEMPORARY TABLE nexmark (
  event_type INT,
  bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, ` + "`dateTime`" + ` TIMESTAMP(3), extra STRING>,
  ts AS bid.` + "`dateTime`" + `,
  WATERMARK FOR ts AS ts - INTERVAL '1' SECOND
) WITH (
  'connector' = 'nexmark', 'events.num' = '{events}', 'rate-limited' = '{limited}',
  'first-event.rate' = '{rate}', 'next-event.rate' = '{rate}',
  'person.proportion' = '0', 'auction.proportion' = '0'
);
CREATE TEMPORARY VIEW bid AS
  SELECT bid.auction, bid.bidder, bid.price, ts, bid.extra FROM nexmark;
`

const ingest = lake + bids + `
SET 'pipeline.name' = 'demo';
SET 'execution.checkpointing.dir' = 'file://{dir}/checkpoints';
SET 'execution.checkpointing.interval' = '500 ms';
CREATE TABLE IF NOT EXISTS lake.demo.bids (auction BIGINT, bidder BIGINT, price BIGINT, ts TIMESTAMP(6), extra STRING);
CREATE TABLE IF NOT EXISTS lake.demo.windows (window_start TIMESTAMP(6), auction BIGINT, bids BIGINT, total BIGINT, highest BIGINT);
EXECUTE STATEMENT SET BEGIN
INSERT INTO lake.demo.bids SELECT auction, bidder, price, CAST(ts AS TIMESTAMP(6)), extra FROM bid;
INSERT INTO lake.demo.windows
  SELECT CAST(window_start AS TIMESTAMP(6)), auction, COUNT(*), SUM(price), MAX(price)
  FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(ts), INTERVAL '1' SECOND))
  GROUP BY window_start, window_end, auction;
END;
`

// demo is one run.
type demo struct {
	Options
	step int
}

// Run runs the demo.
func Run(ctx context.Context, o Options) error {
	d := &demo{Options: o}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	for name, text := range map[string]string{"lake.sql": lake, "backfill.sql": backfill, "ingest.sql": ingest} {
		if err := os.WriteFile(d.path(name), []byte(d.fill(text, true)), 0o644); err != nil {
			return fmt.Errorf("write script: %w", err)
		}
	}
	if err := os.WriteFile(d.path("flights.parquet"), flights.Parquet, 0o644); err != nil {
		return fmt.Errorf("write flights: %w", err)
	}
	for _, f := range []func(context.Context) error{d.backfill, d.crash, d.resume, d.prove} {
		if err := f(ctx); err != nil {
			return err
		}
	}
	d.farewell()
	return nil
}

func (d *demo) path(name string) string { return filepath.Join(d.Dir, name) }

func (d *demo) fill(text string, limited bool) string {
	return strings.NewReplacer("{dir}", filepath.ToSlash(d.Dir), "{events}", fmt.Sprint(events),
		"{rate}", fmt.Sprint(rate), "{limited}", fmt.Sprint(limited)).Replace(text)
}

func (d *demo) say(format string, args ...any) {
	d.step++
	fmt.Fprintf(d.Out, "\n%d. %s\n", d.step, fmt.Sprintf(format, args...))
}

// wadi runs this program.
func (d *demo) wadi(ctx context.Context, args ...string) (stdout []byte, err error) {
	c := exec.CommandContext(ctx, d.Binary, args...)
	var errText bytes.Buffer
	c.Stderr = &errText
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("wadi %s: %w\n%s", args[0], err, errText.String())
	}
	if args[0] == "run" && errText.Len() > 0 {
		fmt.Fprint(d.Out, "   "+strings.ReplaceAll(strings.TrimSpace(errText.String()), "\n", "\n   ")+"\n")
	}
	return out, nil
}

func (d *demo) backfill(ctx context.Context) error {
	d.say("Backfill: 60,000 real flights from Parquet into the Iceberg table lake.demo.flights, by origin.")
	if _, err := os.Stat(d.path("checkpoints")); err == nil {
		fmt.Fprintln(d.Out, "   (an earlier demo has done it)")
		return nil
	}
	_, err := d.wadi(ctx, "run", d.path("backfill.sql"))
	return err
}

// crash starts the stream and kills it when it has taken a few checkpoints.
func (d *demo) crash(ctx context.Context) error {
	d.say("Stream: %d bids at %d per second into lake.demo.bids, their 1 s windows into lake.demo.windows, a checkpoint every 500 ms.", events, rate)
	c := exec.CommandContext(ctx, d.Binary, "run", d.path("ingest.sql"), "--restore", "latest")
	if err := c.Start(); err != nil {
		return fmt.Errorf("start the stream: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return fmt.Errorf("the stream ended before it was killed: %w", err)
		case <-tick.C:
		}
		n, err := d.checkpoints(ctx)
		if err != nil {
			return err
		}
		if n < 4 {
			continue
		}
		if err := c.Process.Kill(); err != nil {
			return fmt.Errorf("kill the stream: %w", err)
		}
		<-ended
		fmt.Fprintf(d.Out, "   Killed with SIGKILL after %d checkpoints.\n", n)
		return nil
	}
}

// checkpoints is the newest checkpoint that stands.
func (d *demo) checkpoints(ctx context.Context) (int, error) {
	b, err := objstore.New(objstore.Options{}).Open(ctx, d.path("checkpoints"), nil)
	if err != nil {
		return 0, err
	}
	names, err := b.List(ctx, "")
	if err != nil {
		return 0, err
	}
	newest := 0
	for _, n := range names {
		var k int
		parts := strings.Split(n, "/")
		if len(parts) != 3 || parts[2] != "_metadata" {
			continue
		}
		if _, err := fmt.Sscanf(parts[1], "chk-%d", &k); err == nil {
			newest = max(newest, k)
		}
	}
	return newest, nil
}

func (d *demo) resume(ctx context.Context) error {
	d.say("Go on from the last checkpoint: wadi run ingest.sql --restore latest")
	_, err := d.wadi(ctx, "run", d.path("ingest.sql"), "--restore", "latest")
	return err
}

// check is a sum that must come out the same from the input and from the lake.
type check struct{ what, input, output string }

func (d *demo) prove(ctx context.Context) error {
	d.say("Proof: what went in against what is in the tables.")
	in := d.fill(bids, false)
	checks := []check{
		{"flights, miles and minutes", "SELECT COUNT(*) AS n, SUM(distance) AS s, SUM(delay) AS m FROM read_parquet('" + filepath.ToSlash(d.path("flights.parquet")) + "')", "SELECT COUNT(*) AS n, SUM(distance) AS s, SUM(delay) AS m FROM lake.demo.flights"},
		{"bids, prices and bidders", in + "SELECT COUNT(*) AS n, SUM(price) AS s, SUM(bidder) AS m FROM bid", "SELECT COUNT(*) AS n, SUM(price) AS s, SUM(bidder) AS m FROM lake.demo.bids"},
		{"bids in windows, and prices", in + "SELECT COUNT(*) AS n, SUM(price) AS s FROM bid", "SELECT SUM(bids) AS n, SUM(total) AS s FROM lake.demo.windows"},
	}
	for _, c := range checks {
		want, err := d.row(ctx, c.input)
		if err != nil {
			return err
		}
		got, err := d.row(ctx, d.fill(lake, false)+c.output)
		if err != nil {
			return err
		}
		if want != got {
			return fmt.Errorf("%s: %s went in, %s are in the table", c.what, want, got)
		}
		fmt.Fprintf(d.Out, "   %-28s %s = %s\n", c.what, want, got)
	}
	fmt.Fprintln(d.Out, "   Every row is there, and every row is there once.")
	return nil
}

// row runs a script that ends in a query of one row, and returns its values.
func (d *demo) row(ctx context.Context, script string) (string, error) {
	out, err := d.wadi(ctx, "sql", "-D", "execution.runtime-mode=batch", "--format", "json", "-e", script)
	if err != nil {
		return "", err
	}
	var values map[string]json.Number
	dec := json.NewDecoder(bytes.NewReader(out))
	dec.UseNumber()
	if err := dec.Decode(&values); err != nil {
		return "", fmt.Errorf("read %q: %w", out, err)
	}
	var text []string
	for _, k := range []string{"n", "s", "m"} {
		if v, ok := values[k]; ok {
			text = append(text, v.String())
		}
	}
	return strings.Join(text, " / "), nil
}

func (d *demo) farewell() {
	fmt.Fprintf(d.Out, `
The tables are in %[1]s/warehouse, their catalog in %[1]s/catalog.db.
Try:

  %[2]s sql -i %[1]s/lake.sql -e "SELECT origin, COUNT(*) AS n FROM lake.demo.flights GROUP BY origin ORDER BY n DESC LIMIT 5"
  %[2]s sql -i %[1]s/lake.sql
  %[2]s state ls %[1]s/checkpoints
`, d.Dir, d.Binary)
}
