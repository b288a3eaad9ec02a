package crash

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/testserver"
	lakecatalog "github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/maintain"
)

// streams copies a topic into an Iceberg table and into another topic, keeps the
// newest row of each key in a table with deletion vectors, and counts by key,
// with rows that come and go, in one with files of positions. Meanwhile somebody
// else appends to the tables, and a third one compacts them. The topic grows while
// the job runs.
var streams = suite{
	script: streamsScript, events: 400_000, around: aroundStreams, tables: map[string]string{"copies": "k", "newest": "k", "counts": "k"},
}

const streamsScript = `
SET 'execution.checkpointing.dir' = 'file://{dir}/checkpoints';
SET 'execution.checkpointing.interval' = '300 ms';
SET 'pipeline.name' = 'crash';
CREATE CATALOG lake WITH ('type'='iceberg','catalog-type'='jdbc','uri'='jdbc:sqlite:{dir}/catalog.db','warehouse'='file://{dir}/warehouse');
CREATE DATABASE IF NOT EXISTS lake.db;
CREATE TABLE IF NOT EXISTS lake.db.copies (id BIGINT, k BIGINT, v STRING) WITH ('sink.commit.max-age' = '0');
CREATE TABLE IF NOT EXISTS lake.db.newest (k BIGINT, id BIGINT, v STRING, PRIMARY KEY (k) NOT ENFORCED) WITH ('sink.commit.max-age' = '0', 'format-version' = '3', 'write.upsert.enabled' = 'true');
CREATE TABLE IF NOT EXISTS lake.db.counts (k BIGINT, n BIGINT, top BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('sink.commit.max-age' = '0', 'format-version' = '2');
CREATE TEMPORARY TABLE feed (id BIGINT, k BIGINT, v STRING) WITH ('connector'='kafka','properties.bootstrap.servers'='{brokers}','topic'='{feed}','format'='json',
  'scan.startup.mode'='earliest-offset','scan.bounded.mode'='specific-offsets','scan.bounded.specific-offsets'='{ends}');
CREATE TEMPORARY TABLE copied (id BIGINT, v STRING) WITH ('connector'='kafka','properties.bootstrap.servers'='{brokers}','topic'='{out}','format'='json',
  'sink.delivery-guarantee'='exactly-once','sink.transactional-id-prefix'='{out}');
EXECUTE STATEMENT SET BEGIN
INSERT INTO lake.db.copies SELECT id, k, v FROM feed;
INSERT INTO copied SELECT id, v FROM feed;
INSERT INTO lake.db.newest SELECT k, id, v FROM feed;
INSERT INTO lake.db.counts SELECT k, COUNT(*), MAX(id) FROM feed GROUP BY k HAVING MOD(COUNT(*), 7) <> 0;
END;
`

// The topics have so many partitions, and the feed so many keys.
const (
	feedPartitions = 4
	feedKeys       = 5000 // a multiple, so that a key has one partition
)

// TestCrashKafka kills jobs between topics and tables. The broker runs in this
// process, unless the environment names another one: WADI_TEST_KAFKA=localhost:9092.
func TestCrashKafka(t *testing.T) { streams.run(t) }

// TestCrashBrokers kills the brokers as well, one at a time: partitions and
// transactions change their leaders, and have none while both are away.
func TestCrashBrokers(t *testing.T) {
	s := streams
	var brokers *testserver.Brokers
	s.script = restarting + s.script
	s.around = func(t *testing.T, s suite, dir string, limited bool) surroundings {
		t.Helper()
		if brokers == nil {
			brokers = testserver.OwnKafka(t, 2)
		}
		beside := aroundTopics(t, s, dir, strings.Join(brokers.Address, ","), limited)
		if !limited {
			return beside
		}
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() { killBrokers(ctx, t, brokers) })
		end := beside.end
		beside.end = func() { cancel(); wg.Wait(); end() }
		return beside
	}
	s.run(t)
}

// restarting is for jobs whose servers go away.
const restarting = `
SET 'restart-strategy.type' = 'fixed-delay';
SET 'restart-strategy.fixed-delay.attempts' = '1000';
SET 'restart-strategy.fixed-delay.delay' = '200 ms';`

// killBrokers kills one broker after the other, and starts it again.
func killBrokers(ctx context.Context, t *testing.T, brokers *testserver.Brokers) {
	t.Helper()
	kills := 0
	for ; each(ctx, time.Second); kills++ {
		i := kills % len(brokers.Address)
		brokers.Kill(i)
		each(ctx, 2*time.Second) // longer than until others lead its partitions
		brokers.Start(i)
	}
	t.Logf("brokers were killed %d times", kills)
}

