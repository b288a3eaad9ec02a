package sql_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/internal/corpora"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/bind"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/function"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/sql/parse"
	"github.com/wadi-engine/wadi/vector/expr"
)

// functionCase is one line of the corpus flink_functions.
type functionCase struct {
	ID          string   `json:"id"`
	SQL         string   `json:"sql"`
	Config      string   `json:"config"`
	Data        []any    `json:"data"`
	DataTypes   []string `json:"data_types"`
	Result      []any    `json:"result"`
	ResultTypes []string `json:"result_types"`
	Validation  any      `json:"validation_error"`
	Runtime     any      `json:"runtime_error"`
	RuntimeType any      `json:"runtime_error_class"`
	UDFs        any      `json:"udfs"`
}

func (c functionCase) fails() bool {
	return c.Validation != nil || c.Runtime != nil || c.RuntimeType != nil
}

// errSkip marks cases that the harness cannot feed or compare.
var errSkip = errors.New("skipped")

// TestFlinkFunctions binds, folds nothing, and computes the built-in function
// cases of Flink: the result and its type must be Flink's.
func TestFlinkFunctions(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(corpora.Path(t, "flink_functions"), "*.jsonl"))
	var right, wrong, missing, skipped int
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<24)
		for lines.Scan() {
			var c functionCase
			dec := json.NewDecoder(strings.NewReader(lines.Text()))
			dec.UseNumber()
			if err := dec.Decode(&c); err != nil {
				t.Fatal(err)
			}
			err := runFunction(c)
			switch {
			case err == nil:
				right++
			case errors.Is(err, errSkip):
				skipped++
			case strings.Contains(err.Error(), "not supported yet"), strings.Contains(err.Error(), "there is no function"), strings.Contains(err.Error(), "no function "):
				missing++
				if testing.Verbose() {
					t.Logf("MISSING %s %s: %v", c.ID, c.SQL, err)
				}
			default:
				wrong++
				if testing.Verbose() {
					t.Logf("WRONG %s %s: %v", c.ID, c.SQL, err)
				}
			}
		}
		f.Close()
	}
	t.Logf("%d right, %d wrong, %d not there yet, %d skipped", right, wrong, missing, skipped)
	if right < functionsRight {
		t.Errorf("%d cases are right, it were %d", right, functionsRight)
	}
}

// functionsRight is how many cases are known to be right.
const functionsRight = 530

func runFunction(c functionCase) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("PANIC %v", p)
		}
	}()
	if c.UDFs != nil {
		return errSkip
	}
	schema, rec, err := row(c)
	if err != nil {
		return err
	}
	defer rec.Release()
	zone := time.UTC
	if _, name, ok := strings.Cut(c.Config, "table.local-time-zone="); ok {
		name, _, _ = strings.Cut(strings.TrimRight(name, "}"), ",")
		if zone, err = time.LoadLocation(name); err != nil {
			return errSkip
		}
	} else if strings.Contains(c.Config, "legacy") {
		return errSkip
	}
	b := &bind.Binder{Functions: function.New(), Zone: zone}
	q, err := parse.Query("SELECT " + c.SQL)
	if err != nil {
		return fmt.Errorf("parse: %w", err)
	}
	sel, ok := q.(*ast.Select)
	if !ok || !c.fails() && len(sel.Items) != len(c.Result) {
		return errSkip
	}
	for i, item := range sel.Items {
		if err := runItem(c, b, schema, rec, item.Expr, i); err != nil || c.fails() {
			return err
		}
	}
	return nil
}

