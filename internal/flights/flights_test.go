package flights

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi"
)

var program = flag.String("wadi", "", "the binary that runs the stages; it is built when not given")

const root = "../.."

// digest is what testdata/flights/README.md describes.
type digest struct {
	Rows    int64  `json:"rows"`
	Flights int64  `json:"flights"`
	Delay   int64  `json:"delay"`
	Longest int64  `json:"longest"`
	Miles   int64  `json:"miles"`
	Hash    string `json:"hash"`
	hash    uint64
}

func (d *digest) add(day time.Time, origin string, flights, delay, longest, miles int64) {
	d.Rows++
	d.Flights += flights
	d.Delay += delay
	d.Longest += longest
	d.Miles += miles
	sum := md5.Sum(fmt.Appendf(nil, "%d\t%s\t%d\t%d\t%d\t%d", day.UnixMilli(), origin, flights, delay, longest, miles))
	d.hash += binary.LittleEndian.Uint64(sum[8:])
	d.Hash = fmt.Sprintf("%016x", d.hash)
}

// addRecord adds rows with the columns day, origin, flights, delay, longest
// and miles.
func (d *digest) addRecord(rec arrow.RecordBatch) {
	at := rec.Schema().Field(0).Type.(*arrow.TimestampType)
	days, origins := rec.Column(0).(*array.Timestamp), rec.Column(1).(*array.String)
	var numbers [4]*array.Int64
	for i := range numbers {
		numbers[i] = rec.Column(2 + i).(*array.Int64)
	}
	for i := range int(rec.NumRows()) {
		d.add(days.Value(i).ToTime(at.Unit), origins.Value(i), numbers[0].Value(i), numbers[1].Value(i), numbers[2].Value(i), numbers[3].Value(i))
	}
}

// inputs are the files that are there, with their digests.
func inputs(t *testing.T) map[string]digest {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "testdata/flights/digests.json"))
	if err != nil {
		t.Fatal(err)
	}
	var known map[string]digest
	if err := json.Unmarshal(data, &known); err != nil {
		t.Fatal(err)
	}
	small, err := filepath.Abs(filepath.Join(root, "testdata/flights/flights.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]digest{small: known["flights.parquet"]}
	large := os.Getenv("FLIGHTS")
	if large == "" {
		large = filepath.Join(root, "../shared/data/flights-3m.parquet")
	}
	if large, err = filepath.Abs(large); err != nil {
		t.Fatal(err)
	}
	want, ok := known[filepath.Base(large)]
	if _, err := os.Stat(large); err != nil || !ok || testing.Short() {
		t.Logf("without the uncut file: FLIGHTS=%s", large)
	} else {
		found[large] = want
	}
	return found
}

// settings are the ways to run a job.
type settings struct {
	parallelism int
	config      map[string]string
}

func (s settings) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "p%d", s.parallelism)
	for _, k := range []string{"execution.runtime-mode", "execution.gear", "wadi.staged.rows-per-epoch"} {
		if v := s.config[k]; v != "" {
			b.WriteString("-" + strings.ToLower(v))
		}
	}
	return b.String()
}

// ways are all of them; streams are also cut into three epochs or more.
func ways(flights int64) (all []settings) {
	for _, p := range []int{1, 4} {
		for _, mode := range []string{"batch", "streaming"} {
			all = append(all,
				settings{p, map[string]string{"execution.runtime-mode": mode, "execution.gear": "pipelined"}},
				settings{p, map[string]string{"execution.runtime-mode": mode, "execution.gear": "staged"}})
		}
		all = append(all, settings{p, map[string]string{
			"execution.runtime-mode": "streaming", "execution.gear": "staged", "wadi.staged.rows-per-epoch": strconv.FormatInt(flights/int64(3*p), 10),
		}})
	}
	return all
}

