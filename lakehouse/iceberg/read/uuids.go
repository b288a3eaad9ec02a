package read

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/uuid"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
)

// uuidBytes turns UUIDs into their 16 bytes, which they are in a table: a
// Parquet file that says that a column has UUIDs gives their text.
func uuidBytes(mem memory.Allocator, in arrow.Array, _ arrow.DataType) (arrow.Array, error) {
	texts := in.(*array.StringView)
	b := array.NewBinaryViewBuilder(mem)
	defer b.Release()
	b.Reserve(texts.Len())
	for i := range texts.Len() {
		if texts.IsNull(i) {
			b.AppendNull()
			continue
		}
		id, err := uuid.Parse(texts.Value(i))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
		}
		b.Append(id[:])
	}
	return b.NewArray(), nil
}

// uuidsFixed gives UUIDs as files are written with them.
func uuidsFixed(mem memory.Allocator, in arrow.Array, to arrow.DataType) (arrow.Array, error) {
	views, err := uuidBytes(mem, in, arrow.BinaryTypes.BinaryView)
	if err != nil {
		return nil, err
	}
	defer views.Release()
	return schemas.Convert(mem, views, to)
}
