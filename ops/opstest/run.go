package opstest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/cockroachdb/datadriven"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Case is what the package under test builds from the text of an "operator"
// directive.
type Case struct {
	// New builds the operator; it is called once per task.
	New func() (ops.Operator, error)
	// Keys are the input columns by which rows are spread over tasks; nil
	// means that the operator runs as one task.
	Keys []int
	// RightKeys are Keys for the second input of an operator with two.
	RightKeys []int
	// NullFree says that the operator refuses nulls in some column, so runs
	// with nulls in random places are left out.
	NullFree bool
}

// Run runs the files of dir. Build reads the body of an "operator" directive.
func Run(t *testing.T, dir string, build func(body string, in *arrow.Schema) (Case, error)) {
	runFiles(t, dir, func(body string, in inputs) (Case, error) { return build(body, in[0]) })
}

// RunTwo is Run for operators with two inputs. The directive "schema right" gives
// the columns of the second, whose rows begin with the word right:
//
//	right +I 1 x
func RunTwo(t *testing.T, dir string, build func(body string, left, right *arrow.Schema) (Case, error)) {
	runFiles(t, dir, func(body string, in inputs) (Case, error) { return build(body, in[0], in[1]) })
}

// inputs are the schemas of the left and the right input; the second may be nil.
type inputs [2]*arrow.Schema

func runFiles(t *testing.T, dir string, build func(body string, in inputs) (Case, error)) {
	datadriven.Walk(t, dir, func(t *testing.T, path string) {
		var schema inputs
		var c Case
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var err error
			switch d.Cmd {
			case "schema":
				which := 0
				if d.HasArg("right") {
					which = 1
				}
				if schema[which], err = Schema(d.Input); err != nil {
					d.Fatalf(t, "%v", err)
				}
				return ""
			case "operator":
				if c, err = build(d.Input, schema); err == nil {
					var op ops.Operator
					if op, err = c.New(); err == nil {
						err = op.Close()
					}
				}
				if err != nil {
					return "error: " + err.Error()
				}
				return ""
			case "run":
				return runDirective(t, d, c, schema)
			}
			d.Fatalf(t, "no directive %q", d.Cmd)
			return ""
		})
	})
}

// Check runs the lines of a script in all variations, whose answers must be
// equal as sets of rows, and returns what is wrong.
func Check(c Case, schema *arrow.Schema, script string) error {
	in := inputs{schema}
	acts, err := parse(script, in)
	if err != nil {
		return err
	}
	_, err = vary(c, in, acts, sameness{})
	return err
}

// sameness is how answers of different runs of one case are compared.
type sameness struct {
	ordered bool
	net     bool
	key     []int // of net; nil means all columns
}

func runDirective(t *testing.T, d *datadriven.TestData, c Case, schema inputs) string {
	same := sameness{ordered: d.HasArg("ordered"), net: d.HasArg("net")}
	if a, ok := d.Arg("key"); ok {
		for i := range a.Vals {
			var k int
			a.Scan(t, i, &k)
			same.key = append(same.key, k)
		}
	}
	acts, err := parse(d.Input, schema)
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	text, err := vary(c, schema, acts, same)
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	if !c.NullFree {
		for seed := range 3 {
			if _, err := vary(c, schema, withNulls(acts, schema, seed), same); err != nil {
				d.Fatalf(t, "with nulls (%d): %v", seed, err)
			}
		}
	}
	return text
}

