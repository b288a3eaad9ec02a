package kafka

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// persisted is a metadata column that rows give to their records.
type persisted struct {
	column int // of the table
	timed  bool
	set    func(r *kgo.Record, column arrow.Array, row int)
}

// persistent are the pieces of metadata that can be written. A NULL leaves them to
// the client.
var persistent = map[string]func(r *kgo.Record, column arrow.Array, row int){
	"timestamp": func(r *kgo.Record, column arrow.Array, row int) {
		if column.IsValid(row) {
			r.Timestamp = time.UnixMilli(int64(column.(*array.Timestamp).Value(row)))
		}
	},
	"headers": func(r *kgo.Record, column arrow.Array, row int) {
		if column.IsNull(row) {
			return
		}
		m := column.(*array.Map)
		keys, values := m.Keys().(*array.StringView), m.Items().(*array.BinaryView)
		from, to := m.ValueOffsets(row)
		for i := int(from); i < int(to); i++ {
			h := kgo.RecordHeader{Key: strings.Clone(keys.Value(i))}
			if values.IsValid(i) {
				h.Value = slices.Clone(values.Value(i))
			}
			r.Headers = append(r.Headers, h)
		}
	},
}

// persistedOf finds the metadata columns of a table that is written.
func persistedOf(schema *arrow.Schema) ([]persisted, error) {
	var all []persisted
	for i, f := range schema.Fields() {
		key, ok := f.Metadata.GetValue(ops.MetadataColumn)
		if !ok {
			continue
		}
		if _, err := metadataOf(f, key); err != nil {
			return nil, err
		}
		set := persistent[key]
		if set == nil {
			return nil, fmt.Errorf("%w: column %s: the metadata '%s' of records is only read, and %s are written; declare the column VIRTUAL",
				job.ErrInvalid, f.Name, key, strings.Join(slices.Sorted(maps.Keys(persistent)), " and "))
		}
		all = append(all, persisted{i, key == "timestamp", set})
	}
	return all, nil
}