// runItem checks one expression of a case.
func runItem(c functionCase, b *bind.Binder, schema logical.Schema, rec arrow.RecordBatch, e ast.Expr, i int) error {
	v, err := b.Expr(context.Background(), e, "t", schema)
	if c.Validation != nil {
		if err == nil {
			return fmt.Errorf("was accepted, Flink says %v", c.Validation)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	p, err := expr.Compile([]expr.Expr{v.Expr}, rec.Schema(), expr.Env{Zone: b.Zone})
	if err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	out, err := p.Eval(memory.DefaultAllocator, rec, nil)
	if c.fails() {
		if err == nil {
			out[0].Release()
			return fmt.Errorf("gave a value, Flink fails: %v %v", c.Runtime, c.RuntimeType)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("eval: %w", err)
	}
	defer out[0].Release()
	if err := compareValue(out[0], v.Type, c.Result[i]); err != nil {
		return err
	}
	want, err := datatype.Parse(c.ResultTypes[i])
	if err != nil {
		return fmt.Errorf("result type %s: %w", c.ResultTypes[i], err)
	}
	if !v.Type.WithNull(true).Same(want.WithNull(true)) && !(v.Type.IsString() && want.IsString()) {
		return fmt.Errorf("type %s, want %s", v.Type, want)
	}
	return nil
}

// row builds the input of a case. Without types they are guessed as Flink's
// test does.
func row(c functionCase) (logical.Schema, arrow.RecordBatch, error) {
	var schema logical.Schema
	var fields []arrow.Field
	for i := range c.Data {
		t := guess(c.Data[i])
		if c.DataTypes != nil && i < len(c.DataTypes) {
			var err error
			if t, err = datatype.Parse(c.DataTypes[i]); err != nil {
				return nil, nil, errSkip
			}
		}
		if t.Kind == datatype.Null {
			if used(c, i) {
				return nil, nil, errSkip
			}
			t = datatype.String
		}
		name := fmt.Sprintf("f%d", i)
		schema = append(schema, logical.Column{Name: name, Type: t})
		fields = append(fields, datatype.ArrowField(name, t.WithNull(true)))
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for i, v := range c.Data {
		if used(c, i) {
			if err := feed(b.Field(i), schema[i].Type, v); err != nil {
				return nil, nil, err
			}
			continue
		}
		b.Field(i).AppendNull()
	}
	rec := b.NewRecordBatch()
	if len(fields) == 0 {
		rec = array.NewRecordBatch(arrow.NewSchema(nil, nil), nil, 1)
	}
	return schema, rec, nil
}

// used reports whether the case reads column i.
func used(c functionCase, i int) bool {
	return regexp.MustCompile(fmt.Sprintf(`\bf%d\b`, i)).MatchString(c.SQL)
}

func guess(v any) datatype.Type {
	switch v := v.(type) {
	case bool:
		return datatype.Of(datatype.Boolean).WithNull(false)
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return datatype.Of(datatype.Double).WithNull(false)
		}
		return datatype.Of(datatype.Int).WithNull(false)
	case string:
		return datatype.String.WithNull(false)
	case map[string]any:
		switch {
		case v["$LocalDate"] != nil:
			return datatype.Of(datatype.Date).WithNull(false)
		case v["$LocalDateTime"] != nil:
			return datatype.TimestampOf(9).WithNull(false)
		case v["$Instant"] != nil:
			return datatype.TimestampLTZOf(9).WithNull(false)
		}
	}
	return datatype.Type{}
}

// tagged unwraps {"$LocalDate": "…"}.
func tagged(v any) string {
	switch v := v.(type) {
	case map[string]any:
		for _, x := range v {
			if s, ok := x.(string); ok {
				return s
			}
		}
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

func instantOf(v any) (time.Time, error) {
	s := strings.TrimSuffix(tagged(v), "Z")
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if at, err := time.Parse(layout, s); err == nil {
			return at, nil
		}
	}
	return time.Time{}, errSkip
}

// feed appends a value of the corpus.
func feed(b array.Builder, t datatype.Type, v any) error {
	if v == nil {
		b.AppendNull()
		return nil
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		x, ok := v.(bool)
		if !ok {
			return errSkip
		}
		b.Append(x)
	case *array.StringViewBuilder:
		x, ok := v.(string)
		if !ok {
			return errSkip
		}
		b.Append(x)
	case *array.BinaryViewBuilder:
		raw, err := base64.StdEncoding.DecodeString(tagged(v))
		if err != nil {
			return errSkip
		}
		b.Append(raw)
	case *array.TimestampBuilder:
		at, err := instantOf(v)
		if err != nil {
			return err
		}
		n, err := arrow.TimestampFromTime(at, t.Arrow().(*arrow.TimestampType).Unit)
		if err != nil {
			return errSkip
		}
		b.Append(n)
	case *array.Decimal128Builder:
		return feedDecimal(b, t, v)
	case *array.ListBuilder:
		list, ok := v.([]any)
		if !ok {
			return errSkip
		}
		b.Append(true)
		for _, x := range list {
			if err := feed(b.ValueBuilder(), *t.Elem, x); err != nil {
				return err
			}
		}
	default:
		return feedScalar(b, v)
	}
	return nil
}

func feedDecimal(b *array.Decimal128Builder, t datatype.Type, v any) error {
	r, ok := new(big.Rat).SetString(tagged(v))
	if !ok {
		return errSkip
	}
	r.Mul(r, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Scale)), nil)))
	if !r.IsInt() {
		return errSkip
	}
	b.Append(decimal128.FromBigInt(r.Num()))
	return nil
}

