package match

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector"
)

// trials are the current rows of some partitions, each tried for every partial
// match of its partition and as the first row of a new one.
type trials struct {
	m    *Match
	list []trial
	// results are the conditions by trial and variable.
	results []result
}

// trial is one row for one partial match, or for none.
type trial struct {
	part *part
	row  uint32 // of the batch
	of   int    // the partial match, or -1
}

type result uint8

const (
	unknown result = iota
	asked
	holds
	fails
)

// trials lists what is to be tried. Partial matches that are too old are given
// up before.
func (m *Match) trials(active []uint32) (*trials, error) {
	t := &trials{m: m}
	for _, g := range active {
		p := &m.parts[g]
		row := p.ahead[0]
		if m.c.WithinMillis > 0 {
			m.expire(p, m.times[row])
			if err := m.release(p); err != nil {
				return nil, err
			}
		}
		for i := range p.partial {
			t.list = append(t.list, trial{part: p, row: row, of: i})
		}
		t.list = append(t.list, trial{part: p, row: row, of: -1})
	}
	t.results = make([]result, len(t.list)*len(m.conds))
	for i := range t.list {
		t.reach(i, func(v int) { t.ask(i, v) }, func(int) bool { return true }, func(int) {})
	}
	return t, nil
}

// reach visits what a trial's row can be, by the part of the pattern: want is
// called for each variable whose condition decides, blocked says that the row is
// one of a greedy variable, so that it is none of the next, and take is called
// for the parts that the row may be of.
func (t *trials) reach(i int, want func(v int), free func(v int) bool, take func(part int)) {
	pattern := t.m.c.Pattern
	at, done := -1, true
	if of := t.list[i].of; of >= 0 {
		p := &t.list[i].part.partial[of]
		at = p.at
		done = p.count >= pattern[at].Min
		if pattern[at].Max < 0 || p.count < pattern[at].Max {
			want(pattern[at].Var)
			take(at)
		}
	}
	for j := at + 1; j < len(pattern) && done; j++ {
		if j > 0 && pattern[j-1].greedy() {
			want(pattern[j-1].Var)
			if !free(pattern[j-1].Var) {
				return
			}
		}
		want(pattern[j].Var)
		take(j)
		done = pattern[j].Min == 0
	}
}

func (t *trials) ask(i, v int) {
	if r := &t.results[i*len(t.m.conds)+v]; *r == unknown {
		*r = asked
	}
}

func (t *trials) holds(i, v int) bool { return t.results[i*len(t.m.conds)+v] == holds }

// eval computes the conditions that were asked.
func (t *trials) eval(rec arrow.RecordBatch) error {
	n := len(t.m.conds)
	for v, c := range t.m.conds {
		var at []int
		for i := range t.list {
			r := &t.results[i*n+v]
			switch {
			case *r != asked:
			case c == nil:
				*r = holds
			case c.alone:
				*r = fails
				if c.holds[t.list[i].row] {
					*r = holds
				}
			default:
				at = append(at, i)
			}
		}
		if len(at) == 0 {
			continue
		}
		if err := t.evalAt(rec, v, c, at); err != nil {
			return err
		}
	}
	return nil
}

// evalAt computes the condition of a variable for some trials.
func (t *trials) evalAt(rec arrow.RecordBatch, v int, c *condition, at []int) error {
	list := make([]binding, len(at))
	rows := make(vector.Sel, len(at))
	for k, i := range at {
		x := t.list[i]
		rows[k] = x.row
		id := t.m.ids[x.row]
		if x.of < 0 {
			list[k] = binding{rows: []uint32{id}, vars: []uint8{uint8(v)}}
			continue
		}
		p := &x.part.partial[x.of]
		had := x.part.rows[p.start-x.part.first:]
		list[k] = binding{
			rows: append(had[:len(had):len(had)], id),
			vars: append(p.vars[:len(p.vars):len(p.vars)], uint8(v)),
		}
	}
	cols, err := c.eval(t.m, rec, rows, list)
	if err != nil {
		return err
	}
	defer release(cols)
	for k, ok := range truths(nil, cols[0]) {
		r := fails
		if ok {
			r = holds
		}
		t.results[at[k]*len(t.m.conds)+v] = r
	}
	return nil
}

// grow appends what becomes of the partial match of trial i, or of a new one,
// to live, and what is complete to the partition's complete ones.
func (t *trials) grow(p *part, i int, live []partial) []partial {
	pattern := t.m.c.Pattern
	var was partial
	if of := t.list[i].of; of >= 0 {
		was = p.partial[of]
	} else {
		was = partial{start: p.first + int64(len(p.rows)), at: -1}
	}
	t.reach(i, func(int) {}, func(v int) bool { return !t.holds(i, v) }, func(part int) {
		if !t.holds(i, pattern[part].Var) {
			return
		}
		is := partial{start: was.start, at: part, count: 1, vars: append(slices.Clone(was.vars), uint8(pattern[part].Var))}
		if part == was.at {
			is.count = was.count + 1
		}
		if t.complete(is) {
			p.complete = append(p.complete, is)
		}
		if t.goesOn(is) {
			live = append(live, is)
		}
	})
	if n := len(p.complete); n > 1 {
		slices.SortStableFunc(p.complete, func(a, b partial) int { return int(a.start - b.start) })
	}
	return live
}

// complete reports that no more rows are needed.
func (t *trials) complete(x partial) bool {
	pattern := t.m.c.Pattern
	if x.count < pattern[x.at].Min {
		return false
	}
	for j := x.at + 1; j < len(pattern); j++ {
		if pattern[j].Min > 0 || pattern[j-1].greedy() {
			return false
		}
	}
	return true
}

// goesOn reports that another row may follow.
func (t *trials) goesOn(x partial) bool {
	pattern := t.m.c.Pattern
	return x.at < len(pattern)-1 || pattern[x.at].Max < 0 || x.count < pattern[x.at].Max
}
