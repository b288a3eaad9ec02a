package write

import (
	"fmt"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	"github.com/google/uuid"
	"github.com/twmb/murmur3"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
	"github.com/wadi-engine/wadi/vector"
)

// A transformed is a column of a batch under a transform of Iceberg's: a field
// of a partition or of a sort order.
type transformed struct {
	transform ice.Transform
	source    ice.Type
	// path leads to the column of the files; nil where rows are not written with
	// it, so that it is NULL.
	path []int
	// exact says that the values come out of their kernel as Iceberg has them.
	// Otherwise they are bytes that are equal where the values are.
	exact bool
}

// newTransformed binds a transform of the field with this id to files of a
// schema.
func newTransformed(t ice.Transform, id int, table *ice.Schema, files *arrow.Schema) (transformed, error) {
	field, ok := table.FindFieldByID(id)
	if !ok {
		return transformed{}, fmt.Errorf("%w: field %d, to which %s is applied, is not in the table", job.ErrInvalid, id, t)
	}
	if _, unknown := t.(ice.UnknownTransform); unknown {
		return transformed{}, fmt.Errorf("%w: the transform %s of column %q is not known: rows cannot be written with it", job.ErrInvalid, t, field.Name)
	}
	c := transformed{transform: t, source: field.Type}
	c.path = pathOf(files.Fields(), id)
	switch t.(type) {
	case ice.VoidTransform:
		c.path = nil
	case ice.BucketTransform, ice.TruncateTransform:
		switch field.Type.(type) {
		case ice.DecimalType, ice.FixedType, ice.UUIDType:
		default:
			c.exact = true
		}
	default:
		c.exact = true
	}
	return c, nil
}

// pathOf finds the field with an id, below structs too.
func pathOf(fields []arrow.Field, id int) []int {
	for i, f := range fields {
		if int(schemas.FieldID(f)) == id {
			return []int{i}
		}
		if st, ok := f.Type.(*arrow.StructType); ok {
			if rest := pathOf(st.Fields(), id); rest != nil {
				return append([]int{i}, rest...)
			}
		}
	}
	return nil
}

// column returns the source column of rec; the caller owns it.
func (c *transformed) column(mem memory.Allocator, rec arrow.RecordBatch) arrow.Array {
	col := rec.Column(c.path[0])
	col.Retain()
	for _, at := range c.path[1:] {
		child := schemas.Under(mem, col.(*array.Struct), col.(*array.Struct).Field(at))
		col.Release()
		col = child
	}
	return col
}

// keys are the values of the rows of rec: equal where the transform's results
// are, and in their order when exact. The caller owns them.
func (c *transformed) keys(mem memory.Allocator, rec arrow.RecordBatch) (arrow.Array, error) {
	col := c.column(mem, rec)
	defer col.Release()
	if !c.exact {
		return c.slowKeys(mem, col)
	}
	switch t := c.transform.(type) {
	case ice.IdentityTransform:
		if col.DataType().ID() == arrow.FIXED_SIZE_BINARY {
			return schemas.Convert(mem, col, arrow.BinaryTypes.BinaryView)
		}
		col.Retain()
		return col, nil
	case ice.BucketTransform:
		return bucketKeys(mem, col, int32(t.NumBuckets))
	case ice.TruncateTransform:
		return truncateKeys(mem, col, t.Width)
	}
	return timeKeys(mem, col, c.transform)
}

// slowKeys asks the transform itself for each row.
func (c *transformed) slowKeys(mem memory.Allocator, col arrow.Array) (arrow.Array, error) {
	b := array.NewBinaryViewBuilder(mem)
	defer b.Release()
	b.Reserve(col.Len())
	for i := range col.Len() {
		v, err := c.literal(col, i)
		if err != nil {
			return nil, err
		}
		if v == nil {
			b.AppendNull()
			continue
		}
		key, err := v.MarshalBinary()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.transform, err)
		}
		b.Append(key)
	}
	return b.NewArray(), nil
}

