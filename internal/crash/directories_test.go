package crash

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/avro/ocf"
)

// directories is a stream of bids into directories of seconds: their files are
// merged before they are visible, and a second is marked when event time is past it.
var directories = suite{script: directoriesScript, events: 300_000, read: readDirectories}

const directoriesScript = `
SET 'execution.checkpointing.dir' = 'file://{dir}/checkpoints';
SET 'execution.checkpointing.interval' = '200 ms';
SET 'pipeline.name' = 'crash';
CREATE TEMPORARY TABLE lines (auction BIGINT, price BIGINT, extra STRING, ` + "`second`" + ` STRING) PARTITIONED BY (` + "`second`" + `) WITH (
  'connector'='filesystem','path'='{dir}/lines','format'='csv','sink.compression'='gzip','csv.header'='true','auto-compaction'='true','sink.rolling-policy.file-size'='100kb',
  'compaction.file-size'='1mb','sink.partition-commit.policy.kind'='success-file','sink.partition-commit.trigger'='partition-time','sink.partition-commit.delay'='1 s');
CREATE TEMPORARY TABLE blocks (auction BIGINT, price BIGINT, extra STRING, ` + "`second`" + ` STRING) PARTITIONED BY (` + "`second`" + `) WITH (
  'connector'='filesystem','path'='{dir}/blocks','format'='avro','auto-compaction'='true','sink.rolling-policy.file-size'='100kb','compaction.file-size'='1mb',
  'sink.partition-commit.policy.kind'='success-file','sink.partition-commit.delay'='1 s');
CREATE TEMPORARY TABLE groups (auction BIGINT, price BIGINT, extra STRING) WITH (
  'connector'='filesystem','path'='{dir}/groups','format'='parquet','auto-compaction'='true','sink.rolling-policy.file-size'='100kb','compaction.file-size'='1mb');
CREATE TEMPORARY TABLE events (
  bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, dateTime TIMESTAMP(3), extra STRING>,
  ts AS bid.dateTime,
  WATERMARK FOR ts AS ts - INTERVAL '1' SECOND
) WITH ('connector'='nexmark','events.num'='{events}','first-event.rate'='{rate}','next-event.rate'='{rate}','rate-limited'='{limited}','person.proportion'='0','auction.proportion'='0');
CREATE TEMPORARY VIEW bids AS SELECT bid.auction, bid.price, bid.extra, DATE_FORMAT(ts, 'yyyy-MM-dd HH:mm:ss') AS ` + "`second`" + ` FROM events;
EXECUTE STATEMENT SET BEGIN
INSERT INTO lines SELECT * FROM bids;
INSERT INTO blocks SELECT * FROM bids;
INSERT INTO groups SELECT auction, price, extra FROM bids;
END;
`

// TestCrashDirectories kills a job between writing, merging, publishing and marking.
func TestCrashDirectories(t *testing.T) { directories.run(t) }

// readDirectories reads the visible files with readers that are not ours, and the
// names of the seconds that are marked.
func readDirectories(t *testing.T, dir string) map[string]digest {
	t.Helper()
	out := map[string]digest{"groups": readParquet(t, filepath.Join(dir, "groups"))}
	for table, read := range map[string]func(io.Reader, *digest) error{"lines": readLines, "blocks": readBlocks} {
		var rows, marks digest
		root := filepath.Join(dir, table)
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			switch {
			case err != nil || e.IsDir():
				return err
			case e.Name() == "_SUCCESS":
				marks.see(filepath.Base(filepath.Dir(path)))
				return nil
			case strings.Contains(path, "/.staging/"):
				return fmt.Errorf("left over: %s", path)
			case !strings.HasPrefix(e.Name(), "part-"):
				return nil
			}
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			if err := read(f, &rows); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		out[table], out[table+"' marks"] = rows, marks
	}
	return out
}

func (d *digest) see(text string) {
	h := fnv.New64a()
	_, _ = io.WriteString(h, text) // never fails
	d.sum += h.Sum64()
	d.rows++
}

// readLines reads compressed CSV behind its header.
func readLines(r io.Reader, d *digest) error {
	plain, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(plain)
	if lines.Scan(); lines.Text() != "auction,price,extra" {
		return fmt.Errorf("header %q", lines.Text())
	}
	for lines.Scan() {
		d.see(lines.Text())
	}
	return lines.Err()
}

func readBlocks(r io.Reader, d *digest) error {
	file, err := ocf.NewReader(r)
	if err != nil {
		return err
	}
	for {
		var row struct {
			Auction *int64  `avro:"auction"`
			Price   *int64  `avro:"price"`
			Extra   *string `avro:"extra"`
		}
		if err := file.Decode(&row); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		d.see(fmt.Sprint(*row.Auction, " ", *row.Price, " ", *row.Extra))
	}
}
