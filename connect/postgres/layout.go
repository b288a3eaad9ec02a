package postgres

import (
	"fmt"

	"github.com/jackc/pglogrepl"

	"github.com/wadi-engine/wadi/job"
)

// layout is where the log has the columns of the scan and of the key.
type layout struct {
	id      uint32
	columns []logged
	places  []int // of the columns of the scan; -1 for metadata
	keys    []int
	wanted  []bool // of the columns of the log
	padded  []bool // keys of type char(n), which are compared without the blanks behind them
	scratch [][]byte
}

// logged is a column as the log describes it.
type logged struct {
	name string
	oid  uint32
}

// relation takes a description of the table. It comes before the first change, and
// again when the table has been altered.
func (r *run) relation(m *pglogrepl.RelationMessage) error {
	if m.Namespace != r.schemaName || m.RelationName != r.tableName {
		return nil
	}
	l := layout{id: m.RelationID, wanted: make([]bool, len(m.Columns)), padded: make([]bool, len(m.Columns))}
	at := map[string]int{}
	for i, c := range m.Columns {
		at[c.Name] = i
		l.columns = append(l.columns, logged{c.Name, c.DataType})
	}
	find := func(name string) (int, error) {
		i, ok := at[name]
		if !ok {
			return 0, fmt.Errorf("%w: table %s.%s has no column %s any more: stop the job with a savepoint, declare the table as it is, and go on from there",
				job.ErrInvalid, r.schemaName, r.tableName, name)
		}
		for _, before := range r.layout.columns {
			if before.name == name && before.oid != l.columns[i].oid {
				return 0, fmt.Errorf("%w: the type of column %s of table %s.%s was altered: stop the job with a savepoint, declare the table as it is, and go on from there",
					job.ErrInvalid, name, r.schemaName, r.tableName)
			}
		}
		l.wanted[i] = true
		return i, nil
	}
	for _, c := range r.columns {
		i, err := -1, error(nil)
		if !c.metadata {
			i, err = find(c.name)
		}
		if err != nil {
			return err
		}
		l.places = append(l.places, i)
	}
	const char = 1042
	for _, k := range r.key {
		i, err := find(k.name)
		if err != nil {
			return err
		}
		l.keys = append(l.keys, i)
		l.padded[i] = l.columns[i].oid == char
	}
	r.layout = l
	return nil
}

// key are the values of the key in a row of the log.
func (l *layout) key(row [][]byte) [][]byte {
	out := make([][]byte, len(l.keys))
	for i, k := range l.keys {
		out[i] = row[k]
	}
	return out
}

// values are the values of the scan.
func (l *layout) values(r *run, row [][]byte) [][]byte {
	l.scratch = l.scratch[:0]
	for i, p := range l.places {
		if p < 0 {
			l.scratch = append(l.scratch, []byte(r.known(r.columns[i].name, r.time)))
		} else {
			l.scratch = append(l.scratch, row[p])
		}
	}
	return l.scratch
}
