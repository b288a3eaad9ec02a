package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/job"
)

// IngestOptions say how to measure the way from Kafka into Iceberg.
type IngestOptions struct {
	// Brokers are the addresses of a Kafka cluster.
	Brokers string
	// Cases are names of IngestCases; none, or all, means all.
	Cases []string
	// Rows is how many there are in the topic; 0 means 30 million.
	Rows int64
	// Keys is how many bidders there are; 0 means a million.
	Keys int64
	// Parallelism is 1 if 0.
	Parallelism int
	// Commit is the interval of checkpoints and commits; 0 means 10 s.
	Commit time.Duration
	// Dir is where the warehouse is made; "" means a temporary directory.
	Dir string
}

// IngestCase is one way into, or out of, a table. Its script fills a table; in
// it ${rows} stands for how many rows there are.
type IngestCase struct {
	Name   string
	script string
	// topic says that it reads the topic.
	topic bool
}

func (c IngestCase) name() string { return c.Name }

const ingestColumns = `auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, ts TIMESTAMP(3), city STRING, state STRING, quantity INT, extra STRING`

// freshCase is the one that measures time.
const freshCase = "fresh"

// IngestCases are decode (JSON from Kafka to nowhere), append (into a table),
// upsert (the newest bid of each bidder, with deletion vectors), scan (the appended table to nowhere), nexmark (bids of Nexmark into a table,
// without Kafka) and fresh (how long rows take into a snapshot, at a hundred
// thousand per second).
var IngestCases = []IngestCase{
	{Name: "decode", topic: true, script: `CREATE TEMPORARY TABLE nowhere (` + ingestColumns + `) WITH ('connector' = 'blackhole');
		INSERT INTO nowhere SELECT * FROM topic`},
	{Name: "append", topic: true, script: `CREATE TABLE lake.db.bids (` + ingestColumns + `) WITH ('format-version' = '2');
		INSERT INTO lake.db.bids SELECT * FROM topic`},
	{Name: "upsert", topic: true, script: `CREATE TABLE lake.db.newest (` + strings.Replace(ingestColumns, "bidder BIGINT", "bidder BIGINT NOT NULL", 1) + `, PRIMARY KEY (bidder) NOT ENFORCED)
			WITH ('format-version' = '3', 'write.upsert.enabled' = 'true');
		INSERT INTO lake.db.newest SELECT * FROM topic`},
	{Name: "scan", script: `SET 'execution.runtime-mode' = 'batch';
		CREATE TEMPORARY TABLE nowhere (` + ingestColumns + `) WITH ('connector' = 'blackhole');
		INSERT INTO nowhere SELECT * FROM lake.db.bids`},
	{Name: "nexmark", script: `CREATE TABLE lake.db.nexmark (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, ts TIMESTAMP(3), extra STRING);
		CREATE TEMPORARY TABLE events (bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, ` + "`dateTime`" + ` TIMESTAMP(3), extra STRING>, event_type INT)
			WITH ('connector' = 'nexmark', 'events.num' = '${rows}', 'first-event.rate' = '1000000', 'next-event.rate' = '1000000');
		INSERT INTO lake.db.nexmark SELECT bid.auction, bid.bidder, bid.price, bid.channel, bid.url, bid.` + "`dateTime`" + `, bid.extra FROM events WHERE event_type = 2`},
	{Name: freshCase},
}

// ingestPartitions is how many partitions the topic has.
const ingestPartitions = 4

func (o IngestOptions) withDefaults() (IngestOptions, error) {
	if o.Rows < 0 || o.Keys < 0 || o.Parallelism < 0 || o.Commit < 0 {
		return o, fmt.Errorf("%w: rows, keys, parallelism and commit: want positive numbers", job.ErrInvalid)
	}
	if o.Rows == 0 {
		o.Rows = 30_000_000
	}
	if o.Keys == 0 {
		o.Keys = 1_000_000
	}
	if o.Parallelism == 0 {
		o.Parallelism = 1
	}
	if o.Commit == 0 {
		o.Commit = 10 * time.Second
	}
	return o, nil
}