// vary runs acts as they are and returns the output's text, and then in all
// variations, whose answers must be equal.
func vary(c Case, schema inputs, acts []action, same sameness) (string, error) {
	want, err := execute(c, schema, acts, 1)
	if errors.Is(err, errLeak) {
		return "", err
	}
	if err != nil {
		if _, again := execute(c, schema, rowByRow(acts), 1); again == nil {
			return "", fmt.Errorf("row by row: no error, but whole: %w", err)
		}
		return "error: " + err.Error() + "\n", nil
	}
	try := func(name string, tasks int, acts []action) error {
		got, err := execute(c, schema, acts, tasks)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if a, b := same.answer(want.rows), same.answer(got.rows); !slices.Equal(a, b) {
			return fmt.Errorf("%s: other answer:\n  %s\nthan whole:\n  %s\noutput:\n%s", name,
				strings.Join(b, "\n  "), strings.Join(a, "\n  "), got.text)
		}
		return nil
	}
	stay := func() int { return 1 }
	err = errors.Join(
		try("row by row", 1, rowByRow(acts)),
		try("marks", 1, marked(acts, 0, rand.New(rand.NewPCG(1, 1)))),
		try("crash after each barrier", 1, everyBarrier(acts, stay)),
		try("row by row, crash after each row", 1, everyBarrier(rowByRow(acts), stay)),
	)
	for seed := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		cut := marked(acts, 0.3, rnd)
		err = errors.Join(err,
			try(fmt.Sprintf("random cuts %d", seed), 1, cut),
			try(fmt.Sprintf("crash within epochs %d", seed), 1, crashes(acts, rnd)),
			try(fmt.Sprintf("random cuts, crash after each, crash within %d", seed), 1, crashes(everyBarrier(cut, stay), rnd)))
		if c.Keys == nil || err != nil {
			continue
		}
		tasks := func() int { return 1 + rnd.IntN(4) }
		err = errors.Join(err,
			try(fmt.Sprintf("four tasks %d", seed), 4, cut),
			try(fmt.Sprintf("rescaled %d", seed), tasks(), crashes(everyBarrier(cut, tasks), rnd)))
	}
	return want.text, err
}

// answer is what must be equal.
func (s sameness) answer(rows []string) []string {
	if s.ordered {
		return rows
	}
	if !s.net {
		return slices.Sorted(slices.Values(rows))
	}
	return slices.Sorted(slices.Values(Net(rows, s.key)))
}

// Net is the table that a changelog describes: its lines applied in order.
// With a key, a row takes the place of the one with its key, and rows may lack
// their UPDATE_BEFORE; without, rows are counted.
func Net(lines []string, key []int) []string {
	var net []string
	if key == nil {
		count := map[string]int{}
		for _, l := range lines {
			kind, rest, _ := strings.Cut(l, " ")
			if kinds[kind].Retracts() {
				count[rest]--
			} else {
				count[rest]++
			}
		}
		for rest, n := range count {
			if n != 0 {
				net = append(net, fmt.Sprintf("%d × %s", n, rest))
			}
		}
		return net
	}
	rows := map[string]string{}
	for _, l := range lines {
		words := splitOutside(l, ' ')
		var k []string
		for _, c := range key {
			k = append(k, words[1+c])
		}
		at := strings.Join(k, " ")
		if kinds[words[0]] == stream.UpdateBefore {
			continue
		}
		if kinds[words[0]] == stream.Delete {
			delete(rows, at)
			continue
		}
		rows[at] = strings.Join(words[1:], " ")
	}
	return slices.Collect(maps.Values(rows))
}

// outcome is what the tasks of a run emitted.
type outcome struct {
	text string
	rows []string // without the lines of watermarks and barriers
}

// run is the execution of a list of actions.
type run struct {
	c      Case
	schema inputs
	alloc  memory.Allocator

	tasks []*Task
	epoch stream.Epoch
	wm    stream.Timestamp
	now   stream.Timestamp // processing time, or 0 before the first tick
	rows  []string
	text  []string

	// As of the last barrier.
	sealed               []snapshot
	sealedWM, sealedNow  stream.Timestamp
	sealedRows, sealedTx int
}

var errLeak = errors.New("memory is not released")

func execute(c Case, schema inputs, acts []action, tasks int) (out outcome, err error) {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	r := &run{c: c, schema: schema, alloc: alloc, wm: stream.Start, sealedWM: stream.Start}
	ctx := context.Background()
	defer func() {
		err = errors.Join(err, r.close())
		if n := alloc.CurrentAlloc(); n != 0 && err == nil {
			err = fmt.Errorf("%w: %d bytes", errLeak, n)
		}
	}()
	r.sealed = make([]snapshot, tasks)
	if err := r.begin(ctx, tasks); err != nil {
		return out, err
	}
	for _, a := range acts {
		if err := r.act(ctx, a); err != nil {
			return out, err
		}
	}
	for _, t := range r.tasks {
		r.text = append(r.text, t.Counters()...)
	}
	return outcome{text: strings.Join(append(r.text, ""), "\n"), rows: r.rows}, nil
}