// startBroker gives the address of a broker.
func startBroker(t *testing.T) string {
	t.Helper()
	if address := testserver.Kafka(t); address != "" {
		return address
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster.ListenAddrs()[0]
}

var scenes atomic.Int64

func aroundStreams(t *testing.T, s suite, dir string, limited bool) surroundings {
	t.Helper()
	return aroundTopics(t, s, dir, startBroker(t), limited)
}

// aroundTopics makes the topics, and lets others write to the tables.
func aroundTopics(t *testing.T, s suite, dir, address string, limited bool) surroundings {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(address, ",")...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	name := fmt.Sprintf("crash-%d-%d", os.Getpid(), scenes.Add(1))
	feed, out := name+"-feed", name+"-out"
	createTopics(t, kadm.NewClient(client), feed, out)
	ends := make([]string, feedPartitions)
	for p := range ends {
		ends[p] = fmt.Sprintf("partition:%d,offset:%d", p, s.events/feedPartitions)
	}
	ctx, cancel := context.WithCancel(context.Background())
	compacting, rest := context.WithCancel(ctx)
	var wg sync.WaitGroup
	pace := 0
	if limited {
		pace = rate
	}
	wg.Go(func() { produceFeed(ctx, t, client, feed, s.events, feedKeys, pace) })
	written := map[string]int64{}
	if limited {
		var mu sync.Mutex
		for name, columns := range map[string][]string{"copies": {"id", "k", "v"}, "newest": {"k", "id", "v"}, "counts": {"k", "n", "top"}} {
			wg.Go(func() {
				rows := appendBeside(ctx, t, dir, name, columns...)
				mu.Lock()
				defer mu.Unlock()
				written[name] = rows
			})
			wg.Go(func() { compactBeside(compacting, t, dir, name) })
		}
	}
	return surroundings{
		names: map[string]string{"brokers": address, "feed": feed, "out": out, "ends": strings.Join(ends, ";")},
		rest:  rest,
		end:   func() { rest(); cancel(); wg.Wait() },
		read: func(t *testing.T, all map[string]digest) {
			t.Helper()
			all["out"] = readTopic(t, address, out, s.events)
		},
		written: written,
	}
}

// createTopics waits until all brokers are there that are to hold them.
func createTopics(t *testing.T, admin *kadm.Client, names ...string) {
	t.Helper()
	for each(t.Context(), 50*time.Millisecond) {
		done, err := admin.CreateTopics(t.Context(), feedPartitions, -1, nil, names...)
		if err == nil {
			err = done.Error()
		}
		if err == nil {
			return
		}
		if !errors.Is(err, kerr.InvalidReplicationFactor) {
			t.Fatal(err)
		}
	}
}

// produceFeed writes the events to the topic, at a pace per second unless it is 0.
func produceFeed(ctx context.Context, t *testing.T, client *kgo.Client, topic string, events, keys, pace int) {
	t.Helper()
	const beat = 10 * time.Millisecond
	burst := max(1, pace/int(time.Second/beat))
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for i := range events {
		if pace > 0 && i%burst == 0 {
			select {
			case <-tick.C:
			case <-ctx.Done():
				t.Errorf("the job ended before it had read everything")
				return
			}
		}
		k := i * 7919 % keys
		client.Produce(ctx, &kgo.Record{Topic: topic, Partition: int32(i % feedPartitions), Value: fmt.Appendf(nil, `{"id":%d,"k":%d,"v":"value %d"}`, i, k, i)}, func(_ *kgo.Record, err error) {
			if err != nil && !errors.Is(err, kgo.ErrClientClosed) { // which the end of a failed test does
				t.Error(err)
			}
		})
	}
	if err := client.Flush(context.Background()); err != nil {
		t.Error(err)
	}
}

// appendBeside appends rows of negative numbers to a table and counts them.
func appendBeside(ctx context.Context, t *testing.T, dir, name string, columns ...string) (rows int64) {
	t.Helper()
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: c, Type: arrow.PrimitiveTypes.Int64, Nullable: name == "copies" || c != "k"}
		if c == "v" {
			fields[i].Type = arrow.BinaryTypes.String
		}
	}
	schema := arrow.NewSchema(fields, nil)
	for each(ctx, 150*time.Millisecond) {
		cat, done, err := openCatalog(dir)
		if err != nil {
			continue // it is not there yet
		}
		tbl, err := cat.LoadTable(ctx, []string{"db", name})
		if err == nil {
			b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
			for _, f := range schema.Fields() {
				at := schema.FieldIndices(f.Name)[0]
				switch b := b.Field(at).(type) {
				case *array.Int64Builder:
					b.Append(-1 - rows)
				case *array.StringBuilder:
					b.Append("of another")
				}
			}
			rec := b.NewRecordBatch()
			reader, _ := array.NewRecordReader(schema, []arrow.RecordBatch{rec})
			if _, err = tbl.Append(context.Background(), reader, nil); err == nil {
				rows++
			}
		}
		done()
	}
	return rows
}

// compactBeside gathers a table's files again and again.
func compactBeside(ctx context.Context, t *testing.T, dir, name string) {
	t.Helper()
	options := map[string]string{"catalog-type": "jdbc", "uri": "jdbc:sqlite:" + dir + "/catalog.db", "warehouse": "file://" + dir + "/warehouse"}
	rewritten := 0
	for each(ctx, 200*time.Millisecond) {
		if _, err := os.Stat(dir + "/catalog.db"); err != nil {
			continue
		}
		c, err := lakecatalog.Open(ctx, "lake", options, lakecatalog.Env{Stores: objstore.New(objstore.Options{})})
		if err != nil {
			continue
		}
		done, err := maintain.RewriteDataFiles(context.Background(), c, "db."+name, maintain.Rewrite{MinInputFiles: 2})
		rewritten += done.Files
		if err != nil && !errors.Is(err, lakecatalog.ErrNotFound) && !strings.Contains(err.Error(), "commit failed") && !strings.Contains(err.Error(), "requirement failed") {
			t.Errorf("compact %s: %v", name, err)
		}
		_ = c.Close()
	}
	t.Logf("%d files of %s were compacted", rewritten, name)
}

// each waits for the next tick, and reports whether it came before the end.
func each(ctx context.Context, every time.Duration) bool {
	timer := time.NewTimer(every)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// readTopic reads what is committed in a topic: at least so many messages, and
// what follows them.
func readTopic(t *testing.T, address, topic string, least int) (d digest) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(address, ",")...), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	take := func(ctx context.Context) {
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			h := fnv.New64a()
			h.Write(r.Value)
			d.sum += h.Sum64()
			d.rows++
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for d.rows < int64(least) && ctx.Err() == nil {
		take(ctx)
	}
	ctx, more := context.WithTimeout(t.Context(), 100*time.Millisecond) // no others come
	defer more()
	take(ctx)
	return d
}
