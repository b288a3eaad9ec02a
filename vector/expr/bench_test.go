package expr_test

import (
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/expr"
	"github.com/wadi-engine/wadi/vector/mem"
)

const benchRows = 16384

// bids is a batch in Nexmark's proportions: 2 % persons, 6 % auctions, bids.
func bids() arrow.RecordBatch {
	alloc := memory.DefaultAllocator
	person := arrow.StructOf(arrow.Field{Name: "dateTime", Type: ts3T, Nullable: true})
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "event_type", Type: int32T},
		{Name: "auction", Type: int64T},
		{Name: "price", Type: int64T},
		{Name: "ta", Type: ts3T, Nullable: true},
		{Name: "tb", Type: ts3T, Nullable: true},
		{Name: "tc", Type: ts3T, Nullable: true},
		{Name: "channel", Type: textT},
		{Name: "person", Type: person, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(alloc, schema)
	defer b.Release()
	for i := range benchRows {
		kind := 2
		if i%50 == 0 {
			kind = 0
		} else if i%50 < 4 {
			kind = 1
		}
		b.Field(0).(*array.Int32Builder).Append(int32(kind))
		b.Field(1).(*array.Int64Builder).Append(int64(i * 7919))
		b.Field(2).(*array.Int64Builder).Append(int64(i * 31))
		for k := range 3 {
			if k == kind {
				b.Field(3 + k).(*array.TimestampBuilder).Append(arrow.Timestamp(i))
			} else {
				b.Field(3 + k).AppendNull()
			}
		}
		b.Field(6).(*array.StringViewBuilder).Append(fmt.Sprintf("channel-%d of the bids", i%100))
		row := b.Field(7).(*array.StructBuilder)
		row.Append(kind == 0)
		row.FieldBuilder(0).(*array.TimestampBuilder).Append(arrow.Timestamp(i))
	}
	return b.NewRecordBatch()
}

func BenchmarkEval(b *testing.B) {
	rec := bids()
	defer rec.Release()
	event := col(0, int32T)
	isType := func(n int64) expr.Expr { return call(boolT, "eq", event, lit(int32T, n)) }
	rate, err := decimal128.FromString("0.908", 3, 3)
	if err != nil {
		b.Fatal(err)
	}
	price, channel := col(2, int64T), col(6, textT)
	for _, c := range []struct {
		name string
		e    expr.Expr
	}{
		{"case_event_time", call(ts3T, "case", isType(0), col(3, ts3T), isType(1), col(4, ts3T), col(5, ts3T))},
		{"case_event_time_nested", call(ts3T, "case", isType(0), call(ts3T, "field", col(7, rec.Schema().Field(7).Type), lit(int32T, 0)), isType(1), col(4, ts3T), col(5, ts3T))},
		{"mul_decimal", call(dec(23, 3), "mul", lit(dec(3, 3), rate), price)},
		{"decimal_compare", call(boolT, "gt", call(dec(23, 3), "mul", lit(dec(3, 3), rate), price), lit(int32T, 1000))},
		{"add_int64", call(int64T, "add", price, col(1, int64T))},
		{"mod_int64", call(int64T, "mod", price, lit(int64T, 123))},
		{"less_int64", call(boolT, "lt", price, lit(int64T, 100_000))},
		{"equal_string", call(boolT, "eq", channel, str("channel-7 of the bids"))},
		{"like", call(boolT, "like", channel, str("%7 of%"))},
		{"substring", call(textT, "substring", channel, lit(int32T, 3), lit(int32T, 14))},
		{"upper", call(textT, "upper", channel)},
		{"date_format", call(textT, "date_format", col(5, ts3T), str("yyyy-MM-dd HH:mm"))},
		{"cast_int_string", call(textT, "cast", price)},
	} {
		b.Run(c.name, func(b *testing.B) {
			p, err := expr.Compile([]expr.Expr{c.e}, rec.Schema(), expr.Env{})
			if err != nil {
				b.Fatal(err)
			}
			alloc := mem.Default()
			b.ReportAllocs()
			for b.Loop() {
				out, err := p.Eval(alloc, rec, nil)
				if err != nil {
					b.Fatal(err)
				}
				out[0].Release()
			}
			b.ReportMetric(float64(b.N)*benchRows/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}

func BenchmarkFilter(b *testing.B) {
	rec := bids()
	defer rec.Release()
	mod := call(boolT, "eq", call(int64T, "mod", col(1, int64T), lit(int32T, 123)), lit(int32T, 0))
	isBid := call(boolT, "eq", col(0, int32T), lit(int32T, 2))
	for _, c := range []struct {
		name string
		e    expr.Expr
	}{
		{"mod_equals", mod},
		{"event_type", isBid},
		{"bid_and_mod", call(boolT, "and", isBid, mod)},
		{"price_range", call(boolT, "and", call(boolT, "ge", col(2, int64T), lit(int64T, 1000)), call(boolT, "lt", col(2, int64T), lit(int64T, 90000)))},
	} {
		b.Run(c.name, func(b *testing.B) {
			f, err := expr.CompileFilter(c.e, rec.Schema(), expr.Env{})
			if err != nil {
				b.Fatal(err)
			}
			alloc := mem.Default()
			dst := make(vector.Sel, 0, benchRows)
			b.ReportAllocs()
			for b.Loop() {
				if dst, err = f.Select(alloc, rec, dst, nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*benchRows/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}

// BenchmarkUserFunc compares a function of the user over whole arrays with the
// same kernel of the engine.
func BenchmarkUserFunc(b *testing.B) {
	rec := bids()
	defer rec.Release()
	col := &expr.Column{Index: 2, Name: "price", Of: int64T}
	twice := func(alloc memory.Allocator, rows int, args []arrow.Array) (arrow.Array, error) {
		buf, out := vector.NewValues[int64](alloc, rows)
		for i, v := range args[0].(*array.Int64).Int64Values() {
			out[i] = 2 * v
		}
		return vector.MakeArray(int64T, rows, 0, nil, buf), nil
	}
	env := expr.Env{Functions: map[string]expr.UserFunc{"user:TWICE": twice}}
	for name, e := range map[string]expr.Expr{
		"built-in": &expr.Call{Func: "mul", Args: []expr.Expr{col, &expr.Literal{Value: int64(2), Of: int64T}}, Of: int64T},
		"user":     &expr.Call{Func: "user:TWICE", Args: []expr.Expr{col}, Of: int64T},
	} {
		p, err := expr.Compile([]expr.Expr{e}, rec.Schema(), env)
		if err != nil {
			b.Fatal(err)
		}
		pool := mem.Default()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				cols, err := p.Eval(pool, rec, nil)
				if err != nil {
					b.Fatal(err)
				}
				cols[0].Release()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
		})
	}
}
