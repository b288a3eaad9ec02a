//go:build unix

package crash

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wadi-engine/wadi/bench"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/testserver"
	"github.com/wadi-engine/wadi/lakehouse/cloud"
)

// chaosRate is the events per second of each job: two cores have time left to do
// again what was undone.
const chaosRate = 2000

// chaosKeys is how many keys the topic has: state that needs the disk.
const chaosKeys = 40_000

// chaosLake is where the jobs of chaos write to.
const chaosLake = `
SET 'execution.runtime-mode' = 'streaming';
CREATE CATALOG lake WITH ('type'='iceberg','catalog-type'='jdbc','uri'='jdbc:sqlite:{dir}/catalog.db','warehouse'='file://{dir}/warehouse');
CREATE DATABASE IF NOT EXISTS lake.db;
`

// chaosJobs are the jobs, by the name of their pipelines. Their tables have keys. The
// barriers of one overtake rows.
var chaosJobs = map[string]string{
	"q5": `
CREATE TABLE IF NOT EXISTS lake.db.hot (starttime TIMESTAMP(6), auction BIGINT, num BIGINT, PRIMARY KEY (starttime, auction) NOT ENFORCED) WITH ('sink.commit.max-age' = '0', 'format-version' = '3');
INSERT INTO lake.db.hot SELECT CAST(counts.starttime AS TIMESTAMP(6)), counts.auction, counts.num
FROM (
  SELECT auction, COUNT(*) AS num, window_start AS starttime, window_end AS endtime
  FROM TABLE(HOP(TABLE bid, DESCRIPTOR(~dateTime~), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
  GROUP BY auction, window_start, window_end) AS counts
JOIN (
  SELECT MAX(num) AS maxn, starttime, endtime FROM (
    SELECT COUNT(*) AS num, window_start AS starttime, window_end AS endtime
    FROM TABLE(HOP(TABLE bid, DESCRIPTOR(~dateTime~), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
    GROUP BY auction, window_start, window_end)
  GROUP BY starttime, endtime) AS most
ON counts.starttime = most.starttime AND counts.endtime = most.endtime AND counts.num >= most.maxn;`,

	"q9": `
SET 'execution.checkpointing.unaligned.enabled' = 'true';
SET 'execution.checkpointing.aligned-checkpoint-timeout' = '20 ms';
CREATE TABLE IF NOT EXISTS lake.db.winners (id BIGINT, item STRING, description STRING, seller BIGINT, bidder BIGINT, price BIGINT, bid_time TIMESTAMP(6), PRIMARY KEY (id) NOT ENFORCED)
  WITH ('sink.commit.max-age' = '0', 'format-version' = '3');
INSERT INTO lake.db.winners SELECT id, itemName, description, seller, bidder, price, CAST(bid_dateTime AS TIMESTAMP(6)) FROM (
  SELECT a.*, b.auction, b.bidder, b.price, b.~dateTime~ AS bid_dateTime, b.extra AS bid_extra,
    ROW_NUMBER() OVER (PARTITION BY a.id ORDER BY b.price DESC, b.~dateTime~ ASC) AS rownum
  FROM auction AS a, bid AS b
  WHERE a.id = b.auction AND b.~dateTime~ BETWEEN a.~dateTime~ AND a.expires)
WHERE rownum <= 1;`,

	"upserts": `
CREATE TABLE IF NOT EXISTS lake.db.newest (k BIGINT, id BIGINT, v STRING, PRIMARY KEY (k) NOT ENFORCED) WITH ('sink.commit.max-age' = '0', 'format-version' = '3', 'write.upsert.enabled' = 'true');
CREATE TABLE IF NOT EXISTS lake.db.counts (k BIGINT, n BIGINT, top STRING, PRIMARY KEY (k) NOT ENFORCED) WITH ('sink.commit.max-age' = '0', 'format-version' = '2');
CREATE TEMPORARY TABLE feed (id BIGINT, k BIGINT, v STRING) WITH ('connector'='kafka','properties.bootstrap.servers'='{brokers}','topic'='{feed}','format'='json',
  'scan.startup.mode'='earliest-offset','scan.bounded.mode'='specific-offsets','scan.bounded.specific-offsets'='{ends}');
EXECUTE STATEMENT SET BEGIN
INSERT INTO lake.db.newest SELECT k, id, v FROM feed;
INSERT INTO lake.db.counts SELECT k, COUNT(*), MAX(v) FROM feed GROUP BY k HAVING MOD(COUNT(*), 7) <> 0;
END;`,
}

