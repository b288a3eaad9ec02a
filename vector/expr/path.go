package expr

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
)

// At is the column of in that a path names: its first name is a column's, the
// others are those of fields within.
func At(in *arrow.Schema, path []string) (Expr, error) {
	at := in.FieldIndices(path[0])
	if len(at) == 0 {
		return nil, fmt.Errorf("no column %q", path[0])
	}
	var e Expr = &Column{Index: at[0], Name: path[0], Of: in.Field(at[0]).Type}
	for _, name := range path[1:] {
		st, ok := e.Type().(*arrow.StructType)
		k := -1
		if ok {
			k, ok = st.FieldIdx(name)
		}
		if !ok {
			return nil, fmt.Errorf("column %s has no field %q", e, name)
		}
		index := &Literal{Value: int64(k), Of: arrow.PrimitiveTypes.Int32}
		e = &Call{Func: "field", Args: []Expr{e, index}, Of: st.Field(k).Type}
	}
	return e, nil
}
