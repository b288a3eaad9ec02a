package rowfile

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/expr"
)

// textColumns turns cells of text into typed columns: a column at a time, by
// the same casts that SQL has. A row with a cell that does not fit its type
// is bad.
type textColumns struct {
	schema  *arrow.Schema
	in      *arrow.Schema // the same, as text
	casts   *expr.Program
	columns []*array.StringViewBuilder
	rows    int
	numbers []int64 // of the rows in the file
}

func newTextColumns(s *arrow.Schema) (*textColumns, error) {
	t := &textColumns{schema: s}
	fields := make([]arrow.Field, s.NumFields())
	casts := make([]expr.Expr, s.NumFields())
	for i, f := range s.Fields() {
		fields[i] = arrow.Field{Name: f.Name, Type: arrow.BinaryTypes.StringView, Nullable: true}
		col := &expr.Column{Index: i, Name: f.Name, Of: fields[i].Type}
		if casts[i] = col; !t.isString(i) {
			casts[i] = &expr.Call{Func: "try_cast", Args: []expr.Expr{col}, Of: f.Type}
		}
	}
	t.in = arrow.NewSchema(fields, nil)
	var err error
	if t.casts, err = expr.Compile(casts, t.in, expr.Env{}); err != nil {
		return nil, fmt.Errorf("read text as the table's columns: %w", err)
	}
	return t, nil
}

func (t *textColumns) isString(i int) bool {
	return t.schema.Field(i).Type.ID() == arrow.STRING_VIEW
}

func (t *textColumns) begin(alloc memory.Allocator) {
	t.rows, t.numbers = 0, t.numbers[:0]
	t.columns = t.columns[:0]
	for range t.schema.NumFields() {
		t.columns = append(t.columns, array.NewStringViewBuilder(alloc))
	}
}

// row begins a row; the caller appends one cell to each column.
func (t *textColumns) row(number int64) {
	t.rows++
	t.numbers = append(t.numbers, number)
}

func (t *textColumns) end() {
	for _, c := range t.columns {
		c.Release()
	}
}

// record casts what was gathered. It returns nil when no row is good.
func (t *textColumns) record(alloc memory.Allocator) (arrow.RecordBatch, []badRow, error) {
	if t.rows == 0 {
		return nil, nil, nil
	}
	texts := make([]arrow.Array, len(t.columns))
	for i, c := range t.columns {
		texts[i] = c.NewArray()
		defer texts[i].Release()
	}
	in := array.NewRecordBatch(t.in, texts, int64(t.rows))
	defer in.Release()
	cols, err := t.casts.Eval(alloc, in, nil)
	if err != nil {
		return nil, nil, err
	}
	rec := array.NewRecordBatch(t.schema, cols, int64(t.rows))
	for _, c := range cols {
		c.Release()
	}
	good, bad := t.sort(texts, rec)
	if len(bad) == 0 {
		return rec, nil, nil
	}
	defer rec.Release()
	if len(good) == 0 {
		return nil, bad, nil
	}
	return vector.TakeRecord(alloc, rec, good), bad, nil
}

// sort tells the good rows from the bad ones: those where a cell was there and
// became NULL.
func (t *textColumns) sort(texts []arrow.Array, rec arrow.RecordBatch) (good vector.Sel, bad []badRow) {
	same := true
	for i, c := range rec.Columns() {
		same = same && c.NullN() == texts[i].NullN()
	}
	if same {
		return nil, nil
	}
	for row := range t.rows {
		if b, ok := t.check(texts, rec, row); ok {
			good = append(good, uint32(row))
		} else {
			bad = append(bad, b)
		}
	}
	return good, bad
}

func (t *textColumns) check(texts []arrow.Array, rec arrow.RecordBatch, row int) (badRow, bool) {
	for i, c := range rec.Columns() {
		if c.IsValid(row) || texts[i].IsNull(row) {
			continue
		}
		cells := make([]string, len(texts))
		for k, x := range texts {
			if x.IsValid(row) {
				cells[k] = x.(*array.StringView).Value(row)
			}
		}
		f := t.schema.Field(i)
		return badRow{
			row:    t.numbers[row],
			reason: fmt.Sprintf("column %s: %q is no %s", f.Name, cells[i], expr.TypeName(f.Type)),
			bytes:  []byte(strings.Join(cells, ",")),
		}, false
	}
	return badRow{}, true
}

// sampleRows is how many rows decide the types of columns that nobody declared.
const sampleRows = 1000

// guess is the narrowest type that fits the cells seen so far.
type guess struct {
	seen                                         bool
	notInt, notFloat, notBool, notDate, notStamp bool
}

var (
	intText   = regexp.MustCompile(`^[+-]?\d{1,18}$`)
	floatText = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$`)
	dateText  = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	stampText = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,9})?$`)
)

func (g *guess) see(text string) {
	g.seen = true
	lower := strings.ToLower(text)
	g.notInt = g.notInt || !intText.MatchString(text)
	g.notFloat = g.notFloat || !floatText.MatchString(text)
	g.notBool = g.notBool || lower != "true" && lower != "false"
	g.notDate = g.notDate || !dateText.MatchString(text)
	g.notStamp = g.notStamp || !stampText.MatchString(text)
}

func (g *guess) dataType() arrow.DataType {
	switch {
	case !g.seen:
	case !g.notInt:
		return arrow.PrimitiveTypes.Int64
	case !g.notFloat:
		return arrow.PrimitiveTypes.Float64
	case !g.notBool:
		return arrow.FixedWidthTypes.Boolean
	case !g.notDate:
		return arrow.FixedWidthTypes.Date32
	case !g.notStamp:
		return &arrow.TimestampType{Unit: arrow.Millisecond}
	}
	return arrow.BinaryTypes.StringView
}
