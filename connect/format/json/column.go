package json

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/internal/columns"
)

// column is the values of one field so far.
type column struct {
	*columns.Column
	children []*column // those of Children
	object   *object   // of a row: its fields by their names
}

func newColumn(t arrow.DataType) (*column, error) {
	c, err := columns.New(t)
	if err != nil {
		return nil, err
	}
	return wrap(c), nil
}

func wrap(c *columns.Column) *column {
	w := &column{Column: c}
	for _, e := range c.Children {
		w.children = append(w.children, wrap(e))
	}
	if t, ok := c.Type.(*arrow.StructType); ok {
		w.object = &object{fields: map[string]*field{}}
		for i, f := range t.Fields() {
			w.object.add([]string{f.Name}, w.children[i])
		}
	}
	return w
}