// chaosTables are their tables.
var chaosTables = map[string]string{"hot": "", "winners": "", "newest": "", "counts": ""}

// feed is a topic that the third job reads.
type feed struct {
	client  *kgo.Client
	address string
	topic   string
	events  int
}

func newFeed(t *testing.T, events int) feed {
	t.Helper()
	f := feed{address: startBroker(t), topic: fmt.Sprintf("chaos-%d-%d", time.Now().UnixNano(), scenes.Add(1)), events: events / feedPartitions * feedPartitions}
	var err error
	if f.client, err = kgo.NewClient(kgo.SeedBrokers(f.address), kgo.RecordPartitioner(kgo.ManualPartitioner())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.client.Close)
	createTopics(t, kadm.NewClient(f.client), f.topic)
	return f
}

// script is the script of a job whose tables are below a directory. Its events come
// at their rate when it is limited.
func (f feed) script(name, dir string, limited bool) string {
	tables := bench.NexmarkTables(int64(f.events), chaosRate)
	if limited {
		// Splits that begin again begin at once: with one, all events are at the rate.
		tables = strings.ReplaceAll(tables, "'connector' = 'nexmark'", "'connector' = 'nexmark', 'rate-limited' = 'true', 'splits' = '1'")
	}
	ends := make([]string, feedPartitions)
	for p := range ends {
		ends[p] = fmt.Sprintf("partition:%d,offset:%d", p, f.events/feedPartitions)
	}
	text := fmt.Sprintf("SET 'pipeline.name' = '%s';", name) + chaosLake + tables + chaosJobs[name]
	return strings.NewReplacer("~", "`", "{dir}", filepath.ToSlash(dir), "{brokers}", f.address, "{feed}", f.topic, "{ends}", strings.Join(ends, ";")).Replace(text)
}

// root is the storage of a cluster: what all its processes reach it by, and how
// this test does.
type root struct {
	url    string
	config map[string]string
	store  checkpoint.Store
	slow   *slowed // nil when nothing is before it
}

// newRoot is a bucket of S3 behind a proxy, or a directory where no server of S3 is.
func newRoot(t *testing.T, dir string) root {
	t.Helper()
	r := root{url: "file://" + filepath.ToSlash(dir) + "/ha"}
	var props map[string]string
	if testserver.HasS3() {
		r.url, props = testserver.S3(t)
		r.slow = newSlowed(t, props["s3.endpoint"])
		r.config = map[string]string{}
		for k, v := range props {
			r.config[k] = v
		}
		r.config["s3.endpoint"] = r.slow.url
	}
	stores := objstore.New(objstore.Options{Openers: cloud.Openers(), Properties: props})
	t.Cleanup(func() { _ = stores.Close() }) // nothing waits in it
	b, err := stores.Open(t.Context(), r.url+"/chaos", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.store = b
	return r
}

// slowed is a proxy before a server of S3 which, while it is on, lets every request
// wait, throttles some, and cuts connections behind some that were done.
type slowed struct {
	url  string
	on   atomic.Int64 // more than 0
	seen atomic.Int64 // requests while it was
}

func newSlowed(t *testing.T, endpoint string) *slowed {
	t.Helper()
	to, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	s := &slowed{}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) } // who asked was killed
	l := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.on.Load() == 0 {
			proxy.ServeHTTP(w, r)
			return
		}
		n := s.seen.Add(1)
		if !each(r.Context(), time.Duration(100+n*37%400)*time.Millisecond) {
			return
		}
		switch {
		case n%9 == 0:
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte("<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>")) // the client may be gone
		case n%31 == 0:
			proxy.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler) // the connection ends
		default:
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() {
		l.CloseClientConnections()
		l.Close()
	})
	s.url = l.URL
	return s
}

// produce writes the topic at its rate, beside the test, until the end.
func (f feed) produce(t *testing.T) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { produceFeed(ctx, t, f.client, f.topic, f.events, chaosKeys, chaosRate) })
	return func() { cancel(); group.Wait() }
}
