package datatype

import "fmt"

// Parse reads Flink's text of a type.
func Parse(text string) (Type, error) { return Type{}, fmt.Errorf("type %q", text) }
