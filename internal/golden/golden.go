package golden

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql/datatype"
)

var rewrite = flag.Bool("rewrite", false, "write into the golden files what a batch answers")

// mode is one way to run a query.
type mode struct {
	name        string
	batch       bool
	cut         func(rows int) []int
	parallelism []int // of the incarnations, in turn
	crash       bool  // after every epoch
	// unaligned lets barriers overtake rows, of which there are some on their way:
	// sinks are slow, and sources give several batches in an epoch.
	unaligned bool
	// gears are those of the job, in turn: it changes to the next behind every epoch.
	gears []string
	// rows is how many a source task reads in an epoch of a brief gear; 0 means all.
	rows int
}

func modes() []mode {
	all := []mode{
		{name: "batch", batch: true, cut: whole},
		{name: "batch of rows at 4", batch: true, cut: single, parallelism: []int{4}},
		{name: "stream", cut: whole},
		{name: "row by row", cut: single},
		{name: "at 4", cut: single, parallelism: []int{4}},
		{name: "crash", cut: random(11), crash: true},
		{name: "rescaled", cut: random(12), crash: true, parallelism: []int{1, 4, 2}},
		{name: "unaligned", cut: random(13), crash: true, unaligned: true, parallelism: []int{1}},
		{name: "unaligned at 3", cut: random(14), crash: true, unaligned: true, parallelism: []int{3}},
		{name: "unaligned, rescaled", cut: random(15), crash: true, unaligned: true, parallelism: []int{3, 1, 4, 2}},
		{name: "changing gear at 2", cut: random(16), parallelism: []int{2}, rows: 1, gears: []string{"pipelined", "staged", "pipelined", "functions"}},
		{name: "batch as functions", batch: true, cut: random(17), parallelism: []int{3}, gears: []string{"functions"}},
		{name: "functions", cut: random(18), parallelism: []int{2}, rows: 2, gears: []string{"functions"}},
	}
	if testing.Short() { // while working: the ways that find most
		return []mode{all[0], all[4], all[6], all[10], all[11]}
	}
	for seed := range uint64(3) {
		all = append(all, mode{name: fmt.Sprintf("cut at random %d", seed), cut: random(seed)})
	}
	return all
}

// whole, single and random cut a table into batches.
func whole(rows int) []int { return []int{rows} }

func single(rows int) []int {
	ends := make([]int, rows)
	for i := range ends {
		ends[i] = i + 1
	}
	return ends
}

func random(seed uint64) func(int) []int {
	return func(rows int) []int {
		r := rand.New(rand.NewPCG(seed, uint64(rows)))
		var ends []int
		for at := 0; at < rows; {
			at = min(at+1+r.IntN(4), rows)
			ends = append(ends, at)
		}
		return ends
	}
}

