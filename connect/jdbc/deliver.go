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

// statements are the SQL that writes to a table.
type statements struct {
	*sink
	values []func(dst, v []byte) []byte // how the values of each column are written
	insert string                       // INSERT INTO t (a, b) VALUES
	upsert string                       // what stands behind the rows
	remove string                       // DELETE FROM t WHERE
	keys   []string                     // columns of the key, quoted
}

func (s *sink) statements() *statements {
	st := &statements{sink: s}
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

// apply carries changes out.
func (s *statements) apply(ctx context.Context, db database, c changes) error {
	if err := s.put(ctx, db, c.puts); err != nil {
		return err
	}
	return s.removeRows(ctx, db, c.removes)
}

// put writes rows, many in a statement.
func (s *statements) put(ctx context.Context, db database, rows []params) error {
	for each := min(mostRows, maxParams/len(s.fields)); len(rows) > 0; {
		some := rows[:min(each, len(rows))]
		rows = rows[len(some):]
		var text strings.Builder
		text.WriteString(s.insert)
		args := make([][]byte, 0, len(some)*len(s.fields))
		for i, row := range some {
			if i > 0 {
				text.WriteString(", ")
			}
			s.tuple(&text, len(args), nil)
			args = append(args, row...)
		}
		text.WriteString(s.upsert)
		if err := db.exec(ctx, text.String(), args); err != nil {
			return err
		}
	}
	return nil
}

// removeRows deletes rows by their keys.
func (s *statements) removeRows(ctx context.Context, db database, keys []params) error {
	for each := min(mostRows, maxParams/max(len(s.key), 1)); len(keys) > 0; {
		some := keys[:min(each, len(keys))]
		keys = keys[len(some):]
		var text strings.Builder
		text.WriteString(s.remove + "(" + strings.Join(s.keys, ", ") + ") IN (")
		var args [][]byte
		for i, key := range some {
			if i > 0 {
				text.WriteString(", ")
			}
			s.tuple(&text, len(args), s.key)
			args = append(args, key...)
		}
		text.WriteString(")")
		if err := db.exec(ctx, text.String(), args); err != nil {
			return err
		}
	}
	return nil
}

// tuple writes the parameters of a row, or of those of its columns: ($1, $2).
func (s *statements) tuple(text *strings.Builder, before int, columns []int) {
	if columns == nil {
		columns = make([]int, len(s.fields))
		for i := range columns {
			columns[i] = i
		}
	}
	text.WriteByte('(')
	for i, c := range columns {
		if i > 0 {
			text.WriteString(", ")
		}
		text.WriteString(s.dialect.param(before+i+1, s.fields[c].Type))
	}
	text.WriteByte(')')
}
