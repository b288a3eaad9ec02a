package datatype

import (
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/diag"
)

var simpleKinds = map[ast.TypeKind]Kind{
	ast.BooleanType: Boolean, ast.TinyIntType: TinyInt, ast.SmallIntType: SmallInt, ast.IntType: Int, ast.BigIntType: BigInt,
	ast.FloatType: Float, ast.DoubleType: Double, ast.DateType: Date, ast.NullType: Null, ast.VariantType: Variant,
}

var sizedKinds = map[ast.TypeKind]Kind{
	ast.CharType: Char, ast.VarcharType: VarChar, ast.BinaryType: Binary, ast.VarbinaryType: VarBinary,
	ast.StringType: VarChar, ast.BytesType: VarBinary,
}

var timeKinds = map[ast.TypeKind]Kind{ast.TimeType: Time, ast.TimestampType: Timestamp, ast.TimestampLTZType: TimestampLTZ}

// FromAST checks a type as written and fills in the defaults: DECIMAL(10, 0),
// CHAR(1), VARCHAR of any length (as Flink's parser), TIME(0), TIMESTAMP(6).
func FromAST(d *ast.DataType) (Type, error) {
	t, err := fromAST(d)
	return t.WithNull(d.Null != ast.NotNullType), err
}

func fromAST(d *ast.DataType) (Type, error) {
	if k, ok := simpleKinds[d.Kind]; ok {
		return Of(k), nil
	}
	if k, ok := sizedKinds[d.Kind]; ok {
		return sizedType(d, k)
	}
	if k, ok := timeKinds[d.Kind]; ok {
		return timeType(d, k)
	}
	switch d.Kind {
	case ast.DecimalType:
		return decimalType(d)
	case ast.IntervalType:
		switch d.Interval.From {
		case ast.Year, ast.Quarter, ast.Month:
			return Of(IntervalMonths), nil
		default:
			return Of(IntervalMillis), nil
		}
	case ast.ArrayType, ast.MultisetType, ast.MapType:
		return collectionType(d)
	case ast.RowType:
		return rowType(d)
	default:
	}
	return Type{}, diag.Unsupported(d.Pos, "type "+d.Kind.String())
}

func sizedType(d *ast.DataType, k Kind) (Type, error) {
	t := Type{Kind: k, Length: d.Length}
	switch {
	case d.Kind == ast.StringType, d.Kind == ast.BytesType:
		t.Length = MaxLength
	case d.Length == ast.Unstated && (k == Char || k == Binary):
		t.Length = 1
	case d.Length == ast.Unstated:
		t.Length = MaxLength
	case d.Length < 1:
		return t, diag.At(d.Pos, "the length of %s must be between 1 and %d", k, MaxLength)
	}
	return t, nil
}

func timeType(d *ast.DataType, k Kind) (Type, error) {
	t := Type{Kind: k, Precision: d.Precision}
	if d.Precision == ast.Unstated {
		t.Precision = defaultTimestamp
		if k == Time {
			t.Precision = 0
		}
	}
	if t.Precision < 0 || t.Precision > MaxTimePrecision {
		return t, diag.At(d.Pos, "the precision of %s must be between 0 and %d", k, MaxTimePrecision)
	}
	return t, nil
}

func decimalType(d *ast.DataType) (Type, error) {
	p, s := d.Precision, d.Scale
	if p == ast.Unstated {
		p = 10
	}
	if s == ast.Unstated {
		s = 0
	}
	if p < 1 || p > MaxDecimalPrecision {
		return Type{}, diag.At(d.Pos, "the precision of DECIMAL must be between 1 and %d", MaxDecimalPrecision)
	}
	if s < 0 || s > p {
		return Type{}, diag.At(d.Pos, "the scale of DECIMAL(%d, %d) must be between 0 and its precision", p, s)
	}
	return DecimalOf(p, s), nil
}

func collectionType(d *ast.DataType) (Type, error) {
	elem, err := FromAST(d.Elem)
	if err != nil {
		return Type{}, err
	}
	switch d.Kind {
	case ast.ArrayType:
		return ArrayOf(elem), nil
	case ast.MultisetType:
		return MultisetOf(elem), nil
	default:
	}
	key, err := FromAST(d.Key)
	return MapOf(key, elem), err
}

func rowType(d *ast.DataType) (Type, error) {
	t := RowOf()
	for _, f := range d.Fields {
		ft, err := FromAST(f.Type)
		if err != nil {
			return t, err
		}
		field := Field{Name: f.Name, Type: ft}
		if f.Comment != nil {
			field.Comment = f.Comment.Value
		}
		t.Fields = append(t.Fields, field)
	}
	return t, nil
}
