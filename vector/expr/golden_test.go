package expr_test

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/cockroachdb/datadriven"

	"github.com/wadi-engine/wadi/vector/chrono"
	"github.com/wadi-engine/wadi/vector/expr"
)

// TestGolden evaluates the expressions in testdata, one per line:
//
//	name(args):type    a call; the type of its result follows, string by default
//	'text' x'00ff' 12 12L 1.5 true    STRING, BYTES, INT, BIGINT, DOUBLE, BOOLEAN
//	1.50d    DECIMAL with the digits that are written
//	null:type    NULL
//
// The directive's zone=… is the session's time zone.
func TestGolden(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			env := expr.Env{Now: func() int64 { return 1_632_486_896_123 }}
			if d.HasArg("zone") {
				var zone string
				d.ScanArgs(t, "zone", &zone)
				z, err := chrono.LoadZone(zone)
				if err != nil {
					return err.Error()
				}
				env.Zone = z
			}
			var out strings.Builder
			for _, line := range strings.Split(d.Input, "\n") {
				p := &parser{s: line}
				e := p.expr()
				if p.rest() != "" || e == nil {
					fmt.Fprintf(&out, "syntax error at %q\n", p.rest())
					continue
				}
				fmt.Fprintln(&out, show(t, env, e))
			}
			return out.String()
		})
	})
}

// parser reads the expressions of TestGolden.
type parser struct {
	s  string
	at int
}

func (p *parser) rest() string { return strings.TrimSpace(p.s[p.at:]) }

func (p *parser) take(prefix string) bool {
	for p.at < len(p.s) && p.s[p.at] == ' ' {
		p.at++
	}
	if !strings.HasPrefix(p.s[p.at:], prefix) {
		return false
	}
	p.at += len(prefix)
	return true
}

func (p *parser) word(also string) string {
	from := p.at
	for p.at < len(p.s) && (p.s[p.at] == '_' || p.s[p.at] >= '0' && p.s[p.at] <= '9' || p.s[p.at]|32 >= 'a' && p.s[p.at]|32 <= 'z' || strings.IndexByte(also, p.s[p.at]) >= 0) {
		p.at++
	}
	return p.s[from:p.at]
}

func (p *parser) quoted() string {
	var b strings.Builder
	for p.at < len(p.s) {
		c := p.s[p.at]
		p.at++
		if c == '\'' {
			if p.at < len(p.s) && p.s[p.at] == '\'' {
				p.at++
			} else {
				break
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

func (p *parser) expr() expr.Expr {
	switch {
	case p.take("x'"):
		b, _ := hex.DecodeString(p.quoted())
		return lit(bytesT, b)
	case p.take("'"):
		return str(p.quoted())
	}
	p.take("")
	if p.at < len(p.s) && (p.s[p.at] == '-' || p.s[p.at] >= '0' && p.s[p.at] <= '9') {
		return number(p.word("-.+"))
	}
	name := p.word("")
	switch name {
	case "true", "false":
		return lit(boolT, name == "true")
	case "null":
		return lit(p.typ(), nil)
	}
	var args []expr.Expr
	if !p.take("(") {
		return nil
	}
	for !p.take(")") {
		a := p.expr()
		if a == nil {
			return nil
		}
		args = append(args, a)
		if !p.take(",") && !strings.HasPrefix(p.rest(), ")") {
			return nil
		}
	}
	return call(p.typ(), name, args...)
}

func number(s string) expr.Expr {
	if text, ok := strings.CutSuffix(s, "d"); ok {
		whole, fraction, _ := strings.Cut(text, ".")
		n, err := decimal128.FromString(text, 38, int32(len(fraction)))
		if err != nil {
			return nil
		}
		return lit(dec(int32(max(len(strings.TrimLeft(whole, "-0"))+len(fraction), 1)), int32(len(fraction))), n)
	}
	if text, ok := strings.CutSuffix(s, "L"); ok {
		n, _ := strconv.ParseInt(text, 10, 64)
		return lit(int64T, n)
	}
	if n, err := strconv.ParseInt(s, 10, 32); err == nil {
		return lit(int32T, n)
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil
	}
	return lit(doubleT, f)
}

func (p *parser) typ() arrow.DataType {
	if !p.take(":") {
		return textT
	}
	from, depth := p.at, 0
	for ; p.at < len(p.s); p.at++ {
		switch c := p.s[p.at]; {
		case c == '<' || c == '(':
			depth++
		case depth > 0 && (c == '>' || c == ')'):
			depth--
		case depth == 0 && strings.IndexByte(",) ", c) >= 0:
			return parseType(p.s[from:p.at])
		}
	}
	return parseType(p.s[from:p.at])
}

var goldenTypes = map[string]arrow.DataType{
	"bool": boolT, "tinyint": int8T, "smallint": arrow.PrimitiveTypes.Int16, "int": int32T, "bigint": int64T, "float": floatT, "double": doubleT,
	"string": textT, "bytes": bytesT, "date": dateT, "time": timeT, "ts3": ts3T, "ts6": ts6T, "ts9": ts9T, "ltz3": ltz3T,
	"months": monthT, "millis": spanT,
}

func parseType(s string) arrow.DataType {
	if t, ok := goldenTypes[s]; ok {
		return t
	}
	var precision, scale int32
	if n, _ := fmt.Sscanf(s, "dec(%d,%d)", &precision, &scale); n == 2 {
		return dec(precision, scale)
	}
	if inner, ok := strings.CutPrefix(s, "array<"); ok {
		return arrow.ListOf(parseType(strings.TrimSuffix(inner, ">")))
	}
	if inner, ok := strings.CutPrefix(s, "map<"); ok {
		k, v, _ := strings.Cut(strings.TrimSuffix(inner, ">"), ",")
		return arrow.MapOf(parseType(k), parseType(v))
	}
	if inner, ok := strings.CutPrefix(s, "row<"); ok {
		var fields []arrow.Field
		for i, f := range strings.Split(strings.TrimSuffix(inner, ">"), ",") {
			fields = append(fields, arrow.Field{Name: fmt.Sprintf("f%d", i), Type: parseType(f), Nullable: true})
		}
		return arrow.StructOf(fields...)
	}
	panic("type " + s)
}
