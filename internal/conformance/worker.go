package conformance

import (
	"context"
	"encoding/json"
	"io"
	"time"
)

// task is what a worker process is asked to do: the cases of a set that a filter
// picks, from one on.
type task struct {
	dir, set, filter string
	from             int // index among the picked cases
}

// line is what a worker writes: first the number of cases, then for each its
// index when it begins, and its result.
type line struct {
	Cases  int     `json:"cases,omitempty"`
	Begun  *int    `json:"begun,omitempty"`
	Result *Result `json:"result,omitempty"`
	Error  string  `json:"error,omitempty"`
}

// Work runs cases of one set and writes lines of JSON. It is what a worker
// process does.
func Work(ctx context.Context, dir, set, filter string, from int, now func() time.Time, w io.Writer) error {
	return work(ctx, task{dir: dir, set: set, filter: filter, from: from}, now, w)
}

func work(ctx context.Context, j task, now func() time.Time, w io.Writer) error {
	out := json.NewEncoder(w)
	for _, s := range Sets() {
		if s.Name != j.set {
			continue
		}
		cases, err := s.picked(j.dir, j.filter)
		if err != nil {
			return out.Encode(line{Error: err.Error()})
		}
		if err := out.Encode(line{Cases: len(cases)}); err != nil {
			return err
		}
		for i := j.from; i < len(cases); i++ {
			if err := out.Encode(line{Begun: &i}); err != nil {
				return err
			}
			r := s.result(ctx, &cases[i], now)
			if err := out.Encode(line{Result: &r}); err != nil {
				return err
			}
		}
	}
	return nil
}

// picked are the cases of the set whose names have filter in them.
func (s *Set) picked(dir, filter string) ([]Case, error) {
	cases, err := s.Load(dir)
	if err != nil {
		return nil, err
	}
	var out []Case
	for _, c := range cases {
		if selects(filter, c.Name) {
			out = append(out, c)
		}
	}
	return out, nil
}

// result runs one case.
func (s *Set) result(ctx context.Context, c *Case, now func() time.Time) Result {
	r := Result{Case: c.Name, Outcome: Passed}
	if why := skipped(s.Name, c); why != "" {
		r.Outcome, r.Why = Skipped, why
		return r
	}
	timeout := s.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	begun := now()
	if err := c.run(ctx, timeout); err != nil {
		r.Outcome, r.Why, r.SQL = Failed, err.Error(), c.SQL
	}
	r.Millis = now().Sub(begun).Milliseconds()
	return r
}
