package datatype

import "github.com/wadi-engine/wadi/sql/parse"

// Parse reads Flink's text of a type.
func Parse(text string) (Type, error) {
	d, err := parse.DataType(text)
	if err != nil {
		return Type{}, err
	}
	return FromAST(d)
}
