package jdbc

import (
	"context"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/connect/sqlrows"
	"github.com/wadi-engine/wadi/ops"
)

var _ ops.Lookup = (*lookup)(nil)

// lookup asks for the rows of keys, in one query:
//
//	SELECT id, name FROM t WHERE id IN (1, 2, 3)
//
// Keys are whole numbers and texts: of times and of other numbers a database may hold
// finer ones than the table has. Where there are others besides, more rows than those
// of the keys come.
type lookup struct {
	*source
	line    line
	by      []int // of the keys that are given
	names   []string
	retries int
}

func openLookup(_ context.Context, a ops.Asking) (ops.Lookup, error) {
	s, err := openTable(a.Scan)
	if err != nil {
		return nil, err
	}
	l := &lookup{source: s, line: line{config: s.config}, retries: a.Retries}
	for i, column := range a.By {
		switch s.schema.Field(column).Type.ID() {
		case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.STRING_VIEW:
			l.by, l.names = append(l.by, i), append(l.names, s.columns[column])
		}
	}
	if len(l.by) == 0 {
		return nil, nil
	}
	return l, nil
}

// Find implements ops.Lookup.
func (l *lookup) Find(ctx context.Context, keys []arrow.Array, f func(rows arrow.RecordBatch) error) error {
	wanted := l.wanted(keys)
	if wanted == "" {
		return nil
	}
	var found *sqlrows.Columns
	err := l.line.try(ctx, l.retries, func() {}, func(db database) (err error) {
		if found, err = sqlrows.New(l.schema, l.dialect.clean); err != nil {
			return err
		}
		err = db.query(ctx, l.question(l.names, wanted), found.Append)
		if err == nil || !l.dialect.misread(err) {
			return err
		}
		if found, err = sqlrows.New(l.schema, l.dialect.clean); err != nil {
			return err
		}
		return db.query(ctx, l.question(l.texts(keys), wanted), found.Append)
	})
	if err != nil || found.Rows() == 0 {
		return err
	}
	rec, err := found.Record(memory.DefaultAllocator)
	if err != nil {
		return err
	}
	defer rec.Release()
	return f(rec)
}

// question asks for the rows of which the columns called names have a value in wanted.
func (l *lookup) question(names []string, wanted string) string {
	what := strings.Join(names, ", ")
	if len(names) > 1 {
		what = "(" + what + ")"
	}
	text := "SELECT " + strings.Join(l.columns, ", ") + " FROM " + l.tableName() + " WHERE " + what + " IN (" + wanted + ")"
	if l.condition != "" {
		text += " AND " + l.condition
	}
	return text
}

// texts are the columns that are asked for by a text, as text: a column of another
// type cannot be compared with every text.
func (l *lookup) texts(keys []arrow.Array) []string {
	names := make([]string, len(l.names))
	for i, k := range l.by {
		names[i] = l.dialect.ordered(l.names[i], keys[k].DataType())
	}
	return names
}

// wanted are the keys as a list in SQL; a text that no database holds is left out.
func (l *lookup) wanted(keys []arrow.Array) string {
	var list strings.Builder
	values := make([]string, len(l.by))
	for row := range keys[0].Len() {
		held := true
		for i, k := range l.by {
			if a, ok := keys[k].(*array.StringView); ok {
				held = held && strings.IndexByte(a.Value(row), 0) < 0
				values[i] = l.dialect.text(a.Value(row))
			} else {
				values[i] = strconv.FormatInt(whole(keys[k], row), 10)
			}
		}
		if !held {
			continue
		}
		if list.Len() > 0 {
			list.WriteString(", ")
		}
		text := strings.Join(values, ", ")
		if len(values) > 1 {
			text = "(" + text + ")"
		}
		list.WriteString(text)
	}
	return list.String()
}

// whole is a whole number of a column.
func whole(a arrow.Array, row int) int64 {
	switch a := a.(type) {
	case *array.Int8:
		return int64(a.Value(row))
	case *array.Int16:
		return int64(a.Value(row))
	case *array.Int32:
		return int64(a.Value(row))
	}
	return a.(*array.Int64).Value(row)
}

// Close implements ops.Lookup.
func (l *lookup) Close() error {
	l.line.close()
	return nil
}
