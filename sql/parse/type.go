package parse

import "github.com/wadi-engine/wadi/sql/ast"

// The types that are one word without parameters.
var plainTypes = map[string]ast.TypeKind{
	"BOOLEAN": ast.BooleanType, "TINYINT": ast.TinyIntType, "SMALLINT": ast.SmallIntType,
	"INT": ast.IntType, "INTEGER": ast.IntType, "BIGINT": ast.BigIntType,
	"FLOAT": ast.FloatType, "REAL": ast.FloatType, "STRING": ast.StringType, "BYTES": ast.BytesType,
	"DATE": ast.DateType, "NULL": ast.NullType, "VARIANT": ast.VariantType, "BITMAP": ast.BitmapType,
	"DESCRIPTOR": ast.DescriptorType,
}

// dataType reads a type with its nullability; ARRAY and MULTISET may also follow their element.
func (p *parser) dataType() *ast.DataType {
	p.enter()
	defer p.leave()
	t := p.typeName()
	p.nullability(t)
	for p.isAny("ARRAY", "MULTISET") {
		kind := ast.ArrayType
		if p.is("MULTISET") {
			kind = ast.MultisetType
		}
		outer := ast.NewType(kind)
		outer.Pos, outer.Elem = t.Pos, t
		p.advance()
		p.nullability(outer)
		t = outer
		p.enter()
		defer p.leave()
	}
	return t
}

func (p *parser) nullability(t *ast.DataType) {
	switch {
	case p.acceptAll("NOT", "NULL"):
		t.Null = ast.NotNullType
	case p.accept("NULL"):
		t.Null = ast.NullableType
	}
}

func (p *parser) typeName() *ast.DataType {
	tok := p.cur()
	t := ast.NewType(0)
	t.Pos = tok.pos
	if kind, ok := plainTypes[tok.key]; ok {
		p.advance()
		t.Kind = kind
		return t
	}
	switch tok.key {
	case "DECIMAL", "DEC", "NUMERIC":
		p.advance()
		t.Kind = ast.DecimalType
		if p.accept("(") {
			t.Precision = p.integer()
			if p.accept(",") {
				t.Scale = p.integer()
			}
			p.expect(")")
		}
	case "DOUBLE":
		p.advance()
		p.accept("PRECISION")
		t.Kind = ast.DoubleType
	case "CHAR", "CHARACTER", "BINARY":
		p.advance()
		t.Kind = ast.CharType
		varying := ast.VarcharType
		if tok.key == "BINARY" {
			t.Kind, varying = ast.BinaryType, ast.VarbinaryType
		}
		if p.accept("VARYING") {
			t.Kind = varying
		}
		t.Length = p.optionalSize()
	case "VARCHAR":
		p.advance()
		t.Kind, t.Length = ast.VarcharType, p.optionalSize()
	case "VARBINARY":
		p.advance()
		t.Kind, t.Length = ast.VarbinaryType, p.optionalSize()
	case "TIME", "TIMESTAMP", "TIMESTAMP_LTZ":
		p.timeType(t)
	case "INTERVAL":
		p.advance()
		t.Kind, t.Interval = ast.IntervalType, p.intervalUnit()
	default:
		p.nestedType(t)
	}
	return t
}

// optionalSize reads (n), or nothing: then it is ast.Unstated.
func (p *parser) optionalSize() int {
	if !p.accept("(") {
		return ast.Unstated
	}
	n := p.integer()
	p.expect(")")
	return n
}

func (p *parser) timeType(t *ast.DataType) {
	word := p.advance()
	t.Precision = p.optionalSize()
	switch word.key {
	case "TIMESTAMP_LTZ":
		t.Kind = ast.TimestampLTZType
		return
	case "TIMESTAMP":
		t.Kind = ast.TimestampType
	default:
		t.Kind = ast.TimeType
	}
	switch {
	case p.acceptAll("WITHOUT", "TIME", "ZONE"), p.acceptAll("WITHOUT", "LOCAL", "TIME", "ZONE"):
	case p.acceptAll("WITH", "LOCAL", "TIME", "ZONE"):
		if t.Kind == ast.TimeType {
			p.failf(word.pos, "TIME has no time zone in this dialect")
		}
		t.Kind = ast.TimestampLTZType
	case p.acceptAll("WITH", "TIME", "ZONE"):
		if t.Kind == ast.TimeType {
			p.failf(word.pos, "TIME has no time zone in this dialect")
		}
		t.Kind = ast.TimestampTZType
	}
}

