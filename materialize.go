package wadi

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/mem"
)

// changelogTable is the table that a changelog describes: rows are added and
// taken away by their values. It keeps every record until the end.
type changelogTable struct {
	records []arrow.RecordBatch
	first   []int            // number of the first row of each record
	rowsOf  map[string][]int // rows that stand, by value
	key     strings.Builder
}

func newChangelogTable() *changelogTable {
	return &changelogTable{rowsOf: make(map[string][]int)}
}

func (t *changelogTable) release() {
	for _, r := range t.records {
		r.Release()
	}
}

// value is row i of rec as text that tells different rows apart.
func (t *changelogTable) value(rec arrow.RecordBatch, i int) string {
	t.key.Reset()
	for _, c := range rec.Columns() {
		if c.IsNull(i) {
			t.key.WriteString("n;")
			continue
		}
		v := c.ValueStr(i)
		fmt.Fprintf(&t.key, "%d:%s;", len(v), v)
	}
	return t.key.String()
}

func (t *changelogTable) apply(c Changes) error {
	from := 0
	if n := len(t.records); n > 0 {
		from = t.first[n-1] + int(t.records[n-1].NumRows())
	}
	c.Record.Retain()
	t.records, t.first = append(t.records, c.Record), append(t.first, from)
	for i := range int(c.Record.NumRows()) {
		v := t.value(c.Record, i)
		if c.Kinds == nil || !c.Kinds[i].Retracts() {
			t.rowsOf[v] = append(t.rowsOf[v], from+i)
			continue
		}
		standing := t.rowsOf[v]
		switch len(standing) {
		case 0:
			return fmt.Errorf("%w: the result takes away a row that it has not given", job.ErrInvalid)
		case 1:
			delete(t.rowsOf, v)
		default:
			t.rowsOf[v] = standing[:len(standing)-1]
		}
	}
	return nil
}

// rows yields the rows that stand, in the order in which they came.
func (t *changelogTable) rows() iter.Seq[arrow.RecordBatch] {
	var all []int
	for _, rows := range t.rowsOf {
		all = append(all, rows...)
	}
	slices.Sort(all)
	return func(yield func(arrow.RecordBatch) bool) {
		at := 0
		for k, rec := range t.records {
			var sel vector.Sel
			for end := t.first[k] + int(rec.NumRows()); at < len(all) && all[at] < end; at++ {
				sel = append(sel, uint32(all[at]-t.first[k]))
			}
			if len(sel) == 0 {
				continue
			}
			out := vector.TakeRecord(mem.Default(), rec, sel)
			more := yield(out)
			out.Release()
			if !more {
				return
			}
		}
	}
}
