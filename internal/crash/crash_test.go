package crash

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	binary = flag.String("wadi", "", "the binary to kill; it is built when not given")
	runs   = flag.Int("runs", 3, "how often to kill it")
	seed   = flag.Uint64("seed", 0, "of the moments; 0 means another one every time")
)

// killsPerJob is how often one job is killed before it may end.
const killsPerJob = 5

// script is the job: a stream of bids into an Iceberg table, into Parquet
// files, and by windows and sessions into further Iceberg tables. Its events come at a rate,
// so that there is time to kill it.
const script = `
SET 'execution.checkpointing.dir' = 'file://{dir}/checkpoints';
SET 'execution.checkpointing.interval' = '500 ms';
SET 'pipeline.name' = 'crash';
CREATE CATALOG lake WITH ('type'='iceberg','catalog-type'='jdbc','uri'='jdbc:sqlite:{dir}/catalog.db','warehouse'='file://{dir}/warehouse');
CREATE DATABASE IF NOT EXISTS lake.db;
CREATE TABLE IF NOT EXISTS lake.db.bids (auction BIGINT, price BIGINT, ts TIMESTAMP(6), extra STRING);
CREATE TABLE IF NOT EXISTS lake.db.tops (window_start TIMESTAMP(6), auction BIGINT, n BIGINT, total BIGINT, top BIGINT);
CREATE TABLE IF NOT EXISTS lake.db.sessions (auction BIGINT, session_start TIMESTAMP(6), session_end TIMESTAMP(6), n BIGINT, prices BIGINT, extras STRING);
CREATE TEMPORARY TABLE files (auction BIGINT, price BIGINT, ts TIMESTAMP(6), extra STRING)
  WITH ('connector'='filesystem','path'='{dir}/files','format'='parquet');
CREATE TEMPORARY TABLE events (
  bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, dateTime TIMESTAMP(3), extra STRING>,
  ts AS bid.dateTime,
  WATERMARK FOR ts AS ts - INTERVAL '1' SECOND
) WITH ('connector'='nexmark','events.num'='{events}','first-event.rate'='{rate}','next-event.rate'='{rate}','rate-limited'='{limited}','person.proportion'='0','auction.proportion'='0');
CREATE TEMPORARY VIEW bids AS SELECT bid.auction, bid.price, ts, bid.extra FROM events;
EXECUTE STATEMENT SET BEGIN
INSERT INTO lake.db.bids SELECT auction, price, CAST(ts AS TIMESTAMP(6)), extra FROM bids;
INSERT INTO files SELECT auction, price, CAST(ts AS TIMESTAMP(6)), extra FROM bids;
INSERT INTO lake.db.tops SELECT CAST(window_start AS TIMESTAMP(6)), auction, COUNT(*), SUM(price), MAX(price)
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' SECOND)) GROUP BY window_start, window_end, auction;
INSERT INTO lake.db.sessions SELECT auction, CAST(window_start AS TIMESTAMP(6)), CAST(window_end AS TIMESTAMP(6)), COUNT(*), COUNT(DISTINCT price), MIN(extra)
  FROM TABLE(SESSION(TABLE bids PARTITION BY auction, DESCRIPTOR(ts), INTERVAL '0.05' SECOND)) GROUP BY auction, window_start, window_end;
END;
`

const (
	events = 600_000
	rate   = 150_000 // per second: four seconds without crashes
)

