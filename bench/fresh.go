package bench

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"
	sqlcatalog "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi"
)

// freshRate is how many rows per second the measure of freshness has, and
// freshSeconds how long it makes them.
const freshRate, freshSeconds = 100_000, 60

// fresh measures how long rows take from their making, through Kafka, into a
// snapshot that readers see. One job makes rows with the time of their making,
// another one writes them into a table.
func (o IngestOptions) fresh(ctx context.Context) (Result, error) {
	r := Result{Suite: "ingest", Query: "fresh", Engine: "wadi", Events: freshRate * freshSeconds, Parallelism: o.Parallelism, Checkpoints: -1}
	topic := fmt.Sprintf("wadi-fresh-%d", time.Now().UnixNano())
	if err := o.createTopic(ctx, topic); err != nil {
		return r, fmt.Errorf("create topic %s: %w", topic, err)
	}
	made := fmt.Sprintf(`CREATE TEMPORARY TABLE made (id BIGINT, ts TIMESTAMP(3), extra STRING) WITH ('connector' = 'kafka', 'topic' = '%s',
		'properties.bootstrap.servers' = '%s', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset');`, topic, o.Brokers)
	making := make(chan error, 1)
	go func() {
		making <- o.execute(ctx, made+fmt.Sprintf(`
			CREATE TEMPORARY TABLE numbers (id BIGINT, extra STRING) WITH ('connector' = 'datagen', 'number-of-rows' = '%d', 'rows-per-second' = '%d', 'fields.extra.length' = '180');
			INSERT INTO made SELECT id, LOCALTIMESTAMP, extra FROM numbers`, r.Events, freshRate), nil)
	}()
	script := o.tables() + made + `
		CREATE TABLE lake.db.fresh (id BIGINT, ts TIMESTAMP(3), extra STRING) WITH ('sink.commit.max-age' = '0');
		INSERT INTO lake.db.fresh SELECT * FROM made`
	err := o.execute(ctx, script, func(p *wadi.Pipeline) error {
		return measure(&r, func() error { return drain(ctx, p, &r, making) })
	})
	if err == nil {
		r.LatencyP50, r.LatencyP99, err = o.latencies(ctx)
	}
	return r, err
}

// drain runs a job that has no end until it has written every row.
func drain(ctx context.Context, p *wadi.Pipeline, r *Result, making <-chan error) error {
	run, err := p.Start(ctx, wadi.RestoreNone)
	if err != nil {
		return err
	}
	for look := time.NewTicker(100 * time.Millisecond); run.Progress().Written < r.Events; {
		select {
		case <-run.Done():
			_, err := run.Wait()
			return cmp.Or(err, fmt.Errorf("the job ended after %d rows", run.Progress().Written))
		case err := <-making:
			if err != nil {
				_, _ = run.Stop()
				return fmt.Errorf("make rows: %w", err)
			}
			making = nil
		case <-look.C:
		}
	}
	r.RowsOut = run.Progress().Written
	_, err = run.Stop()
	r.Checkpoints = int64(run.Progress().Epoch)
	return err
}

// latencies are quantiles of the time between a row's making and the snapshot
// that it is in, over all rows.
func (o IngestOptions) latencies(ctx context.Context) (p50, p99 float64, err error) {
	db, err := sql.Open("sqlite", o.Dir+"/catalog.db")
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = db.Close() }()
	c, err := sqlcatalog.NewCatalog("lake", db, sqlcatalog.SQLite, iceberg.Properties{"warehouse": "file://" + o.Dir + "/warehouse"})
	if err != nil {
		return 0, 0, err
	}
	t, err := c.LoadTable(ctx, table.Identifier{"db", "fresh"})
	if err != nil {
		return 0, 0, err
	}
	fsys, err := t.FS(ctx)
	if err != nil {
		return 0, 0, err
	}
	var all []float64
	for _, s := range t.Metadata().Snapshots() {
		manifests, err := s.Manifests(fsys)
		if err != nil {
			return 0, 0, err
		}
		for _, m := range manifests {
			if m.SnapshotID() != s.SnapshotID {
				continue
			}
			for e, err := range m.Entries(fsys, true) {
				if err != nil {
					return 0, 0, err
				}
				if all, err = ages(ctx, all, e.DataFile().FilePath(), s.TimestampMs); err != nil {
					return 0, 0, err
				}
			}
		}
	}
	if len(all) == 0 {
		return 0, 0, fmt.Errorf("the table is empty")
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)*99/100], nil
}

// ages appends how many seconds before at the rows of a file were made.
func ages(ctx context.Context, to []float64, file string, at int64) ([]float64, error) {
	env, err := wadi.Local(wadi.Options{Config: map[string]string{"execution.runtime-mode": "batch"}})
	if err != nil {
		return nil, err
	}
	defer func() { _ = env.Close() }()
	for rec, err := range env.SQL("SELECT CAST(ts AS TIMESTAMP(3)) AS ts FROM read_parquet('" + strings.TrimPrefix(file, "file://") + "')").All(ctx) {
		if err != nil {
			return nil, err
		}
		for _, ts := range rec.Column(0).(*array.Timestamp).TimestampValues() {
			to = append(to, float64(at-int64(ts))/1e3)
		}
		rec.Release()
	}
	return to, nil
}
