package wadi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/internal/objstore"
)

// Verdict is what a Check has found.
type Verdict string

// The verdicts. A Problem keeps jobs from running; a Warning may one day.
const (
	Fine    Verdict = "ok"
	Warning Verdict = "warning"
	Problem Verdict = "problem"
)

// Check is one look at what jobs need.
type Check struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	Text    string  `json:"text"`
	Advice  string  `json:"advice,omitempty"` // what to do, unless it is fine
}

// Diagnose looks at what a process with this configuration needs: the storage, the
// clock, ports, disk and memory. It leaves nothing behind.
func (e *Env) Diagnose(ctx context.Context) []Check {
	var all []Check
	for _, key := range []string{keyCheckpointDir, keySavepointDir, keyHADir} {
		if dir := e.Config(key); dir != "" {
			all = append(all, e.checkStorage(ctx, key, dir)...)
		}
	}
	if e.Config(keyCheckpointDir) == "" && e.Config(keyHADir) == "" {
		all = append(all, Check{"storage", Warning, "jobs take no checkpoints", "set '" + keyCheckpointDir + "' to a directory or a URL, such as s3://bucket/checkpoints, and '" + keyCheckpointInterval + "'"})
	}
	all = append(all,
		checkPort("REST API", net.JoinHostPort(e.first("127.0.0.1", keyRestAddress), e.first("8081", keyRestBindPort, keyRestPort)), keyRestPort),
		checkPort("port for workers", net.JoinHostPort(e.first("127.0.0.1", keyRPCBindHost), e.first("", keyRPCBindPort, keyRPCPort)), keyRPCPort),
		checkPort("port for rows", net.JoinHostPort(e.first("127.0.0.1", keyWorkerBindHost), e.first("0", keyDataBindPort, keyDataPort)), keyDataPort),
	)
	dirs := directories(e.Config(keyTmpDirs))
	if len(dirs) == 0 {
		dirs = []string{os.TempDir()}
	}
	for _, d := range dirs {
		all = append(all, checkDisk(d))
	}
	return append(all, e.checkMemory())
}

// checkStorage writes an object, writes it again, reads it, finds it and removes it.
func (e *Env) checkStorage(ctx context.Context, key, dir string) []Check {
	name := "storage " + objstore.Redact(dir)
	failed := func(err error) []Check {
		return []Check{{name, Problem, err.Error(), "'" + key + "' must be a directory or URL that this process may read, write, list and delete in, and every other of the cluster too"}}
	}
	b, err := e.stores.Open(ctx, dir, nil)
	if err != nil {
		return failed(err)
	}
	clock := engine.WallClock{}
	file, begun := ".doctor-"+newID(), clock.Now()
	info, err := roundTrip(ctx, b, file)
	took := clock.Now().Sub(begun)
	if removing := b.Delete(ctx, file); err == nil {
		err = removing
	}
	if err != nil {
		return failed(err)
	}
	c := Check{Name: name, Verdict: Fine, Text: fmt.Sprintf("one writer wins; written, read, listed and deleted in %v", took.Round(time.Millisecond))}
	if took > 5*time.Second {
		c.Verdict, c.Advice = Warning, "each checkpoint waits for several of these: use a store that is nearer"
	}
	return []Check{c, checkClock(name, info.ModTime, begun, begun.Add(took))}
}

// roundTrip does with an object what checkpoints need.
func roundTrip(ctx context.Context, b *objstore.Bucket, file string) (objstore.Info, error) {
	content := []byte("wadi doctor")
	if won, err := b.PutIfAbsent(ctx, file, content); err != nil || !won {
		return objstore.Info{}, errors.Join(err, lost(won, "the first writer of an object did not win"))
	}
	if won, err := b.PutIfAbsent(ctx, file, []byte("another")); err != nil || won {
		return objstore.Info{}, errors.Join(err, lost(!won, "a second writer of an object won too: the store has no conditional writes, and two coordinators could run one job"))
	}
	data, err := b.Get(ctx, file)
	if err != nil || !bytes.Equal(data, content) {
		return objstore.Info{}, errors.Join(err, lost(err != nil, "an object has other content than was written"))
	}
	names, err := b.List(ctx, file)
	if err != nil || len(names) != 1 {
		return objstore.Info{}, errors.Join(err, lost(err != nil, "an object is not listed after it was written"))
	}
	return b.Stat(ctx, file)
}