// Run runs every file of a directory. With -rewrite, the files then say what a
// batch answers, and nothing is compared.
func Run(t *testing.T, dir string) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files in %s (%v)", dir, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			t.Parallel()
			f, err := readFile(path)
			if err != nil {
				t.Fatal(err)
			}
			r := newRunner(t, f)
			defer func() { t.Logf("%d jobs, %d crashes, %d changes of gear", r.jobs, r.crashes, r.shifts) }()
			for _, b := range f.blocks {
				switch b.kind {
				case queryBlock:
					t.Run(fmt.Sprintf("line %d", b.line), func(t *testing.T) { r.query(t, b) })
				case errorBlock:
					t.Run(fmt.Sprintf("line %d", b.line), func(t *testing.T) { r.error(t, b) })
				case commentBlock, tableBlock, statementBlock:
				}
			}
			if *rewrite {
				if err := f.write(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// runner runs the cases of one file, one job at a time.
type runner struct {
	world   *world
	env     *wadi.Env
	jobs    int
	crashes int
	shifts  int
}

func newRunner(t *testing.T, f *file) *runner {
	r := &runner{world: newWorld()}
	o := withFunctions(wadi.Options{Connectors: []*ops.Connector{r.world.connector()}, Stores: map[string]objstore.Opener{"golden": shared(objstore.NewMemory())}})
	o.Invokers = calls(wadi.StageHandler(o))
	o.Config = map[string]string{
		"pipeline.auto-watermark-interval": "0 ms", "execution.checkpointing.dir": "golden://checkpoints", "execution.functions.target": "golden:",
		"execution.checkpointing.interval": "1 ms", "restart-strategy.type": "none",
	}
	env, err := wadi.Local(o)
	if err != nil {
		t.Fatal(err)
	}
	r.env = env
	t.Cleanup(func() {
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, b := range f.blocks {
		script := b.text
		switch b.kind {
		case tableBlock:
			r.world.tables[b.table.name] = b.table
			script = b.ddl
		case statementBlock:
		case commentBlock, queryBlock, errorBlock:
			continue
		}
		if err := env.Execute(t.Context(), script, func(wadi.Outcome) error { return nil }); err != nil {
			t.Fatalf("%s:%d: %v", f.path, b.line, err)
		}
	}
	return r
}

// query runs a case in every mode that it allows.
func (r *runner) query(t *testing.T, b *block) {
	for _, m := range modes() {
		if !b.flags.allow(m) {
			continue
		}
		got, err := r.answer(t.Context(), b, m)
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		if *rewrite {
			b.rows = got
			return
		}
		want := slices.Clone(b.rows)
		if !b.flags.ordered {
			slices.Sort(want)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\ngot\n  %s\nwant\n  %s", m.name, b.text, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	}
}

// error runs a case that must fail, as a batch and as a stream.
func (r *runner) error(t *testing.T, b *block) {
	for _, m := range modes()[:3] {
		if !b.flags.allow(m) {
			continue
		}
		_, err := r.answer(t.Context(), b, m)
		want := strings.Join(b.rows, "\n")
		switch {
		case err == nil:
			t.Errorf("%s: no error\n%s", m.name, b.text)
		case strings.Contains(err.Error(), want) && want != "":
		case *rewrite:
			b.rows = strings.Split(strings.TrimRight(err.Error(), "\n"), "\n")
		default:
			t.Errorf("%s:\n%s\ngot error\n%v\nwant\n%s", m.name, b.text, err, want)
		}
	}
}

// answer runs a case in one mode and gives the rows of its sink.
func (r *runner) answer(ctx context.Context, b *block, m mode) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r.jobs++
	out := fmt.Sprintf("out_%d", r.jobs)
	r.world.cut = m.cut
	if m.parallelism == nil {
		m.parallelism = []int{1}
	}
	if err := r.configure(m, m.parallelism[0]); err != nil {
		return nil, err
	}
	if err := r.declare(ctx, out, b.text); err != nil {
		return nil, err
	}
	if err := r.finish(ctx, out, b.text, m); err != nil {
		return nil, err
	}
	if b.flags.ordered {
		return r.world.inOrder(out), nil
	}
	rows, err := r.world.table(out, slices.Max(m.parallelism) == 1)
	return lines(rows), err
}

func (r *runner) configure(m mode, parallelism int) error {
	r.world.slow(m.unaligned)
	if err := r.env.Set("execution.checkpointing.unaligned.enabled", fmt.Sprint(m.unaligned)); err != nil {
		return err
	}
	runtime := "STREAMING"
	if m.batch {
		runtime = "BATCH"
	}
	gear := "pipelined"
	if len(m.gears) > 0 {
		gear = m.gears[0]
	}
	if err := errors.Join(r.env.Set("execution.gear", gear), r.env.Set("wadi.staged.rows-per-epoch", fmt.Sprint(m.rows))); err != nil {
		return err
	}
	return errors.Join(r.env.Set("execution.runtime-mode", runtime), r.env.Set("parallelism.default", fmt.Sprint(parallelism)))
}

// declare makes the table that a query is written to, with columns c0, c1, ….
func (r *runner) declare(ctx context.Context, out, query string) error {
	var cols []string
	err := r.env.Execute(ctx, query, func(o wadi.Outcome) error {
		if o.Query == nil {
			return errors.New("a case is one query")
		}
		for i, f := range o.Query.Schema.Fields() {
			dt, ok := datatype.FromField(f)
			if !ok {
				return fmt.Errorf("column %s has type %v, which no table has", f.Name, f.Type)
			}
			cols = append(cols, fmt.Sprintf("c%d %s", i, dt))
		}
		return nil
	})
	if err != nil {
		return err
	}
	ddl := fmt.Sprintf("CREATE TEMPORARY TABLE %s (%s) WITH ('connector' = 'golden', 'table' = '%s')", out, strings.Join(cols, ", "), out)
	return r.env.Execute(ctx, ddl, func(wadi.Outcome) error { return nil })
}

// errCrash is the end of an incarnation.
var errCrash = errors.New("crash")

// mostIncarnations bounds how often a case may crash: far more often than it
// has rows.
const mostIncarnations = 200

// finish runs the query's job until it has finished, through all its crashes.
// On a busy machine epochs may pass without a row: an incarnation that began
// where the one before it did may see one more epoch, so that the job gets on.
func (r *runner) finish(ctx context.Context, out, query string, m mode) error {
	r.world.pace(m.crash || len(m.gears) > 1)
	r.world.begin()
	epochs, began := 1, 0
	for i := range mostIncarnations {
		if err := r.configure(m, m.parallelism[i%len(m.parallelism)]); err != nil {
			return err
		}
		done, err := r.incarnation(ctx, out, query, m, epochs)
		if done || err != nil {
			return err
		}
		if at := r.world.begin(); at > began {
			epochs, began = 1, at
		} else {
			epochs++
		}
	}
	return fmt.Errorf("not finished after %d crashes", mostIncarnations)
}

// incarnation runs the job until it ends or crashes, after so many epochs.
func (r *runner) incarnation(ctx context.Context, out, query string, m mode, epochs int) (done bool, err error) {
	alive, crash := context.WithCancelCause(ctx)
	defer crash(nil)
	var shift shifter
	switch {
	case m.crash:
		r.world.after(func() {
			if epochs--; epochs <= 0 {
				crash(errCrash)
			}
		})
	case len(m.gears) > 1:
		shift.gears = m.gears
		r.world.after(func() { shift.next(alive) })
		defer func() { r.shifts += shift.changes() }()
	default:
		r.world.after(nil)
	}
	var res wadi.Result
	err = r.env.Execute(ctx, "INSERT INTO "+out+" "+query, func(o wadi.Outcome) error {
		run, err := o.Pipeline.Named(out).Start(alive, wadi.RestoreLatest)
		if err == nil {
			shift.of(run)
			res, err = run.Wait()
		}
		return err
	})
	switch {
	case res.State == coordinator.Finished:
		return true, nil
	case errors.Is(context.Cause(alive), errCrash):
		r.crashes++
		return false, nil
	case err == nil:
		err = fmt.Errorf("the job is %v: %w", res.State, context.Cause(alive))
	}
	return false, err
}
