package jdbc

import (
	"fmt"
	"math/big"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
)

// ranges are how a table is cut by the values of a column, as in Flink: rows
// outside of them are not read.
//
//	lower 1, upper 10, three   1–4  5–7  8–10
type ranges struct {
	column       string // "" reads the table whole
	num          int
	lower, upper int64
}

// between is one of them.
type between struct {
	Lower int64 `json:"lower"`
	Upper int64 `json:"upper"`
}

func (c *config) parseRanges(o map[string]string) error {
	keys := []string{"scan.partition.column", "scan.partition.num", "scan.partition.lower-bound", "scan.partition.upper-bound"}
	given := 0
	for _, k := range keys {
		if o[k] != "" {
			given++
		}
	}
	if given == 0 {
		return nil
	}
	if given < len(keys) {
		return fmt.Errorf("%w: %q are given together, or not at all", job.ErrInvalid, keys)
	}
	c.ranges.column = o[keys[0]]
	if err := number(o, keys[1], 1, &c.ranges.num); err != nil || c.ranges.num == 0 {
		return fmt.Errorf("%w: option '%s' = '%s': want a number from 1", job.ErrInvalid, keys[1], o[keys[1]])
	}
	for i, to := range []*int64{&c.ranges.lower, &c.ranges.upper} {
		n, ok := new(big.Int).SetString(o[keys[2+i]], 10)
		if !ok || !n.IsInt64() {
			return fmt.Errorf("%w: option '%s' = '%s': want a whole number", job.ErrInvalid, keys[2+i], o[keys[2+i]])
		}
		*to = n.Int64()
	}
	if c.ranges.lower > c.ranges.upper {
		return fmt.Errorf("%w: 'scan.partition.lower-bound' = '%d' is above 'scan.partition.upper-bound' = '%d'", job.ErrInvalid, c.ranges.lower, c.ranges.upper)
	}
	return c.checkRangeColumn()
}

// checkRangeColumn says what the column must be, where the table declares it.
func (c *config) checkRangeColumn() error {
	s := c.table.Schema.Schema
	if s == nil || s.NumFields() == 0 {
		return nil
	}
	found, ok := s.FieldsByName(c.ranges.column)
	if !ok {
		return fmt.Errorf("%w: option 'scan.partition.column': there is no column %q", job.ErrInvalid, c.ranges.column)
	}
	switch t := found[0].Type.(type) {
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type:
		return nil
	case *arrow.Decimal128Type:
		if t.Scale == 0 {
			return nil
		}
	}
	return fmt.Errorf("%w: option 'scan.partition.column': column %q has no whole numbers", job.ErrInvalid, c.ranges.column)
}

// cut gives the ranges; nil stands for the whole table.
func (r ranges) cut() []*between {
	if r.column == "" {
		return []*between{nil}
	}
	count := new(big.Int).Sub(big.NewInt(r.upper), big.NewInt(r.lower))
	count.Add(count, big.NewInt(1))
	num := big.NewInt(int64(r.num))
	if count.Cmp(num) < 0 {
		num.Set(count)
	}
	size, more := new(big.Int).DivMod(count, num, new(big.Int))
	var all []*between
	at := big.NewInt(r.lower)
	for i := range num.Int64() {
		end := new(big.Int).Add(at, size)
		if i >= more.Int64() {
			end.Sub(end, big.NewInt(1))
		}
		all = append(all, &between{at.Int64(), end.Int64()})
		at = end.Add(end, big.NewInt(1))
	}
	return all
}