// nestedType reads the types that hold others, and names of the catalog.
func (p *parser) nestedType(t *ast.DataType) {
	switch key := p.cur().key; {
	case (key == "ARRAY" || key == "MULTISET") && p.ahead(1).key == "<":
		p.at += 2
		t.Kind = ast.ArrayType
		if key == "MULTISET" {
			t.Kind = ast.MultisetType
		}
		t.Elem = p.dataType()
		p.expect(">")
	case key == "MAP" && p.ahead(1).key == "<":
		p.at += 2
		t.Kind = ast.MapType
		t.Key = p.dataType()
		p.expect(",")
		t.Elem = p.dataType()
		p.expect(">")
	case key == "ROW":
		p.advance()
		t.Kind = ast.RowType
		t.Fields = p.typeFields()
	case key == "STRUCTURED" && p.ahead(1).key == "<":
		p.at += 2
		t.Kind, t.Class = ast.StructuredType, p.text().Value
		if p.accept(",") {
			t.Fields = list(p, p.typeField)
		}
		p.expect(">")
	case key == "RAW" && p.ahead(1).key == "(":
		p.at += 2
		t.Kind, t.Class = ast.RawType, p.text().Value
		p.expect(",")
		t.Snapshot = p.text().Value
		p.expect(")")
	case p.isName():
		t.Kind, t.Name = ast.NamedType, p.name()
	default:
		p.want("type")
	}
}

// typeFields reads <name type, …> or (name type, …).
func (p *parser) typeFields() []ast.TypeField {
	if p.accept("<>") || p.acceptAll("(", ")") {
		return nil
	}
	end := ">"
	if !p.accept("<") {
		p.expect("(")
		end = ")"
	}
	fields := list(p, p.typeField)
	p.expect(end)
	return fields
}

func (p *parser) typeField() ast.TypeField {
	f := ast.TypeField{Ident: p.ident(), Type: p.dataType()}
	if p.accept("COMMENT") || p.cur().kind == tokString {
		c := p.text()
		f.Comment = &c
	}
	return f
}

var units = map[string]ast.Unit{
	"NANOSECOND": ast.Nanosecond, "MICROSECOND": ast.Microsecond, "MILLISECOND": ast.Millisecond,
	"SECOND": ast.Second, "MINUTE": ast.Minute, "HOUR": ast.Hour, "DAY": ast.Day,
	"DOW": ast.DayOfWeek, "ISODOW": ast.ISODow, "DOY": ast.DayOfYear, "DAYOFWEEK": ast.DayOfWeek, "DAYOFYEAR": ast.DayOfYear,
	"WEEK": ast.Week, "MONTH": ast.Month, "QUARTER": ast.Quarter, "YEAR": ast.Year,
	"ISOYEAR": ast.ISOYear, "EPOCH": ast.Epoch,
	"DECADE": ast.Decade, "CENTURY": ast.Century, "MILLENNIUM": ast.Millennium,
	"SECONDS": ast.Second, "MINUTES": ast.Minute, "HOURS": ast.Hour, "DAYS": ast.Day,
	"WEEKS": ast.Week, "MONTHS": ast.Month, "QUARTERS": ast.Quarter, "YEARS": ast.Year,
	"SQL_TSI_SECOND": ast.Second, "SQL_TSI_MINUTE": ast.Minute, "SQL_TSI_HOUR": ast.Hour, "SQL_TSI_DAY": ast.Day,
	"SQL_TSI_WEEK": ast.Week, "SQL_TSI_MONTH": ast.Month, "SQL_TSI_QUARTER": ast.Quarter, "SQL_TSI_YEAR": ast.Year,
	"SQL_TSI_MICROSECOND": ast.Microsecond, "SQL_TSI_FRAC_SECOND": ast.Nanosecond, "FRAC_SECOND": ast.Microsecond,
}

// The units that an interval can be made of.
var intervalUnits = map[ast.Unit]bool{
	ast.Second: true, ast.Minute: true, ast.Hour: true, ast.Day: true, ast.Week: true,
	ast.Month: true, ast.Quarter: true, ast.Year: true, ast.Millisecond: true, ast.Microsecond: true, ast.Nanosecond: true,
}

func (p *parser) timeUnit() ast.Unit {
	u, ok := units[p.cur().key]
	if !ok {
		for _, w := range []string{"SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"} {
			p.missed.add(p.at, w)
		}
		p.unexpected()
	}
	p.advance()
	return u
}

// intervalUnit reads DAY(3) TO SECOND(6) and its like.
func (p *parser) intervalUnit() ast.IntervalUnit {
	pos := p.pos()
	u := ast.IntervalUnit{From: p.timeUnit(), Fraction: ast.Unstated}
	if !intervalUnits[u.From] {
		p.failf(pos, "there is no interval of %s", u.From)
	}
	if p.accept("(") {
		at := p.pos()
		if u.Precision = p.integer(); u.Precision == 0 {
			p.failf(at, "the precision of an interval is at least 1")
		}
		if u.From == ast.Second && p.accept(",") {
			u.Fraction = p.integer()
		}
		p.expect(")")
	}
	if p.accept("TO") {
		pos = p.pos()
		if u.To = p.timeUnit(); !intervalUnits[u.To] || !finer(u.From, u.To) {
			p.failf(pos, "there is no interval of %s TO %s", u.From, u.To)
		}
		if u.To == ast.Second {
			u.Fraction = p.optionalSize()
		}
	}
	return u
}

// finer reports whether an interval can go from one unit to another.
func finer(from, to ast.Unit) bool {
	switch from {
	case ast.Year:
		return to == ast.Month
	case ast.Day:
		return to == ast.Hour || to == ast.Minute || to == ast.Second
	case ast.Hour:
		return to == ast.Minute || to == ast.Second
	case ast.Minute:
		return to == ast.Second
	default:
		return false
	}
}
