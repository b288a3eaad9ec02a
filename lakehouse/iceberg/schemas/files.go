package schemas

import (
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/extensions"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/parquet"
)

// FileSchema is the schema of data files of a table: with field ids, and UUIDs as
// their 16 bytes.
//
// Columns whose values are not written are an error: rows that are written
// anew would lose them.
func FileSchema(s *ice.Schema) (*arrow.Schema, error) {
	for _, f := range s.Fields() {
		if ReadOnly(f.Type) {
			return nil, fmt.Errorf("%w: column %q has Iceberg's type %s, which is read and not written: rows cannot be put into this table",
				job.ErrInvalid, f.Name, f.Type)
		}
	}
	schema, err := table.SchemaToArrowSchema(s, nil, true, false)
	if err != nil {
		return nil, err
	}
	fields := slices.Clone(schema.Fields())
	for i, f := range fields {
		fields[i] = fileField(f)
	}
	return arrow.NewSchema(fields, nil), nil
}

func fileField(f arrow.Field) arrow.Field {
	switch t := f.Type.(type) {
	case *extensions.UUIDType:
		f.Type = &arrow.FixedSizeBinaryType{ByteWidth: 16}
		f.Metadata = arrow.NewMetadata(append(slices.Clone(f.Metadata.Keys()), parquet.UUIDKey), append(slices.Clone(f.Metadata.Values()), "true"))
	case *arrow.ListType:
		f.Type = arrow.ListOfField(fileField(t.ElemField()))
	case *arrow.MapType:
		f.Type = arrow.MapOfFields(fileField(t.KeyField()), fileField(t.ItemField()))
	case *arrow.StructType:
		fields := slices.Clone(t.Fields())
		for i := range fields {
			fields[i] = fileField(fields[i])
		}
		f.Type = arrow.StructOf(fields...)
	}
	return f
}
