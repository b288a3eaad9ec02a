package hybrid

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// change says where the last part begins.
type change struct {
	by string
	// With byTimestamp: rows whose column is before at are those of the parts before.
	column string
	at     time.Time
	// With byOffsets: the columns of a partition and of the offset in it.
	partition, offset string
	// starts says that it is decided here where the last part begins, which is one of Kafka.
	starts bool
	// untimed says that event time begins with the last part.
	untimed bool
}

// switchOf reads the options of the change, which must fit the table. Until it is
// decided where the last part begins, its options say that it does at its beginning.
func switchOf(t job.Table, parts []part) (change, error) {
	c := change{by: t.Options[keyBy], untimed: true}
	if c.by == "" {
		c.by = byOffsets
	}
	bad := func(format string, args ...any) (change, error) {
		return c, fmt.Errorf("%w: table %s: "+format, append([]any{job.ErrInvalid, t.Ident}, args...)...)
	}
	switch during := t.Options[keyTime]; during {
	case "", "behind":
	case "along":
		c.untimed = false
	default:
		return bad("option '%s' = '%s': want behind or along", keyTime, during)
	}
	live := parts[len(parts)-1]
	c.starts = c.by != byNothing && slices.Contains(ops.Keys(live.connector.Options), startMode) && live.table.Options[startMode] == ""
	switch c.by {
	case byNothing:
	case byOffsets:
		for _, f := range t.Schema.Fields() {
			switch key, _ := f.Metadata.GetValue(ops.MetadataColumn); {
			case key == "partition" && f.Type.ID() == arrow.INT32:
				c.partition = f.Name
			case key == "offset" && f.Type.ID() == arrow.INT64:
				c.offset = f.Name
			}
		}
		if c.partition == "" || c.offset == "" {
			return bad("to go on behind the offsets of the other parts it needs columns INT METADATA FROM 'partition' and BIGINT METADATA FROM 'offset', "+
				"which the other parts have as data; otherwise set '%s' = 'timestamp'", keyBy)
		}
		if !c.starts {
			return bad("with '%s' = 'offsets' part %s must be of connector 'kafka', without '%s.%s'", keyBy, live.id, live.id, startMode)
		}
	case byTimestamp:
		at, err := time.Parse("2006-01-02 15:04:05.999999999", t.Options[keyTimestamp])
		if err != nil {
			return bad("option '%s' = '%s': want a time in UTC, such as '2026-11-27 00:00:00'", keyTimestamp, t.Options[keyTimestamp])
		}
		c.at, c.column = at, t.Options[keyColumn]
		is := t.Schema.FieldIndices(c.column)
		if len(is) != 1 || t.Schema.Field(is[0]).Type.ID() != arrow.TIMESTAMP {
			return bad("option '%s' = '%s': want a column of type TIMESTAMP", keyColumn, c.column)
		}
	default:
		return bad("option '%s' = '%s': want offsets, timestamp or nothing", keyBy, c.by)
	}
	if c.starts {
		live.table.Options[startMode] = "earliest-offset"
	}
	return c, nil
}

// startMode is the option that says where a part of Kafka begins.
const startMode = "scan.startup.mode"

// start are options of the last part that say where it begins. A log whose records
// were written when their rows were, or later, need not be read from before the time
// that divides them.
func (c *change) start(ctx context.Context, e *enumerator) (map[string]string, error) {
	switch {
	case c.by == byOffsets:
		return e.behind(ctx)
	case c.starts:
		return map[string]string{startMode: "timestamp", "scan.startup.timestamp-millis": strconv.FormatInt(c.at.UnixMilli(), 10)}, nil
	}
	return nil, nil
}

// keeps are the rows that a part gives: the last those from a time on, and all
// without one, the others those before it.
func (c *change) keeps(rows arrow.RecordBatch, last bool) (sel vector.Sel, all bool) {
	if c.column == "" {
		return nil, true
	}
	times, ok := rows.Column(int(rows.NumCols()) - 1).(*array.Timestamp)
	if !ok {
		return nil, true // switchOf has seen to it
	}
	unit := times.DataType().(*arrow.TimestampType).Unit.Multiplier()
	at := arrow.Timestamp(c.at.Unix()*int64(time.Second/unit) + int64(c.at.Nanosecond())/int64(unit))
	sel = make(vector.Sel, 0, times.Len())
	for i, v := range times.Values() {
		if (times.IsNull(i) || v >= at) == last {
			sel = append(sel, uint32(i))
		}
	}
	return sel, len(sel) == times.Len()
}

// selected are some rows of a batch, which it releases. Its marks are not set yet.
func (r *reader) selected(b *stream.Batch, sel vector.Sel) (arrow.RecordBatch, *stream.Batch) {
	rows := vector.TakeRecord(r.alloc, b.Rows, sel)
	some := &stream.Batch{}
	if b.Kinds != nil {
		some.Kinds = make([]stream.RowKind, len(sel))
		for i, at := range sel {
			some.Kinds[i] = b.Kinds[at]
		}
	}
	b.Release()
	return rows, some
}
