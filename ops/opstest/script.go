package opstest

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/stream"
)

// action is one thing that happens to the operator's tasks: exactly one of
// rows, wm, tick, barrier, crash; rows with marks have the last one as wm too,
// since nothing may come between a batch and the watermark that it carries.
type action struct {
	input int // of the rows
	rows  []row
	marks []stream.Mark

	wm   *stream.Timestamp
	tick *stream.Timestamp

	barrier bool
	// tasks is the parallelism behind the barrier, when all tasks end at it and
	// new ones begin; 0 means that they live on.
	tasks int

	crash bool // all tasks die, and begin again behind the last barrier
}

// parse reads the lines of a run.
func parse(text string, schema inputs) ([]action, error) {
	var acts []action
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "", "#":
		case "barrier":
			acts = append(acts, action{barrier: true})
		case "wm", "tick":
			at, err := parseTimestamp(rest)
			if err != nil {
				return nil, err
			}
			if word == "wm" {
				acts = append(acts, action{wm: &at})
			} else {
				acts = append(acts, action{tick: &at})
			}
		default:
			input := 0
			if right, ok := strings.CutPrefix(line, "right "); ok {
				input, line = 1, right
			}
			r, err := parseRow(line, schema[input])
			if err != nil {
				return nil, err
			}
			if k := len(acts); k > 0 && acts[k-1].rows != nil && acts[k-1].input == input {
				acts[k-1].rows = append(acts[k-1].rows, r)
				continue
			}
			acts = append(acts, action{input: input, rows: []row{r}})
		}
	}
	return acts, nil
}

func parseTimestamp(s string) (stream.Timestamp, error) {
	if s == "end" {
		return stream.End, nil
	}
	t, err := parseTime(s)
	return stream.Timestamp(t.UnixMilli()), err
}

func formatTimestamp(t stream.Timestamp) string {
	if t == stream.End {
		return "end"
	}
	return formatTime(time.UnixMilli(int64(t)))
}

// rowByRow gives each row a batch of its own.
func rowByRow(acts []action) []action {
	var out []action
	for _, a := range acts {
		if a.rows == nil {
			out = append(out, a)
			continue
		}
		for _, r := range a.rows {
			out = append(out, action{input: a.input, rows: []row{r}})
		}
	}
	return out
}

// marked joins rows and watermarks up to the next other action into batches
// with marks, cut at random with probability cut per row.
func marked(acts []action, cut float64, rnd *rand.Rand) []action {
	var out []action
	var cur action
	var wm *stream.Timestamp
	flush := func() {
		if cur.wm = wm; cur.rows != nil {
			out = append(out, cur)
		}
		cur, wm = action{input: cur.input}, nil
	}
	for _, a := range acts {
		switch {
		case a.rows != nil:
			if a.input != cur.input {
				flush()
				cur.input = a.input
			}
			for _, r := range a.rows {
				cur.rows = append(cur.rows, r)
				if rnd.Float64() < cut {
					flush()
				}
			}
		case a.wm != nil && *a.wm != stream.End && cur.rows != nil:
			cur.marks = addMark(cur.marks, stream.Mark{Row: int32(len(cur.rows)), Time: *a.wm})
			wm = a.wm
		default:
			flush()
			out = append(out, a)
		}
	}
	flush()
	return out
}

func addMark(marks []stream.Mark, m stream.Mark) []stream.Mark {
	if k := len(marks); k > 0 && (marks[k-1].Row == m.Row || marks[k-1].Time >= m.Time) {
		marks[k-1].Time = max(marks[k-1].Time, m.Time)
		return marks
	}
	return append(marks, m)
}

// everyBarrier puts a barrier behind each action, and ends the tasks there;
// tasks gives the parallelism of the next ones.
func everyBarrier(acts []action, tasks func() int) []action {
	var out []action
	for _, a := range acts {
		if a.barrier {
			continue
		}
		out = append(out, a, action{barrier: true, tasks: tasks()})
	}
	return out
}

// crashes lets each epoch first run for a random part of its actions, and then
// again in full.
func crashes(acts []action, rnd *rand.Rand) []action {
	var out []action
	from := 0
	for i, a := range acts {
		if !a.barrier && i < len(acts)-1 {
			continue
		}
		epoch := acts[from : i+1]
		from = i + 1
		lost := epoch[:rnd.IntN(len(epoch))]
		out = append(out, lost...)
		out = append(out, action{crash: true})
		out = append(out, epoch...)
	}
	return out
}

// withNulls replaces some values of nullable columns by NULL. Rows with equal
// values stay equal, so that a retraction still meets what it retracts.
func withNulls(acts []action, in inputs, seed int) []action {
	out := make([]action, len(acts))
	for i, a := range acts {
		out[i] = a
		if a.rows == nil {
			continue
		}
		schema := in[a.input]
		out[i].rows = make([]row, len(a.rows))
		for j, r := range a.rows {
			n := row{kind: r.kind, values: make([]string, len(r.values))}
			for c, v := range r.values {
				h := fnv.New32a()
				_, _ = fmt.Fprintf(h, "%d %d %q", seed, c, r.values)
				if n.values[c] = v; h.Sum32()%4 == 0 && schema.Field(c).Nullable {
					n.values[c] = null
				}
			}
			out[i].rows[j] = n
		}
	}
	return out
}
