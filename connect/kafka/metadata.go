package kafka

import (
	"fmt"
	"maps"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/vector/expr"
)

// metadata is something that is known of a record besides its value.
type metadata struct {
	name   string
	of     arrow.DataType
	append func(b array.Builder, r *kgo.Record)
}

// headerList keeps the order of headers, and those of one name.
var headerList = arrow.ListOf(arrow.StructOf(
	arrow.Field{Name: "key", Type: arrow.BinaryTypes.StringView, Nullable: true}, arrow.Field{Name: "value", Type: arrow.BinaryTypes.BinaryView, Nullable: true}))

var headerMap = arrow.MapOf(arrow.BinaryTypes.StringView, arrow.BinaryTypes.BinaryView)

// known are the pieces of metadata by the names that Flink gives them.
var known = map[string]metadata{
	"topic": {"topic", arrow.BinaryTypes.StringView, func(b array.Builder, r *kgo.Record) {
		b.(*array.StringViewBuilder).Append(r.Topic)
	}},
	"partition": {"partition", arrow.PrimitiveTypes.Int32, func(b array.Builder, r *kgo.Record) {
		b.(*array.Int32Builder).Append(r.Partition)
	}},
	"offset": {"offset", arrow.PrimitiveTypes.Int64, func(b array.Builder, r *kgo.Record) {
		b.(*array.Int64Builder).Append(r.Offset)
	}},
	"leader-epoch": {"leader-epoch", arrow.PrimitiveTypes.Int32, func(b array.Builder, r *kgo.Record) {
		if r.LeaderEpoch < 0 {
			b.AppendNull()
			return
		}
		b.(*array.Int32Builder).Append(r.LeaderEpoch)
	}},
	"timestamp": {"timestamp", &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}, func(b array.Builder, r *kgo.Record) {
		b.(*array.TimestampBuilder).Append(arrow.Timestamp(r.Timestamp.UnixMilli()))
	}},
	"timestamp-type": {"timestamp-type", arrow.BinaryTypes.StringView, func(b array.Builder, r *kgo.Record) {
		b.(*array.StringViewBuilder).Append(map[int8]string{0: "CreateTime", 1: "LogAppendTime"}[r.Attrs.TimestampType()])
	}},
	"header-list": {"header-list", headerList, func(b array.Builder, r *kgo.Record) {
		l := b.(*array.ListBuilder)
		l.Append(true)
		rows := l.ValueBuilder().(*array.StructBuilder)
		for _, h := range r.Headers {
			rows.Append(true)
			rows.FieldBuilder(0).(*array.StringViewBuilder).Append(h.Key)
			if value := rows.FieldBuilder(1).(*array.BinaryViewBuilder); h.Value == nil {
				value.AppendNull()
			} else {
				value.Append(h.Value)
			}
		}
	}},
	"headers": {"headers", headerMap, func(b array.Builder, r *kgo.Record) {
		last := map[string][]byte{}
		for _, h := range r.Headers {
			last[h.Key] = h.Value
		}
		m := b.(*array.MapBuilder)
		m.Append(true)
		for _, k := range slices.Sorted(maps.Keys(last)) {
			m.KeyBuilder().(*array.StringViewBuilder).Append(k)
			m.ItemBuilder().(*array.BinaryViewBuilder).Append(last[k])
		}
	}},
}

// metadataOf is what a column of that type is to hold.
func metadataOf(f arrow.Field, key string) (metadata, error) {
	m := known[key]
	if m.name == "" || !arrow.TypeEqual(f.Type, m.of) {
		return m, fmt.Errorf("%w: column %s: the metadata '%s' of a record is %s", job.ErrInvalid, f.Name, key, expr.TypeName(m.of))
	}
	return m, nil
}

func metadataKeys() []string { return slices.Sorted(maps.Keys(known)) }

// column tells a piece of metadata of records.
func (m metadata) column(alloc memory.Allocator, records []*kgo.Record) arrow.Array {
	b := array.NewBuilder(alloc, m.of)
	defer b.Release()
	b.Reserve(len(records))
	for _, r := range records {
		m.append(b, r)
	}
	return b.NewArray()
}
