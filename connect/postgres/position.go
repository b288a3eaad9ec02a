package postgres

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pglogrepl"
)

// position is how far a table is read.
type position struct {
	// Marks are the parts of the snapshot that are read, in the order of the key.
	// They are forgotten when the log is read behind all of them.
	Marks []mark `json:"marks,omitempty"`
	// Reading is the part of the snapshot that is being read, up to its last row.
	Reading *mark `json:"reading,omitempty"`
	// Streaming says that the log is being read. Transactions that were committed
	// before LSN have been, and Rows of the one that comes next.
	Streaming bool          `json:"streaming,omitempty"`
	LSN       pglogrepl.LSN `json:"lsn,omitempty"`
	Rows      int64         `json:"rows,omitempty"`
}

// mark is a part of a snapshot: the rows up to a key, as they were at LSN.
type mark struct {
	Upper [][]byte      `json:"upper,omitempty"` // nil: all others
	LSN   pglogrepl.LSN `json:"lsn"`
}

// keyColumn is a column of the primary key.
type keyColumn struct {
	name  string
	whole bool // numbers; others are in the order of their bytes
}

// order is the column in a query, as it is compared here too.
func (k keyColumn) order() string {
	if k.whole {
		return quote(k.name)
	}
	return "CAST(" + quote(k.name) + ` AS text) COLLATE "C"`
}

// literal is one of its values in a query.
func (k keyColumn) literal(v []byte) string {
	if _, err := strconv.ParseInt(string(v), 10, 64); err == nil && k.whole {
		return string(v)
	}
	return literal(string(v))
}

// compare puts keys in order, as the database does.
func compare(columns []keyColumn, a, b [][]byte) int {
	for i, k := range columns {
		c := bytes.Compare(a[i], b[i])
		if k.whole {
			x, errX := strconv.ParseInt(string(a[i]), 10, 64)
			y, errY := strconv.ParseInt(string(b[i]), 10, 64)
			if errX == nil && errY == nil {
				c = cmp.Compare(x, y)
			}
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// read reports whether a snapshot has seen a change of the row with a key that was
// committed at some place in the log.
func (p *position) read(columns []keyColumn, key [][]byte, commit pglogrepl.LSN) bool {
	if len(p.Marks) == 0 || commit >= p.Marks[len(p.Marks)-1].LSN {
		return false
	}
	for _, m := range p.Marks {
		if m.Upper == nil || compare(columns, key, m.Upper) <= 0 {
			return commit < m.LSN
		}
	}
	return false
}

// clone is the position as it is now.
func (p *position) clone() position {
	c := *p
	if p.Reading != nil {
		c.Reading = &mark{LSN: p.Reading.LSN}
		for _, v := range p.Reading.Upper {
			c.Reading.Upper = append(c.Reading.Upper, bytes.Clone(v))
		}
	}
	c.Marks = slices.Clone(p.Marks)
	return c
}

// names joins names for a message.
func names[T any](all []T, name func(T) string) string {
	out := make([]string, len(all))
	for i, a := range all {
		out[i] = name(a)
	}
	return strings.Join(out, ", ")
}
