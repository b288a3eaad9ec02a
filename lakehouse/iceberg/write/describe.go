package write

import (
	"fmt"
	"slices"
	"unicode/utf8"

	ice "github.com/apache/iceberg-go"

	"github.com/wadi-engine/wadi/lakehouse/parquet"
)

// describe makes the manifest entry of a file: sizes of all columns; counts
// and bounds of those that are not inside a list or a map, as the table's
// properties want them.
func (l *Layout) describe(path string, partition map[int]any, m parquet.Metrics) (ice.DataFile, error) {
	t := l.Table
	content := ice.EntryContentData
	if l.equal != nil {
		content = ice.EntryContentEqDeletes
	}
	b, err := ice.NewDataFileBuilder(t.Spec(), content, path, ice.ParquetFile, partition, nil, nil, m.Rows, m.Bytes)
	if err != nil {
		return nil, fmt.Errorf("describe data file %s: %w", path, err)
	}
	sizes, values, nulls, nans := map[int]int64{}, map[int]int64{}, map[int]int64{}, map[int]int64{}
	lower, upper := map[int][]byte{}, map[int][]byte{}
	repeated := inLists(t.Schema())
	for _, c := range m.Columns {
		id := int(c.FieldID)
		if ice.IsMetadataColumn(id) {
			continue // ids of rows say nothing about which files to read
		}
		of, ok := t.Schema().FindTypeByID(id)
		if !ok {
			panic(fmt.Sprintf("iceberg: column %v has field id %d, which the table does not have", c.Path, id))
		}
		sizes[id] = c.Bytes
		mode := l.metrics.of(t.Schema(), id)
		if repeated[id] || !mode.counts {
			continue
		}
		values[id], nulls[id] = c.Values, c.Nulls
		switch of.(type) {
		case ice.Float32Type, ice.Float64Type:
			nans[id] = c.NaNs
		}
		if mode.bounds > 0 && c.Min != nil && c.Max != nil {
			low, high := truncated(of, bound(of, c.Min), bound(of, c.Max), mode.bounds)
			if lower[id] = low; high != nil {
				upper[id] = high
			}
		}
	}
	if l.equal != nil {
		b.EqualityFieldIDs(l.equal)
	}
	if len(l.sorted) > 0 && l.sortID > 0 {
		b.SortOrderID(l.sortID)
	}
	return b.ColumnSizes(sizes).ValueCounts(values).NullValueCounts(nulls).NaNValueCounts(nans).
		LowerBoundValues(lower).UpperBoundValues(upper).SplitOffsets(m.Offsets).Build(), nil
}

// inLists finds the ids of fields below a list or a map.
func inLists(s *ice.Schema) map[int]bool {
	ids := map[int]bool{}
	var visit func(id int, t ice.Type, inside bool)
	visit = func(id int, t ice.Type, inside bool) {
		ids[id] = inside
		switch t := t.(type) {
		case *ice.ListType:
			visit(t.ElementID, t.Element, true)
		case *ice.MapType:
			visit(t.KeyID, t.KeyType, true)
			visit(t.ValueID, t.ValueType, true)
		case *ice.StructType:
			for _, f := range t.FieldList {
				visit(f.ID, f.Type, inside)
			}
		}
	}
	for _, f := range s.Fields() {
		visit(f.ID, f.Type, false)
	}
	return ids
}

// bound turns a bound in Parquet's plain encoding into Iceberg's single-value
// encoding. They differ for decimals, whose unscaled value is big-endian and as
// short as it can be; and a text must not end within a character.
func bound(t ice.Type, plain []byte) []byte {
	switch t := t.(type) {
	case ice.DecimalType:
		be := slices.Clone(plain)
		if t.Precision() <= 18 {
			slices.Reverse(be)
		}
		for len(be) > 1 && (be[0] == 0 && be[1] < 0x80 || be[0] == 0xff && be[1] >= 0x80) {
			be = be[1:]
		}
		return be
	case ice.StringType:
		for cut := range min(utf8.UTFMax, len(plain)) {
			if r, size := utf8.DecodeLastRune(plain[:len(plain)-cut]); r != utf8.RuneError || size != 1 {
				return plain[:len(plain)-cut]
			}
		}
	}
	return plain
}