// value is the transform's result for one row, as manifests hold it; nil for
// NULL.
func (c *transformed) value(mem memory.Allocator, rec arrow.RecordBatch, row int) (any, error) {
	if c.path == nil {
		return nil, nil
	}
	col := c.column(mem, rec)
	defer col.Release()
	v, err := c.literal(col, row)
	if v == nil || err != nil {
		return nil, err
	}
	return v.Any(), nil
}

func (c *transformed) literal(col arrow.Array, row int) (ice.Literal, error) {
	v, err := literalAt(col, row, c.source)
	if v == nil || err != nil {
		return nil, err
	}
	out := c.transform.Apply(ice.Optional[ice.Literal]{Valid: true, Val: v})
	if !out.Valid {
		return nil, nil
	}
	return out.Val, nil
}

// literalAt is the value of a row as Iceberg has it, or nil for NULL.
func literalAt(col arrow.Array, row int, t ice.Type) (ice.Literal, error) {
	if col.IsNull(row) {
		return nil, nil
	}
	switch a := col.(type) {
	case *array.Boolean:
		return ice.NewLiteral(a.Value(row)), nil
	case *array.Int32:
		return ice.NewLiteral(a.Value(row)), nil
	case *array.Int64:
		return ice.NewLiteral(a.Value(row)), nil
	case *array.Float32:
		return ice.NewLiteral(a.Value(row)), nil
	case *array.Float64:
		return ice.NewLiteral(a.Value(row)), nil
	case *array.Date32:
		return ice.NewLiteral(ice.Date(a.Value(row))), nil
	case *array.Time64:
		return ice.NewLiteral(ice.Time(a.Value(row))), nil
	case *array.Timestamp:
		if a.DataType().(*arrow.TimestampType).Unit == arrow.Nanosecond {
			return ice.NewLiteral(ice.TimestampNano(a.Value(row))), nil
		}
		return ice.NewLiteral(ice.Timestamp(a.Value(row))), nil
	case *array.Decimal128:
		return ice.NewLiteral(ice.Decimal{Val: a.Value(row), Scale: int(a.DataType().(*arrow.Decimal128Type).Scale)}), nil
	case *array.StringView:
		return ice.NewLiteral(string(schemas.ViewBytes(a, row))), nil
	}
	b := append([]byte{}, schemas.BytesOf(col)(row)...) // never nil, which would be NULL
	switch t.(type) {
	case ice.UUIDType:
		id, err := uuid.FromBytes(b)
		return ice.NewLiteral(id), err
	case ice.FixedType:
		return ice.FixedLiteral(b), nil
	}
	return ice.NewLiteral(b), nil
}

func floorDiv(v, by int64) int64 {
	q := v / by
	if v%by < 0 {
		q--
	}
	return q
}

// timeKeys are years, months, days or hours since 1970.
func timeKeys(mem memory.Allocator, col arrow.Array, t ice.Transform) (arrow.Array, error) {
	if days, ok := col.(*array.Date32); ok {
		values := days.Date32Values()
		return schemas.FixedWidth(mem, col, arrow.PrimitiveTypes.Int32, func(out []int32) error {
			for i, v := range values {
				out[i] = calendar(t, int64(v))
			}
			return nil
		})
	}
	ts := col.(*array.Timestamp)
	second := int64(1e9 / ts.DataType().(*arrow.TimestampType).Unit.Multiplier())
	values := ts.TimestampValues()
	return schemas.FixedWidth(mem, col, arrow.PrimitiveTypes.Int32, func(out []int32) error {
		if _, hours := t.(ice.HourTransform); hours {
			for i, v := range values {
				out[i] = int32(floorDiv(int64(v), 3600*second))
			}
			return nil
		}
		for i, v := range values {
			out[i] = calendar(t, floorDiv(int64(v), 86400*second))
		}
		return nil
	})
}

// calendar turns days since 1970 into the transform's unit.
func calendar(t ice.Transform, days int64) int32 {
	switch t.(type) {
	case ice.YearTransform:
		year, _ := monthOf(days)
		return int32(year - 1970)
	case ice.MonthTransform:
		year, month := monthOf(days)
		return int32((year-1970)*12 + month - 1)
	}
	return int32(days)
}