// begin starts n tasks from what was sealed.
func (r *run) begin(ctx context.Context, n int) error {
	r.tasks = nil
	for i := range n {
		op, err := r.c.New()
		if err != nil {
			return err
		}
		t := newTask(op, r.alloc, i, n)
		t.state = restore(r.sealed, t.info.KeyGroups, i, n)
		t.wm = r.sealedWM
		t.Emitted = r.emitted
		r.tasks = append(r.tasks, t)
		if err := t.open(ctx); err != nil {
			return err
		}
	}
	r.wm, r.now = r.sealedWM, r.sealedNow
	if r.now == 0 {
		return nil
	}
	return r.tick(ctx, r.now) // a source begins with one
}

func (r *run) tick(ctx context.Context, now stream.Timestamp) error {
	r.now = now
	return r.each(func(t *Task) error { return t.Tick(ctx, now) })
}

func (r *run) close() error {
	var err error
	for _, t := range r.tasks {
		err = errors.Join(err, t.Close())
	}
	r.tasks = nil
	return err
}

func (r *run) emitted(p ops.Port, b *stream.Batch) error {
	defer b.Release()
	prefix := map[ops.Port]string{ops.Main: "", ops.Late: "late ", ops.Errors: "error "}[p]
	for _, l := range lines(b) {
		r.rows = append(r.rows, prefix+l)
		r.text = append(r.text, prefix+l)
	}
	return nil
}

func (r *run) act(ctx context.Context, a action) error {
	switch {
	case a.rows != nil:
		if err := r.process(ctx, a); err != nil || a.wm == nil {
			return err
		}
		return r.advance(ctx, *a.wm)
	case a.wm != nil:
		return r.advance(ctx, *a.wm)
	case a.tick != nil:
		return r.tick(ctx, *a.tick)
	case a.barrier:
		return r.barrier(ctx, a.tasks)
	case a.crash:
		n := len(r.tasks)
		if err := r.close(); err != nil {
			return err
		}
		r.rows, r.text = r.rows[:r.sealedRows], r.text[:r.sealedTx]
		return r.begin(ctx, n)
	}
	return nil
}

func (r *run) advance(ctx context.Context, wm stream.Timestamp) error {
	if wm <= r.wm {
		return nil
	}
	r.wm = wm
	defer func() { r.text = append(r.text, "wm "+formatTimestamp(r.wm)) }()
	return r.each(func(t *Task) error { return t.Advance(ctx, wm) })
}

func (r *run) each(f func(t *Task) error) error {
	for _, t := range r.tasks {
		if err := f(t); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) process(ctx context.Context, a action) error {
	b, err := batch(r.alloc, r.schema[a.input], a.rows)
	if err != nil {
		return err
	}
	b.Marks = a.marks
	if len(r.tasks) == 1 {
		return r.tasks[0].Batch(ctx, a.input, b)
	}
	defer b.Release()
	keys := r.c.Keys
	if a.input == 1 {
		keys = r.c.RightKeys
	}
	parts := route(r.alloc, b, keys, len(r.tasks))
	for i, p := range parts {
		if err != nil || p.Len() == 0 && p.Marks == nil {
			p.Release()
			continue
		}
		err = r.tasks[i].Batch(ctx, a.input, p)
	}
	return err
}

func (r *run) barrier(ctx context.Context, tasks int) error {
	r.epoch++
	if err := r.each(func(t *Task) error { return t.Barrier(ctx, r.epoch) }); err != nil {
		return err
	}
	r.text = append(r.text, fmt.Sprintf("barrier %d", r.epoch))
	r.sealed = nil
	for _, t := range r.tasks {
		r.sealed = append(r.sealed, t.sealed())
	}
	r.sealedWM, r.sealedNow, r.sealedRows, r.sealedTx = r.wm, r.now, len(r.rows), len(r.text)
	if tasks == 0 {
		return nil
	}
	if err := r.close(); err != nil {
		return err
	}
	return r.begin(ctx, tasks)
}
