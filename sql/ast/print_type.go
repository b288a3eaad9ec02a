package ast

import "strconv"

func (t *DataType) print(p *printer) {
	switch t.Kind {
	case TimestampTZType:
		p.s("TIMESTAMP")
		p.params(t.Precision)
		p.s(" WITH TIME ZONE")
	case IntervalType:
		p.s("INTERVAL ")
		t.Interval.print(p)
	case ArrayType, MultisetType:
		p.s(t.Kind.String(), "<")
		t.Elem.print(p)
		p.s(">")
	case MapType:
		p.s("MAP<")
		t.Key.print(p)
		p.s(", ")
		t.Elem.print(p)
		p.s(">")
	case RowType, StructuredType:
		t.printFields(p)
	case RawType:
		p.s("RAW(", QuoteText(t.Class), ", ", QuoteText(t.Snapshot), ")")
	case NamedType:
		p.path(t.Name.Parts)
	case DecimalType:
		p.s("DECIMAL")
		p.params(t.Precision, t.Scale)
	case CharType, VarcharType, BinaryType, VarbinaryType:
		p.s(t.Kind.String())
		p.params(t.Length)
	case TimeType, TimestampType, TimestampLTZType:
		p.s(t.Kind.String())
		p.params(t.Precision)
	default:
		p.s(t.Kind.String())
	}
	switch t.Null {
	case NotNullType:
		p.s(" NOT NULL")
	case NullableType:
		p.s(" NULL")
	case NullabilityUnset:
	}
}

func (t *DataType) printFields(p *printer) {
	p.s(t.Kind.String(), "<")
	if t.Kind == StructuredType {
		p.text(t.Class)
		p.when(len(t.Fields) > 0, ", ")
	}
	p.list(len(t.Fields), func(i int) {
		f := &t.Fields[i]
		p.ident(f.Name)
		p.s(" ")
		f.Type.print(p)
		if f.Comment != nil {
			p.s(" ")
			p.text(f.Comment.Value)
		}
	})
	p.s(">")
}

// params writes (a, b) with the values that are stated.
func (p *printer) params(values ...int) {
	if values[0] == Unstated {
		return
	}
	p.s("(", strconv.Itoa(values[0]))
	for _, v := range values[1:] {
		if v != Unstated {
			p.s(", ", strconv.Itoa(v))
		}
	}
	p.s(")")
}

func (u IntervalUnit) print(p *printer) {
	p.s(string(u.From))
	lone := u.From == Second && u.To == ""
	switch {
	case lone && u.Precision > 0 && u.Fraction >= 0:
		p.params(u.Precision, u.Fraction)
	case u.Precision > 0:
		p.params(u.Precision)
	}
	if u.To != "" {
		p.s(" TO ", string(u.To))
		p.params(u.Fraction)
	}
}
