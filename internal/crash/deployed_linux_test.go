package crash

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
)

const deployedScript = `
SET 'execution.checkpointing.dir' = 'file://{dir}/checkpoints'; SET 'pipeline.name' = 'crash'; SET 'parallelism.default' = '2';
SET 'execution.functions.target' = 'local:?memory=1gb&timeout=1min'; SET 'execution.functions.fuse' = '{fuse}'; SET 'execution.functions.heartbeat-timeout' = '300 ms';
SET 'restart-strategy.type' = 'fixed-delay'; SET 'restart-strategy.fixed-delay.attempts' = '3'; SET 'restart-strategy.fixed-delay.delay' = '10 ms';
CREATE TABLE arrivals (k STRING, v BIGINT) WITH ('connector'='filesystem','path'='file://{dir}/in','format'='csv','source.monitor-interval'='1 s');
CREATE TABLE copies (k STRING, v BIGINT) WITH ('connector'='filesystem','path'='file://{dir}/copies','format'='csv');
CREATE TABLE firsts (k STRING) WITH ('connector'='filesystem','path'='file://{dir}/firsts','format'='csv');
EXECUTE STATEMENT SET BEGIN
INSERT INTO copies SELECT k, v FROM arrivals;
INSERT INTO firsts SELECT k FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY PROCTIME()) AS n FROM arrivals) WHERE n = 1;
END;
`

// TestCrashDeployed kills the processes of a deployed job: those that run its tasks, by
// AWS Lambda's runtime API, and the one that is their platform.
func TestCrashDeployed(t *testing.T) {
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
	for kills := 0; kills < *runs && !t.Failed(); {
		d := deployment{t: t, bin: bin, dir: filepath.ToSlash(t.TempDir()), rnd: rnd}
		d.begin()
		for range min(2*killsPerJob, *runs-kills) {
			kills++
			d.arrive()
			d.kill()
		}
		d.finish()
	}
}

// deployment is a job whose processes are killed.
type deployment struct {
	t    *testing.T
	bin  string
	dir  string
	rnd  *rand.Rand
	keys map[string]bool
	rows []string
}

func (d *deployment) command(words ...string) *exec.Cmd {
	return exec.Command(d.bin, append(words, "-D", "execution.checkpointing.dir=file://"+d.dir+"/checkpoints")...)
}

func (d *deployment) begin() {
	d.t.Helper()
	d.keys = map[string]bool{}
	script := filepath.Join(d.dir, "job.sql")
	text := strings.NewReplacer("{dir}", d.dir, "{fuse}", []string{"off", "auto"}[d.rnd.IntN(2)]).Replace(deployedScript)
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	if err := os.Mkdir(d.dir+"/in", 0o700); err != nil {
		d.t.Fatal(err)
	}
	if out, err := d.command("deploy", script).CombinedOutput(); err != nil {
		d.t.Fatalf("deploy: %v\n%s", err, out)
	}
}

// arrive brings a file.
func (d *deployment) arrive() {
	d.t.Helper()
	var text strings.Builder
	for range 2_000 {
		k := "k" + strconv.Itoa(d.rnd.IntN(500))
		row := k + "," + strconv.Itoa(len(d.rows))
		d.keys[k], d.rows = true, append(d.rows, row)
		text.WriteString(row + "\n")
	}
	name := fmt.Sprintf("%s/in/%d.csv", d.dir, len(d.rows))
	if err := os.WriteFile(d.dir+"/arriving", []byte(text.String()), 0o600); err != nil {
		d.t.Fatal(err)
	}
	if err := os.Rename(d.dir+"/arriving", name); err != nil {
		d.t.Fatal(err)
	}
}

// kill triggers the job, and ends one of the processes that run it, or all.
func (d *deployment) kill() {
	d.t.Helper()
	c := d.command("trigger", "crash")
	if err := c.Start(); err != nil {
		d.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = c.Wait() // it was killed, or tells of others that were
		close(ended)
	}()
	for range 3 {
		select {
		case <-ended:
			return
		case <-time.After(time.Duration(d.rnd.IntN(250)) * time.Millisecond):
		}
		if tasks := children(c.Process.Pid); len(tasks) > 0 && d.rnd.IntN(3) > 0 {
			_ = syscall.Kill(tasks[d.rnd.IntN(len(tasks))], syscall.SIGKILL) // it may have ended
			continue
		}
		_ = c.Process.Kill() // it may have ended
	}
	<-ended
}

// children are the processes that a process has started.
func children(of int) (all []int) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	for _, name := range stats {
		data, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(of) && fields[0] != "Z" {
			pid, err := strconv.Atoi(strings.Split(name, "/")[2])
			if err == nil {
				all = append(all, pid)
			}
		}
	}
	return all
}

// finish lets the job come to rest, and looks at what it has written.
func (d *deployment) finish() {
	d.t.Helper()
	var last string
	for range 60 {
		out, err := d.command("trigger", "crash", "--json").Output()
		last = fmt.Sprintf("%s %v", out, err)
		var all []wadi.Triggered
		if err == nil && json.Unmarshal(out, &all) == nil && len(all) == 1 && all[0].State == wadi.TriggerIdle {
			last = ""
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if last != "" {
		d.t.Fatalf("the job does not come to rest: %s", last)
	}
	slices.Sort(d.rows)
	if got := d.written("copies"); !slices.Equal(got, d.rows) {
		d.t.Errorf("%d rows are copied, want %d", len(got), len(d.rows))
	}
	firsts := d.written("firsts")
	if len(slices.Compact(slices.Clone(firsts))) != len(firsts) || len(firsts) != len(d.keys) {
		d.t.Errorf("%d first rows, %d of them different, want %d", len(firsts), len(slices.Compact(firsts)), len(d.keys))
	}
}

func (d *deployment) written(table string) (rows []string) {
	d.t.Helper()
	files, err := filepath.Glob(d.dir + "/" + table + "/[^._]*")
	if err != nil {
		d.t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			d.t.Fatal(err)
		}
		rows = append(rows, strings.Fields(string(data))...)
	}
	slices.Sort(rows)
	return rows
}
