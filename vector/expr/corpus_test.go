package expr_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/wadi-engine/wadi/internal/corpora"
	"github.com/wadi-engine/wadi/vector/chrono"
	"github.com/wadi-engine/wadi/vector/expr"
)

// corpusCase is one case of Flink's own function tests: columns f0, f1, … with
// values and types, expressions over them, and their results or an error.
type corpusCase struct {
	ID      string            `json:"id"`
	Config  string            `json:"config"`
	Data    []json.RawMessage `json:"data"`
	Types   []string          `json:"data_types"`
	SQL     string            `json:"sql"`
	Result  []json.RawMessage `json:"result"`
	Results []string          `json:"result_types"`
	Fails   string            `json:"runtime_error_class"`
}

// TestFlinkCasts runs the scalar casts of Flink's CastFunctionITCase.
func TestFlinkCasts(t *testing.T) {
	f, err := os.Open(corpora.Path(t, "flink_functions", "CastFunctionITCase.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	ran, left := 0, 0
	for lines.Scan() {
		var c corpusCase
		dec := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		if err := dec.Decode(&c); err != nil {
			t.Fatal(err)
		}
		r, l := c.run(t)
		ran, left = ran+r, left+l
	}
	t.Logf("%d casts, %d left out", ran, left)
	if ran < 240 {
		t.Errorf("only %d casts could be run", ran)
	}
}

var castSQL = regexp.MustCompile(`^(TRY_CAST|CAST)\(f(\d+) AS (.*)\)$`)

func (c *corpusCase) run(t *testing.T) (ran, left int) {
	env := expr.Env{}
	if at := strings.Index(c.Config, "table.local-time-zone="); at >= 0 {
		zone, err := chrono.LoadZone(strings.TrimRight(c.Config[at+len("table.local-time-zone="):], "}"))
		if err != nil {
			t.Fatal(err)
		}
		env.Zone = zone
	}
	for i, item := range splitTop(c.SQL) {
		m := castSQL.FindStringSubmatch(item)
		if m == nil || c.Result == nil && c.Fails == "" {
			left++
			continue
		}
		n, _ := strconv.Atoi(m[2])
		from, okFrom := flinkType(c.Types[n])
		to, okTo := flinkType(m[3])
		if !okFrom || !okTo {
			left++
			continue
		}
		in, ok := flinkValue(c.Data[n], from)
		if !ok {
			left++
			continue
		}
		ran++
		in = call(from, "cast", in, str(c.Types[n])) // cut and padded as its type says
		got := show(t, env, call(to, strings.ToLower(m[1]), in, str(m[3]), str(c.Types[n])))
		if c.Fails != "" {
			if !strings.HasPrefix(got, "error: cannot cast") {
				t.Errorf("%s: %s of %s %s: got %s, want an error", c.ID, item, c.Types[n], c.Data[n], got)
			}
			continue
		}
		lit, ok := flinkValue(c.Result[i], to)
		if !ok {
			t.Errorf("%s: result %s", c.ID, c.Result[i])
			continue
		}
		if want := show(t, env, lit); got != want {
			t.Errorf("%s: %s of %s %s: got %s, want %s", c.ID, item, c.Types[n], c.Data[n], got, want)
		}
	}
	return ran, left
}

// splitTop splits a list at the commas outside parentheses.
func splitTop(s string) []string {
	var out []string
	depth, from := 0, 0
	for i, c := range s {
		switch {
		case c == '(' || c == '<':
			depth++
		case c == ')' || c == '>':
			depth--
		case c == ',' && depth == 0:
			out, from = append(out, strings.TrimSpace(s[from:i])), i+1
		}
	}
	return append(out, strings.TrimSpace(s[from:]))
}

// flinkType reads a scalar type.
func flinkType(s string) (arrow.DataType, bool) {
	s = strings.TrimSuffix(s, " NOT NULL")
	root, rest, _ := strings.Cut(s, "(")
	var p, q int
	if a, b, ok := strings.Cut(strings.TrimSuffix(rest, ")"), ","); ok {
		q, _ = strconv.Atoi(strings.TrimSpace(b))
		p, _ = strconv.Atoi(a)
	} else {
		p, _ = strconv.Atoi(a)
	}
	unit := arrow.Millisecond
	if p > 6 {
		unit = arrow.Nanosecond
	} else if p > 3 || rest == "" {
		unit = arrow.Microsecond
	}
	switch root {
	case "BOOLEAN":
		return boolT, true
	case "TINYINT":
		return int8T, true
	case "SMALLINT":
		return arrow.PrimitiveTypes.Int16, true
	case "INT":
		return int32T, true
	case "BIGINT":
		return int64T, true
	case "FLOAT":
		return floatT, true
	case "DOUBLE":
		return doubleT, true
	case "DECIMAL":
		return dec(int32(p), int32(q)), rest != ""
	case "CHAR", "VARCHAR", "STRING":
		return textT, true
	case "BINARY", "VARBINARY", "BYTES":
		return bytesT, true
	case "DATE":
		return dateT, true
	case "TIME":
		return timeT, true
	case "TIMESTAMP":
		return &arrow.TimestampType{Unit: unit}, true
	case "TIMESTAMP_LTZ":
		return &arrow.TimestampType{Unit: unit, TimeZone: "UTC"}, true
	case "INTERVAL YEAR TO MONTH", "INTERVAL YEAR", "INTERVAL MONTH":
		return monthT, true
	case "INTERVAL DAY TO SECOND", "INTERVAL DAY", "INTERVAL SECOND", "INTERVAL HOUR":
		return spanT, true
	}
	return nil, false
}

// flinkValue makes a literal of a JSON value, where {"$Kind": text} stands for
// Java's objects.
func flinkValue(raw json.RawMessage, t arrow.DataType) (expr.Expr, bool) {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil, false
	}
	switch v := v.(type) {
	case nil:
		return lit(t, nil), true
	case bool:
		return lit(t, v), true
	case string:
		if dt, ok := t.(*arrow.Decimal128Type); ok {
			n, err := decimal128.FromString(v, dt.Precision, dt.Scale)
			return lit(t, n), err == nil
		}
		return lit(t, v), arrow.TypeEqual(t, textT)
	case json.Number:
		return flinkNumber(v, t)
	case map[string]any:
		for kind, text := range v {
			s, ok := text.(string)
			if !ok {
				return nil, false
			}
			return flinkObject(kind, s, t)
		}
	}
	return nil, false
}

func flinkNumber(v json.Number, t arrow.DataType) (expr.Expr, bool) {
	if dt, ok := t.(*arrow.Decimal128Type); ok {
		n, err := decimal128.FromString(v.String(), dt.Precision, dt.Scale)
		return lit(t, n), err == nil
	}
	if t.ID() == arrow.FLOAT32 || t.ID() == arrow.FLOAT64 {
		f, err := v.Float64()
		return lit(t, f), err == nil
	}
	n, err := v.Int64()
	return lit(t, n), err == nil
}

func flinkObject(kind, s string, t arrow.DataType) (expr.Expr, bool) {
	switch kind {
	case "$base64":
		b, err := base64.StdEncoding.DecodeString(s)
		return lit(t, b), err == nil
	case "$LocalDate":
		days, ok := chrono.ParseDate(s)
		return lit(t, days), ok
	case "$LocalTime":
		ms, ok := chrono.ParseTime(s)
		return lit(t, ms-ms%1000), ok // all are TIME(0)
	case "$float":
		f, err := strconv.ParseFloat(s, 64)
		return lit(t, f), err == nil
	case "$LocalDateTime", "$Instant":
		if ts := t.(*arrow.TimestampType); kind == "$LocalDateTime" && ts.TimeZone != "" {
			local, ok := flinkObject(kind, s, &arrow.TimestampType{Unit: ts.Unit})
			return call(t, "cast", local), ok
		}
		for _, layout := range []string{"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04"} {
			at, err := time.Parse(layout, s)
			if err != nil {
				continue
			}
			switch t.(*arrow.TimestampType).Unit {
			case arrow.Millisecond:
				return lit(t, at.UnixMilli()), true
			case arrow.Microsecond:
				return lit(t, at.UnixMicro()), true
			default:
			}
			return lit(t, at.UnixNano()), true
		}
	case "$Duration":
		d, err := time.ParseDuration(strings.ToLower(strings.TrimPrefix(s, "PT")))
		return lit(t, d.Milliseconds()), err == nil
	case "$Period":
		var months int64
		m := regexp.MustCompile(`^P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:0D)?$`).FindStringSubmatch(s)
		if m == nil {
			return nil, false
		}
		for i, size := range []int64{12, 1} {
			n, _ := strconv.ParseInt("0"+m[i+1], 10, 64)
			if strings.HasPrefix(m[i+1], "-") {
				n, _ = strconv.ParseInt(m[i+1], 10, 64)
			}
			months += n * size
		}
		return lit(t, months), true
	}
	return nil, false
}