// Ingest fills a topic, unless it is there from an earlier run, and measures
// the cases one after the other, each as a job of its own in this process.
func Ingest(ctx context.Context, o IngestOptions, report Report) (err error) {
	o, err = o.withDefaults()
	if err != nil {
		return err
	}
	cases, err := choose(IngestCases, o.Cases)
	if err != nil {
		return err
	}
	if o.Dir == "" {
		if o.Dir, err = os.MkdirTemp("", "wadi-ingest"); err != nil {
			return fmt.Errorf("make a directory for the warehouse: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.Dir)) }()
	}
	filled := false
	for _, c := range cases {
		if c.topic && !filled {
			if err := o.fill(ctx); err != nil {
				return fmt.Errorf("fill topic %s: %w", o.topic(), err)
			}
			filled = true
		}
		r, err := o.run(ctx, c)
		if err != nil {
			return fmt.Errorf("measure %s: %w", c.Name, err)
		}
		if err := report(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (o IngestOptions) topic() string { return fmt.Sprintf("wadi-bids-%d-%d", o.Rows, o.Keys) }

// fill writes the rows to the topic: bids of 260 bytes as JSON.
func (o IngestOptions) fill(ctx context.Context) error {
	if err := o.createTopic(ctx, o.topic()); err != nil {
		return err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(o.Brokers, ",")...))
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	ends, err := admin.ListEndOffsets(ctx, o.topic())
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return err
	}
	have := int64(0)
	ends.Each(func(e kadm.ListedOffset) { have += e.Offset })
	switch have {
	case o.Rows:
		return nil
	case 0:
	default:
		return fmt.Errorf("%w: it has %d messages of an earlier run, not %d: delete it", job.ErrInvalid, have, o.Rows)
	}
	return o.execute(ctx, o.tables()+fmt.Sprintf(`
		CREATE TEMPORARY TABLE bids (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, city STRING, state STRING, quantity INT, extra STRING)
		WITH ('connector' = 'datagen', 'number-of-rows' = '%d', 'rows-per-second' = '100000000', 'fields.auction.min' = '0', 'fields.auction.max' = '999999',
			'fields.bidder.min' = '0', 'fields.bidder.max' = '%d', 'fields.price.min' = '1', 'fields.price.max' = '99999999',
			'fields.quantity.min' = '1', 'fields.quantity.max' = '99', 'fields.channel.length' = '8', 'fields.url.length' = '40',
			'fields.city.length' = '8', 'fields.state.length' = '2', 'fields.extra.length' = '46');
		INSERT INTO topic SELECT auction, bidder, price, channel, url, LOCALTIMESTAMP, city, state, quantity, extra FROM bids`, o.Rows, o.Keys-1), nil)
}

// createTopic makes a topic that is not there.
func (o IngestOptions) createTopic(ctx context.Context, name string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(o.Brokers, ",")...))
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = kadm.NewClient(client).CreateTopic(ctx, ingestPartitions, -1, nil, name)
	if errors.Is(err, kerr.TopicAlreadyExists) {
		return nil
	}
	return err
}

// tables declares the catalog and the topic.
func (o IngestOptions) tables() string {
	return fmt.Sprintf(`CREATE CATALOG lake WITH ('type' = 'iceberg', 'catalog-type' = 'jdbc', 'uri' = 'jdbc:sqlite:%[1]s/catalog.db', 'warehouse' = 'file://%[1]s/warehouse');
		CREATE DATABASE IF NOT EXISTS lake.db;
		CREATE TEMPORARY TABLE topic (%s) WITH ('connector' = 'kafka', 'topic' = '%s', 'properties.bootstrap.servers' = '%s',
			'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset', 'format' = 'json');`,
		o.Dir, ingestColumns, o.topic(), o.Brokers)
}

// execute runs a script; each of its jobs is run by start, or to its end.
func (o IngestOptions) execute(ctx context.Context, script string, start func(*wadi.Pipeline) error) error {
	env, err := wadi.Local(wadi.Options{Parallelism: o.Parallelism, Config: map[string]string{
		"execution.runtime-mode":           "streaming",
		"execution.checkpointing.dir":      "file://" + o.Dir + "/checkpoints",
		"execution.checkpointing.interval": fmt.Sprintf("%d ms", o.Commit.Milliseconds()),
	}})
	if err != nil {
		return err
	}
	defer func() { _ = env.Close() }()
	return env.Execute(ctx, script, func(out wadi.Outcome) error {
		if out.Pipeline == nil {
			return nil
		}
		if start != nil {
			return start(out.Pipeline)
		}
		_, err := out.Pipeline.Run(ctx)
		return err
	})
}

func (o IngestOptions) run(ctx context.Context, c IngestCase) (Result, error) {
	if c.Name == freshCase {
		return o.fresh(ctx)
	}
	r := Result{Suite: "ingest", Query: c.Name, Engine: "wadi", Events: o.Rows, Parallelism: o.Parallelism, Checkpoints: -1}
	script := o.tables() + strings.ReplaceAll(c.script, "${rows}", fmt.Sprint(o.Rows))
	err := o.execute(ctx, script, func(p *wadi.Pipeline) error {
		return measure(&r, func() error { return finish(ctx, p, &r, false) })
	})
	return r, err
}