func feedScalar(b array.Builder, v any) error {
	switch b := b.(type) {
	case *array.Date32Builder:
		d, err := time.Parse("2006-01-02", tagged(v))
		if err != nil {
			return errSkip
		}
		b.Append(arrow.Date32FromTime(d))
		return nil
	case *array.Time32Builder:
		for _, layout := range []string{"15:04:05", "15:04"} {
			if d, err := time.Parse(layout, tagged(v)); err == nil {
				b.Append(arrow.Time32(d.Sub(d.Truncate(24 * time.Hour)).Milliseconds()))
				return nil
			}
		}
		return errSkip
	case *array.StructBuilder, *array.MapBuilder, *array.DurationBuilder, *array.MonthIntervalBuilder:
		return errSkip
	}
	if err := b.AppendValueFromString(tagged(v)); err != nil {
		return errSkip
	}
	return nil
}

// compareValue compares the one value of a with the expected one.
func compareValue(a arrow.Array, t datatype.Type, want any) error {
	if a.Len() != 1 {
		return fmt.Errorf("%d values", a.Len())
	}
	return compareAt(a, 0, t, want)
}

func compareAt(a arrow.Array, i int, t datatype.Type, want any) error {
	got := a.ValueStr(i)
	differ := fmt.Errorf("value %s, want %v", got, want)
	if want == nil || a.IsNull(i) {
		if want == nil && a.IsNull(i) {
			return nil
		}
		return differ
	}
	same := false
	switch a := a.(type) {
	case *array.Boolean:
		same = want == a.Value(i)
	case *array.StringView:
		same = tagged(want) == a.Value(i)
	case *array.BinaryView:
		same = tagged(want) == base64.StdEncoding.EncodeToString(a.Value(i))
	case *array.Decimal128, *array.Float32, *array.Float64, *array.Int8, *array.Int16, *array.Int32, *array.Int64:
		x, ok1 := new(big.Float).SetString(got)
		y, ok2 := new(big.Float).SetString(tagged(want))
		if same = got == tagged(want); !same && ok1 && ok2 {
			d, _ := new(big.Float).Sub(x, y).Float64()
			m, _ := y.Float64()
			same = d == 0 || (t.IsApprox() && max(d, -d) <= 1e-6*max(m, -m))
		}
	case *array.Date32:
		same = got == tagged(want)
	case *array.Timestamp:
		at, err := instantOf(want)
		if err != nil {
			return err
		}
		same = a.Value(i).ToTime(a.DataType().(*arrow.TimestampType).Unit).Equal(at)
	case *array.Time32:
		d, err := time.Parse("15:04:05", tagged(want))
		if err != nil {
			if d, err = time.Parse("15:04", tagged(want)); err != nil {
				return errSkip
			}
		}
		same = int64(a.Value(i)) == d.Sub(d.Truncate(24*time.Hour)).Milliseconds()
	case *array.List:
		return compareList(a, i, t, want)
	default:
		return errSkip
	}
	if !same {
		return differ
	}
	return nil
}

func compareList(a *array.List, i int, t datatype.Type, want any) error {
	list, ok := want.([]any)
	if !ok {
		return errSkip
	}
	from, to := a.ValueOffsets(i)
	if int(to-from) != len(list) {
		return fmt.Errorf("value %s, want %v", a.ValueStr(i), want)
	}
	for j, w := range list {
		if err := compareAt(a.ListValues(), int(from)+j, *t.Elem, w); err != nil {
			return err
		}
	}
	return nil
}
