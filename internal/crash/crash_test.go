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
	others = flag.String("readers", "", "readers that are not ours, as NAME=PYTHON, divided by spaces: see testdata/interop/install.py")
)

// killsPerJob is how often one job is killed before it may end.
const killsPerJob = 5

// suite is a job to kill, and how its tables are read.
type suite struct {
	script string
	events int
	config []string // for the command line
	// around, which may be nil, makes what the job reads and who else is there.
	around func(t *testing.T, s suite, dir string, limited bool) surroundings
	// tables are the job's Iceberg tables, and for each a column that is below 0 in
	// rows of other writers, or "".
	tables map[string]string
	read   func(t *testing.T, dir string) map[string]digest // what is not in Iceberg; may be nil
}

// surroundings are what a job needs beside its directory.
type surroundings struct {
	names map[string]string // what stands for {name} in the script
	// rest ends what would hide the state in which the job leaves its tables; it may be nil.
	rest func()
	end  func()
	// read adds what is there beside the tables.
	read func(t *testing.T, all map[string]digest)
	// written is how many rows others have written to each table, at the end.
	written map[string]int64
}

// rate is the events per second: three or four seconds without crashes.
const rate = 150_000

// appends is a stream of bids into an Iceberg table, into Parquet files, and by
// windows and sessions into further Iceberg tables. Its events come at a rate, so that there
// is time to kill it.
var appends = suite{script: appendScript, events: 600_000, tables: map[string]string{"bids": "", "tops": "", "sessions": ""}, read: readFiles}

const appendScript = `
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

func (s suite) write(t *testing.T, dir string, limited bool, names map[string]string) string {
	t.Helper()
	pairs := []string{"{dir}", filepath.ToSlash(dir), "{events}", fmt.Sprint(s.events), "{rate}", fmt.Sprint(rate), "{limited}", fmt.Sprint(limited)}
	for name, value := range names {
		pairs = append(pairs, "{"+name+"}", value)
	}
	text := strings.NewReplacer(pairs...).Replace(s.script)
	path := filepath.Join(dir, "job.sql")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCrashAppends is the proof. It prints how many kills fell into which phase.
func TestCrashAppends(t *testing.T) { appends.run(t) }

// TestCrashChanges kills jobs whose results change: joins, the best and the last
// row of a key, averages of maxima, sessions, with both backends of state.
func TestCrashChanges(t *testing.T) {
	for _, backend := range []string{"hashmap", "rocksdb"} {
		t.Run(backend, func(t *testing.T) {
			s := changes
			s.config = []string{"-D", "state.backend.type=" + backend}
			s.run(t)
		})
	}
}

// built is where program has built the binary, or "".
var built string

// TestMain removes what was built.
func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(built) // it is in the system's temporary directory
	}
	os.Exit(code)
}

// program is the binary, built once.
var program = sync.OnceValues(func() (string, error) {
	if *binary != "" {
		return *binary, nil
	}
	dir, err := os.MkdirTemp("", "wadi-crash")
	if err != nil {
		return "", err
	}
	built = dir
	bin := filepath.Join(dir, "wadi")
	if out, err := exec.Command("go", "build", "-o", bin, "github.com/wadi-engine/wadi/cmd/wadi").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return bin, nil
})

func (s suite) run(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGKILL")
	}
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	from := *seed
	if from == 0 {
		from = uint64(time.Now().UnixNano())
	}
	rnd := rand.New(rand.NewPCG(from, 0))
	t.Logf("seed %d", from)
	want := s.calm(t, bin)
	for name, d := range want {
		if d.rows == 0 {
			t.Fatalf("undisturbed run: table %s is empty", name)
		}
	}
	fell := map[string]int{}
	for kills, scene := 0, 0; kills < *runs; scene++ {
		dir := t.TempDir()
		beside := s.surround(t, dir, true)
		j := job{t: t, bin: bin, script: s.write(t, dir, true, beside.names), config: s.config, rnd: rnd}
		for range min(killsPerJob, *runs-kills) {
			phase, ended := j.kill(kills)
			if ended {
				break
			}
			fell[phase]++
			kills++
		}
		if beside.rest != nil && scene%2 == 1 {
			beside.rest()
		}
		j.finish()
		beside.end()
		got := s.found(t, dir, beside)
		for name, w := range want {
			if got[name] != w {
				t.Errorf("after %d kills (seed %d): table %s has %d rows with sum %x, want %d with %x", kills, from, name, got[name].rows, got[name].sum, w.rows, w.sum)
			}
		}
		if t.Failed() {
			return
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

// calm is what a run gives that nobody disturbs.
func (s suite) calm(t *testing.T, bin string) map[string]digest {
	t.Helper()
	dir := t.TempDir()
	beside := s.surround(t, dir, false)
	if out, err := exec.Command(bin, append([]string{"run", s.write(t, dir, false, beside.names)}, s.config...)...).CombinedOutput(); err != nil {
		t.Fatalf("undisturbed run: %v\n%s", err, out)
	}
	beside.end()
	return s.found(t, dir, beside)
}

// found is everything that is there in the end, by each reader.
func (s suite) found(t *testing.T, dir string, beside surroundings) map[string]digest {
	t.Helper()
	all := map[string]digest{}
	if s.read != nil {
		all = s.read(t, dir)
	}
	beside.read(t, all)
	if len(s.tables) == 0 {
		return all
	}
	for _, r := range readers() {
		for name, c := range r.read(t, dir, s.tables) {
			all[name+" read by "+r.name] = c.ours
			if w := beside.written[name]; c.others != w {
				t.Errorf("table %s read by %s has %d rows of the %d of other writers", name, r.name, c.others, w)
			}
		}
	}
	return all
}

func (s suite) surround(t *testing.T, dir string, limited bool) surroundings {
	t.Helper()
	if s.around == nil {
		return surroundings{end: func() {}, read: func(*testing.T, map[string]digest) {}}
	}
	beside := s.around(t, s, dir, limited)
	t.Cleanup(beside.end) // when the test has failed
	return beside
}

// job is one job and its directory.
type job struct {
	t      *testing.T
	bin    string
	script string
	config []string
	rnd    *rand.Rand
}

// command goes on with the job.
func (j *job) command(ctx context.Context, more ...string) *exec.Cmd {
	args := append([]string{"run", j.script, "--restore", "latest"}, j.config...)
	return exec.CommandContext(ctx, j.bin, append(args, more...)...)
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
	cmd := j.command(ctx, "-vv")
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
	out, err := j.command(ctx).CombinedOutput()
	if err != nil {
		j.t.Fatalf("the job did not go on: %v\n%s", err, out)
	}
}