func lost(fine bool, text string) error {
	if fine {
		return nil
	}
	return errors.New(text)
}

// checkClock compares the clock of this machine with the store's, which has dated an
// object between two moments.
func checkClock(name string, dated, from, to time.Time) Check {
	c := Check{Name: "clock and " + name, Verdict: Fine}
	if dated.IsZero() {
		c.Text = "the store does not date objects"
		return c
	}
	skew := time.Duration(0)
	switch {
	case dated.Before(from.Add(-time.Second)): // dates may be whole seconds
		skew = dated.Sub(from)
	case dated.After(to):
		skew = dated.Sub(to)
	}
	c.Text = fmt.Sprintf("the store's clock is %v from this machine's", skew.Round(100*time.Millisecond))
	if math.Abs(skew.Seconds()) > 30 {
		c.Verdict, c.Advice = Warning, "let both follow a time server: nothing goes wrong with rows, but stores refuse requests that are signed minutes off, and ages and schedules are wrong"
	}
	return c
}

// checkPort listens for a moment.
func checkPort(name, address, key string) Check {
	l, err := (&net.ListenConfig{}).Listen(noContext(), "tcp", address)
	if err == nil {
		_ = l.Close() // nobody has connected
		if host, free := strings.CutSuffix(address, ":0"); free {
			address = "a port of " + host
		}
		return Check{name, Fine, address + " is free", ""}
	}
	conn, dialing := net.DialTimeout("tcp", address, time.Second)
	if dialing != nil {
		return Check{name, Problem, err.Error(), "name an address of this machine and a port that this user may listen on: '" + key + "'"}
	}
	_ = conn.Close() // nothing was said
	return Check{name, Warning, address + " is in use", "if that is no process of this cluster, set '" + key + "' to another"}
}

// checkDisk looks at the room for what leaves memory.
func checkDisk(dir string) Check {
	c := Check{Name: "disk " + dir, Verdict: Fine}
	f, err := os.CreateTemp(dir, "wadi-doctor-")
	if err != nil {
		c.Verdict, c.Text, c.Advice = Problem, err.Error(), "state that leaves memory and files that are being written go there: set '"+keyTmpDirs+"' to a directory that can be written"
		return c
	}
	_ = f.Close() // it is empty
	if err := os.Remove(f.Name()); err != nil {
		c.Verdict, c.Text = Warning, err.Error()
		return c
	}
	free, ok := diskFree(dir)
	if !ok {
		c.Text = "it can be written"
		return c
	}
	c.Text = sizeText(free) + " are free"
	if free < 1<<30 {
		c.Verdict, c.Advice = Warning, "make room, or set '"+keyTmpDirs+"' to a larger disk and '"+keyTmpSize+"' to what may be taken of it"
	}
	return c
}

// sizeText is a size for people.
func sizeText(n int64) string {
	if n < 1<<30 {
		return fmt.Sprintf("%d MB", n>>20)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
}

// checkMemory compares what the process may take with what there is.
func (e *Env) checkMemory() Check {
	c := Check{Name: "memory", Verdict: Fine}
	k := &keyReader{get: e.Config}
	want := k.size(keyProcessSize)
	have, of := memoryThere()
	switch {
	case k.err != nil:
		return Check{"memory", Problem, k.err.Error(), "write sizes as 2g or 512m"}
	case have == 0:
		c.Text = "how much there is cannot be told here"
	case want > have:
		return Check{
			"memory", Problem, fmt.Sprintf("'%s' = '%s', but %s has %s", keyProcessSize, e.Config(keyProcessSize), of, sizeText(have)),
			"a process that takes more than there is, is killed: set it to less",
		}
	case want == 0:
		c.Text = fmt.Sprintf("%s has %s, and the process has no limit", of, sizeText(have))
		c.Verdict, c.Advice = Warning, fmt.Sprintf("with '%s' = '%dm' large state goes to disk before the system kills the process", keyProcessSize, have/5*4>>20)
	default:
		c.Text = fmt.Sprintf("'%s' = '%s' of %s that %s has", keyProcessSize, e.Config(keyProcessSize), sizeText(have), of)
	}
	return c
}

// memoryThere is how much memory this process can have, and of whom.
func memoryThere() (int64, string) {
	if text, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
			return n, "the container"
		}
	}
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, ""
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err == nil {
				return n << 10, "the machine"
			}
		}
	}
	return 0, ""
}