// monthOf is the year and the month, from 1, of a day since 1970. It counts from
// March, so that a leap day is the last of its year, in cycles of 400 years.
func monthOf(days int64) (year, month int64) {
	days += 719468 // since March 1st of year 0
	cycle := floorDiv(days, 146097)
	day := days - cycle*146097
	y := (day - day/1460 + day/36524 - day/146096) / 365
	m := (5*(day-(365*y+y/4-y/100)) + 2) / 153 // from March
	year = y + cycle*400
	if m < 10 {
		return year, m + 3
	}
	return year + 1, m - 9
}

// bucketKeys are buckets: murmur3 of the value, as an int64 where it is a
// number.
func bucketKeys(mem memory.Allocator, col arrow.Array, n int32) (arrow.Array, error) {
	bucket := func(hash uint32) int32 { return int32(hash&0x7fffffff) % n }
	return schemas.FixedWidth(mem, col, arrow.PrimitiveTypes.Int32, func(out []int32) error {
		switch a := col.(type) {
		case *array.Int32:
			for i, v := range a.Int32Values() {
				out[i] = bucket(murmur64(uint64(v)))
			}
		case *array.Date32:
			for i, v := range a.Date32Values() {
				out[i] = bucket(murmur64(uint64(v)))
			}
		case *array.Int64:
			for i, v := range a.Int64Values() {
				out[i] = bucket(murmur64(uint64(v)))
			}
		case *array.Time64:
			for i, v := range a.Time64Values() {
				out[i] = bucket(murmur64(uint64(v)))
			}
		case *array.Timestamp:
			by := int64(1)
			if a.DataType().(*arrow.TimestampType).Unit == arrow.Nanosecond {
				by = 1000
			}
			for i, v := range a.TimestampValues() {
				out[i] = bucket(murmur64(uint64(floorDiv(int64(v), by))))
			}
		case array.ViewLike:
			views := vector.ViewsOf(a)
			for i := range out {
				if a.IsValid(i) {
					out[i] = bucket(murmur3.Sum32(views.At(i)))
				}
			}
		default:
			return fmt.Errorf("%w: bucket of %s", job.ErrInvalid, col.DataType())
		}
		return nil
	})
}

// murmur64 is murmur3's 32-bit hash of the 8 bytes of v.
func murmur64(v uint64) uint32 {
	const c1, c2 = 0xcc9e2d51, 0x1b873593
	h := uint32(0)
	for _, k := range [2]uint32{uint32(v), uint32(v >> 32)} {
		k = bits.RotateLeft32(k*c1, 15) * c2
		h = bits.RotateLeft32(h^k, 13)*5 + 0xe6546b64
	}
	h ^= 8
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

// truncateKeys cut numbers down to multiples of width, and texts and bytes to
// their first width characters or bytes.
func truncateKeys(mem memory.Allocator, col arrow.Array, width int) (arrow.Array, error) {
	switch a := col.(type) {
	case *array.Int32:
		return schemas.FixedWidth(mem, col, col.DataType(), func(out []int32) error {
			for i, v := range a.Int32Values() {
				out[i] = int32(floorDiv(int64(v), int64(width)) * int64(width))
			}
			return nil
		})
	case *array.Int64:
		return schemas.FixedWidth(mem, col, col.DataType(), func(out []int64) error {
			for i, v := range a.Int64Values() {
				out[i] = floorDiv(v, int64(width)) * int64(width)
			}
			return nil
		})
	case array.ViewLike:
		_, text := col.(*array.StringView)
		views := vector.ViewsOf(a)
		b := array.NewBinaryViewBuilder(mem)
		defer b.Release()
		b.Reserve(col.Len())
		for i := range col.Len() {
			if col.IsNull(i) {
				b.AppendNull()
				continue
			}
			b.Append(cut(views.At(i), width, text))
		}
		return b.NewArray(), nil
	}
	return nil, fmt.Errorf("%w: truncate of %s", job.ErrInvalid, col.DataType())
}

// cut is the beginning of b: so many characters of a text, or bytes.
func cut(b []byte, n int, text bool) []byte {
	if !text || len(b) <= n {
		return b[:min(n, len(b))]
	}
	return b[:runes(b, n)]
}
