package jdbc

import (
	"context"
	"strings"
)

// maxParams is how many parameters a statement may have in every database, and
// mostRows how many rows it writes at the most.
const (
	maxParams = 60_000
	mostRows  = 1000
)

// statements are the SQL of a sink.
type statements struct {
	values  []func(dst, v []byte) []byte // how the values of each column are written
	insert  string                       // INSERT INTO t (a, b) VALUES
	upsert  string                       // what stands behind the rows
	remove  string                       // DELETE FROM t WHERE
	keys    []string                     // columns of the key, quoted
	columns int
}

func (s *sink) statements() statements {
	st := statements{columns: len(s.fields)}
	names := make([]string, len(s.fields))
	var others []string
	isKey := make([]bool, len(s.fields))
	for _, k := range s.key {
		isKey[k] = true
	}
	for i, f := range s.fields {
		names[i] = s.dialect.quote(f.Name)
		st.values = append(st.values, s.dialect.value(f.Type))
		if !isKey[i] {
			others = append(others, names[i])
		}
	}
	for _, k := range s.key {
		st.keys = append(st.keys, names[k])
	}
	st.insert = "INSERT INTO " + s.tableName() + " (" + strings.Join(names, ", ") + ") VALUES "
	st.remove = "DELETE FROM " + s.tableName() + " WHERE "
	if len(st.keys) > 0 {
		st.upsert = s.dialect.upsert(st.keys, others)
	}
	return st
}

// deliver sends changes in one transaction, and again when that may help.
func (w *writer) deliver(ctx context.Context, c changes) error {
	return w.line.try(ctx, w.retries, func() { w.retried.Add(1) }, func(db database) error {
		return db.together(ctx, func() error {
			if err := w.put(ctx, c.puts); err != nil {
				return err
			}
			return w.removeRows(ctx, c.removes)
		})
	})
}

// put writes rows, many in a statement.
func (w *writer) put(ctx context.Context, rows []params) error {
	for each := min(mostRows, maxParams/w.columns); len(rows) > 0; {
		some := rows[:min(each, len(rows))]
		rows = rows[len(some):]
		var text strings.Builder
		text.WriteString(w.insert)
		args := make([][]byte, 0, len(some)*w.columns)
		for i, row := range some {
			if i > 0 {
				text.WriteString(", ")
			}
			w.tuple(&text, len(args), nil)
			args = append(args, row...)
		}
		text.WriteString(w.upsert)
		if err := w.line.db.exec(ctx, text.String(), args); err != nil {
			return err
		}
	}
	return nil
}

// removeRows deletes rows by their keys.
func (w *writer) removeRows(ctx context.Context, keys []params) error {
	for each := min(mostRows, maxParams/max(len(w.key), 1)); len(keys) > 0; {
		some := keys[:min(each, len(keys))]
		keys = keys[len(some):]
		var text strings.Builder
		text.WriteString(w.remove + "(" + strings.Join(w.keys, ", ") + ") IN (")
		var args [][]byte
		for i, key := range some {
			if i > 0 {
				text.WriteString(", ")
			}
			w.tuple(&text, len(args), w.key)
			args = append(args, key...)
		}
		text.WriteString(")")
		if err := w.line.db.exec(ctx, text.String(), args); err != nil {
			return err
		}
	}
	return nil
}

// tuple writes the parameters of a row, or of those of its columns: ($1, $2).
func (w *writer) tuple(text *strings.Builder, before int, columns []int) {
	if columns == nil {
		columns = make([]int, w.columns)
		for i := range columns {
			columns[i] = i
		}
	}
	text.WriteByte('(')
	for i, c := range columns {
		if i > 0 {
			text.WriteString(", ")
		}
		text.WriteString(w.dialect.param(before+i+1, w.fields[c].Type))
	}
	text.WriteByte(')')
}
