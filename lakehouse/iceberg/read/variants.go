package read

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/extensions"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
	"github.com/wadi-engine/wadi/vector"
)

func isVariant(c *Column) bool {
	_, is := c.Fields[len(c.Fields)-1].Type.(ice.VariantType)
	return is
}

// variantTexts turns the groups of bytes that variants are in a Parquet file,
// shredded or not, into the texts that a VARIANT is.
func variantTexts(from arrow.DataType) (schemas.ConvertFunc, error) {
	plain := vector.ExternalType(from)
	of, err := extensions.NewVariantType(plain)
	if err != nil {
		return nil, fmt.Errorf("%w: a variant as %s: %w", job.ErrInvalid, from, err)
	}
	return func(mem memory.Allocator, in arrow.Array, _ arrow.DataType) (arrow.Array, error) {
		stored, err := schemas.Convert(mem, in, plain)
		if err != nil {
			return nil, err
		}
		defer stored.Release()
		variants := array.NewExtensionArrayWithStorage(of, stored).(*extensions.VariantArray)
		defer variants.Release()
		b := array.NewStringViewBuilder(mem)
		defer b.Release()
		b.Reserve(in.Len())
		for i := range in.Len() {
			if in.IsNull(i) {
				b.AppendNull()
				continue
			}
			text, err := variantText(variants, i)
			if err != nil {
				return nil, fmt.Errorf("%w: a variant: %w", job.ErrInvalid, err)
			}
			b.Append(text)
		}
		return b.NewArray(), nil
	}, nil
}

// variantText is the JSON of a value. Bytes that are none of a variant's make
// the library panic.
func variantText(variants *extensions.VariantArray, i int) (text string, err error) {
	defer func() {
		if p := recover(); p != nil {
			text, err = "", fmt.Errorf("its bytes are not a variant's: %v", p)
		}
	}()
	v, err := variants.Value(i)
	if err != nil {
		return "", err
	}
	b, err := v.MarshalJSON()
	if err != nil {
		return "", err
	}
	out := jsontext.Value(b)
	err = out.Format()
	return string(out), err
}
