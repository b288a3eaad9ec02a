package crash

import (
	"bufio"
	"encoding/json"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// changes is a job with state of every kind. Its results go into files that say
// how each row changes its table.
var changes = suite{script: changesScript, events: 300_000, read: readChanges}

const changesScript = `
SET 'execution.checkpointing.dir' = 'file://{dir}/checkpoints';
SET 'execution.checkpointing.interval' = '300 ms';
SET 'pipeline.name' = 'crash';
CREATE TEMPORARY TABLE events (
  event_type INT,
  auction ROW<id BIGINT, itemName STRING, description STRING, initialBid BIGINT, reserve BIGINT, dateTime TIMESTAMP(3),
    expires TIMESTAMP(3), seller BIGINT, category BIGINT, extra STRING>,
  bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, dateTime TIMESTAMP(3), extra STRING>,
  ts AS CASE WHEN event_type = 1 THEN auction.dateTime ELSE bid.dateTime END,
  WATERMARK FOR ts AS ts - INTERVAL '1' SECOND
) WITH ('connector'='nexmark','events.num'='{events}','first-event.rate'='{rate}','next-event.rate'='{rate}','rate-limited'='{limited}');
CREATE TEMPORARY VIEW auctions AS
  SELECT auction.id, auction.itemName, auction.category, auction.expires, ts FROM events WHERE event_type = 1;
CREATE TEMPORARY VIEW bids AS SELECT bid.auction, bid.bidder, bid.price, bid.url, ts FROM events WHERE event_type = 2;
CREATE TEMPORARY TABLE q4 (category BIGINT, final BIGINT) WITH ('connector'='filesystem','path'='{dir}/q4','format'='debezium-json');
CREATE TEMPORARY TABLE q9 (id BIGINT, item STRING, bidder BIGINT, price BIGINT) WITH ('connector'='filesystem','path'='{dir}/q9','format'='debezium-json');
CREATE TEMPORARY TABLE q18 (bidder BIGINT, auction BIGINT, price BIGINT, url STRING) WITH ('connector'='filesystem','path'='{dir}/q18','format'='debezium-json');
CREATE TEMPORARY TABLE q20 (auction BIGINT, item STRING, price BIGINT) WITH ('connector'='filesystem','path'='{dir}/q20','format'='debezium-json');
CREATE TEMPORARY TABLE sessions (bidder BIGINT, n BIGINT, begins TIMESTAMP(3)) WITH ('connector'='filesystem','path'='{dir}/sessions','format'='debezium-json');
EXECUTE STATEMENT SET BEGIN
INSERT INTO q4 SELECT category, AVG(final) FROM (
    SELECT MAX(b.price) AS final, a.category FROM auctions AS a, bids AS b
    WHERE a.id = b.auction AND b.ts BETWEEN a.ts AND a.expires GROUP BY a.id, a.category)
  GROUP BY category;
INSERT INTO q9 SELECT id, itemName, bidder, price FROM (
    SELECT a.id, a.itemName, b.bidder, b.price, ROW_NUMBER() OVER (PARTITION BY a.id ORDER BY b.price DESC, b.ts ASC) AS r
    FROM auctions AS a, bids AS b WHERE a.id = b.auction AND b.ts BETWEEN a.ts AND a.expires)
  WHERE r <= 1;
INSERT INTO q18 SELECT bidder, auction, price, url FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder, auction ORDER BY ts DESC) AS r FROM bids)
  WHERE r <= 1;
INSERT INTO q20 SELECT b.auction, a.itemName, b.price FROM bids AS b JOIN auctions AS a ON b.auction = a.id WHERE a.category = 10;
INSERT INTO sessions SELECT bidder, COUNT(*), SESSION_START(ts, INTERVAL '0.1' SECOND) FROM bids GROUP BY bidder, SESSION(ts, INTERVAL '0.1' SECOND);
END;
`

// readChanges applies the changes in the files of each table: what is added
// counts up, what is taken away down, whatever their order.
func readChanges(t *testing.T, dir string) map[string]digest {
	t.Helper()
	all := map[string]digest{}
	for _, table := range []string{"q4", "q9", "q18", "q20", "sessions"} {
		var d digest
		err := filepath.WalkDir(filepath.Join(dir, table), func(path string, e fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case strings.HasPrefix(e.Name(), ".") || strings.HasPrefix(e.Name(), "_"):
				if e.IsDir() {
					return filepath.SkipDir
				}
				return nil
			case e.IsDir():
				return nil
			}
			return d.addChanges(path)
		})
		if err != nil {
			t.Fatal(err)
		}
		all[table] = d
	}
	return all
}

func (d *digest) addChanges(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c struct{ Before, After json.RawMessage }
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return err
		}
		row, sign := c.After, int64(1)
		if string(row) == "null" {
			row, sign = c.Before, -1
		}
		h := fnv.New64a()
		_, _ = h.Write(row) // a hash takes everything
		d.rows += sign
		d.sum += uint64(sign) * h.Sum64()
	}
	return lines.Err()
}