func writeScript(t *testing.T, dir string, limited bool) string {
	t.Helper()
	text := strings.NewReplacer("{dir}", filepath.ToSlash(dir), "{events}", fmt.Sprint(events), "{rate}", fmt.Sprint(rate), "{limited}", fmt.Sprint(limited)).Replace(script)
	path := filepath.Join(dir, "job.sql")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCrash is the proof. It prints how many kills fell into which phase.
func TestCrash(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGKILL")
	}
	bin := *binary
	if bin == "" {
		bin = filepath.Join(t.TempDir(), "wadi")
		if out, err := exec.Command("go", "build", "-o", bin, "github.com/wadi-engine/wadi/cmd/wadi").CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, out)
		}
	}
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	rnd := rand.New(rand.NewPCG(s, 0))
	t.Logf("seed %d", s)

	calm := t.TempDir()
	if out, err := exec.Command(bin, "run", writeScript(t, calm, false)).CombinedOutput(); err != nil {
		t.Fatalf("undisturbed run: %v\n%s", err, out)
	}
	want := readAll(t, calm)
	if n := want["bids"].rows; n != events {
		t.Fatalf("undisturbed run: %d rows, want %d", n, events)
	}

	fell := map[string]int{}
	for kills := 0; kills < *runs; {
		dir := t.TempDir()
		j := job{t: t, bin: bin, script: writeScript(t, dir, true), rnd: rnd}
		for range min(killsPerJob, *runs-kills) {
			phase, ended := j.kill(kills)
			if ended {
				break
			}
			fell[phase]++
			kills++
		}
		j.finish()
		got := readAll(t, dir)
		for name, w := range want {
			if got[name] != w {
				t.Fatalf("after %d kills (seed %d): table %s has %d rows with sum %x, want %d with %x", kills, s, name, got[name].rows, got[name].sum, w.rows, w.sum)
			}
		}
		_ = os.RemoveAll(dir)
	}
	t.Logf("kills by phase: %d while running, %d during prepare, %d during claim, %d during commit", fell["running"], fell["prepare"], fell["claim"], fell["commit"])
	if *runs >= 12 {
		for _, phase := range []string{"prepare", "claim", "commit"} {
			if fell[phase] == 0 {
				t.Errorf("no kill fell during %s", phase)
			}
		}
	}
}

// job is one job and its directory.
type job struct {
	t      *testing.T
	bin    string
	script string
	rnd    *rand.Rand
}

var phaseLine = regexp.MustCompile(`msg=epoch .*phase=(\w+)`)

// watcher follows the phases that a process logs.
type watcher struct {
	mu         sync.Mutex
	phase      string
	committing int
	seen       chan string
	tail       bytes.Buffer
}

func (w *watcher) read(r io.Reader) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		m := phaseLine.FindStringSubmatch(lines.Text())
		w.mu.Lock()
		if m == nil {
			fmt.Fprintln(&w.tail, lines.Text())
			w.mu.Unlock()
			continue
		}
		switch m[1] {
		case "prepare", "claim":
			w.phase = m[1]
		case "claimed":
			w.phase = "running"
		case "commit":
			w.committing++
		case "published":
			w.committing--
		}
		w.mu.Unlock()
		select {
		case w.seen <- m[1]:
		default:
		}
	}
	close(w.seen)
}

// now is the phase that a crash would interrupt.
func (w *watcher) now() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.committing > 0 {
		return "commit"
	}
	return w.phase
}

// kill starts the job, kills it, and says in which phase. Every fourth kill is
// at any moment, the others at the beginning of a phase and a little later.
func (j *job) kill(n int) (phase string, ended bool) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, j.bin, "run", j.script, "--restore", "latest", "-vv")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		j.t.Fatal(err)
	}
	w := &watcher{phase: "running", seen: make(chan string, 64)}
	if err := cmd.Start(); err != nil {
		j.t.Fatal(err)
	}
	go w.read(stderr)
	target := [...]string{"", "prepare", "claim", "commit"}[n%4]
	timer := time.NewTimer(time.Duration(200+j.rnd.IntN(700)) * time.Millisecond)
	defer timer.Stop()
	due := false
	for {
		select {
		case <-timer.C:
			due = true
			if target != "" {
				continue
			}
		case p, ok := <-w.seen:
			if !ok { // the process has ended
				err := cmd.Wait()
				if err != nil {
					j.t.Fatalf("the job failed: %v\n%s", err, w.tail.String())
				}
				return "", true
			}
			if !due || p != target {
				continue
			}
			if target != "claim" { // which is over soon
				time.Sleep(time.Duration(j.rnd.IntN(2000)) * time.Microsecond) // a moment within the phase, not a wait for something
			}
		}
		phase = w.now()
		_ = cmd.Process.Kill()
		for range w.seen { //nolint:revive // what is under way is let through until the watcher ends
		}
		_ = cmd.Wait()
		return phase, false
	}
}

// finish lets the job go on to its end.
func (j *job) finish() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, j.bin, "run", j.script, "--restore", "latest").CombinedOutput()
	if err != nil {
		j.t.Fatalf("the job did not go on: %v\n%s", err, out)
	}
}