// query is the SELECT of testdata/examples/flights.sql.
func query(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "testdata/examples/flights.sql"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// bySQL runs the example.
func bySQL(ctx context.Context, env *wadi.Env, script string) (d digest, err error) {
	err = env.Execute(ctx, script, func(o wadi.Outcome) error {
		if o.Query == nil {
			return nil
		}
		for rec, err := range o.Query.All(ctx) {
			if err != nil {
				return err
			}
			d.addRecord(rec)
		}
		return nil
	})
	return d, err
}

// byFrame runs the same query, written in Go.
func byFrame(ctx context.Context, env *wadi.Env, file string) (d digest, err error) {
	days := env.ReadParquet(file).
		Watermark("date", 24*time.Hour).
		GroupBy(wadi.Tumble("date", 24*time.Hour), wadi.Col("origin")).
		Agg(wadi.Count().As("flights"), wadi.Sum("delay").As("delay"), wadi.Max("delay").As("longest"), wadi.Sum("distance").As("miles")).
		Select(wadi.Col("window_start").As("day"), wadi.Col("origin"), wadi.Col("flights"), wadi.Col("delay"), wadi.Col("longest"), wadi.Col("miles"))
	for rec, err := range days.All(ctx) {
		if err != nil {
			return d, err
		}
		d.addRecord(rec)
	}
	return d, nil
}

// TestInProcess: every mode, gear and parallelism, by SQL and by the Go API.
func TestInProcess(t *testing.T) {
	script := query(t)
	for file, want := range inputs(t) {
		t.Setenv("FLIGHTS", file) // the script reads it
		for _, s := range ways(want.Flights) {
			t.Run(filepath.Base(file)+"/"+s.String(), func(t *testing.T) {
				env, err := wadi.Local(wadi.Options{Parallelism: s.parallelism, Config: s.config})
				if err != nil {
					t.Fatal(err)
				}
				defer env.Close()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				got, err := bySQL(ctx, env, script)
				compare(t, "SQL", got, want, err)
				got, err = byFrame(ctx, env, file)
				compare(t, "Go", got, want, err)
			})
		}
	}
}

func compare(t *testing.T, how string, got, want digest, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", how, err)
	}
	if got.hash = 0; got != want {
		t.Errorf("%s: %+v, want %+v", how, got, want)
	}
}

// TestProcesses: the staged gear with one operating system's process per stage
// and epoch, as the command line runs it.
func TestProcesses(t *testing.T) {
	bin := *program
	if bin == "" {
		bin = filepath.Join(t.TempDir(), "wadi")
		if out, err := exec.Command("go", "build", "-o", bin, "github.com/wadi-engine/wadi/cmd/wadi").CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, out)
		}
	}
	for file, want := range inputs(t) {
		for _, s := range ways(want.Flights) {
			if s.config["execution.gear"] != "staged" {
				continue
			}
			t.Run(filepath.Base(file)+"/"+s.String(), func(t *testing.T) {
				got, err := byCommand(t, bin, file, s)
				compare(t, "command", got, want, err)
			})
		}
	}
}

func byCommand(t *testing.T, bin, file string, s settings) (d digest, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	args := []string{"sql", "-vv", "-f", "testdata/examples/flights.sql", "--format", "csv", "-p", strconv.Itoa(s.parallelism)}
	for k, v := range s.config {
		args = append(args, "-D", k+"="+v)
	}
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "FLIGHTS="+file)
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		return d, fmt.Errorf("%w: %s", err, problem.Bytes())
	}
	// On one task there is one chain, and it ends in the command itself.
	if s.parallelism > 1 && !strings.Contains(problem.String(), "msg=\"stage process\"") {
		t.Errorf("no stage ran in a process of its own:\n%s", problem.Bytes())
	}
	rows, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
	if err != nil {
		return d, err
	}
	for _, row := range rows[1:] {
		day, err := time.Parse("2006-01-02 15:04:05", row[0])
		if err != nil {
			return d, err
		}
		var n [4]int64
		for i := range n {
			if n[i], err = strconv.ParseInt(row[2+i], 10, 64); err != nil {
				return d, err
			}
		}
		d.add(day, row[1], n[0], n[1], n[2], n[3])
	}
	return d, nil
}
