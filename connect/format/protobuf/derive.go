package protobuf

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/vector/expr"
)

// named is what fields may be called.
var named = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Derive is a .proto file whose first message has the columns of a table, numbered in
// their order. What may be NULL is optional; a list or map that is NULL has no elements.
func Derive(s *arrow.Schema) (string, error) {
	d := &deriver{}
	if err := d.message("Row", s.Fields(), ""); err != nil {
		return "", fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	head := "syntax = \"proto3\";\n\n"
	if d.times {
		head += "import \"google/protobuf/timestamp.proto\";\n\n"
	}
	return head + d.text.String(), nil
}

type deriver struct {
	text  strings.Builder
	times bool
}

func (d *deriver) message(name string, fields []arrow.Field, indent string) error {
	fmt.Fprintf(&d.text, "%smessage %s {\n", indent, name)
	for i, f := range fields {
		if !named.MatchString(f.Name) {
			return fmt.Errorf("column %q: names in Protobuf are of letters, digits and _", f.Name)
		}
		t, label, err := d.field(f, indent+"  ")
		if err != nil {
			return fmt.Errorf("column %s: %w", f.Name, err)
		}
		fmt.Fprintf(&d.text, "%s  %s%s %s = %d;\n", indent, label, t, f.Name, i+1)
	}
	d.text.WriteString(indent + "}\n")
	return nil
}

// field is the type of a column and what stands before it; messages inside are written
// first.
func (d *deriver) field(f arrow.Field, indent string) (of, label string, err error) {
	switch t := f.Type.(type) {
	case *arrow.ListType:
		of, err = d.single(f.Name, t.Elem(), indent)
		return of, "repeated ", err
	case *arrow.MapType:
		key, err := d.single(f.Name, t.KeyType(), indent)
		if err != nil {
			return "", "", err
		}
		switch key {
		case "string", "int32", "int64", "bool":
		default:
			return "", "", fmt.Errorf("the keys of a map in Protobuf are text, whole numbers or booleans, not %s", expr.TypeName(t.KeyType()))
		}
		value, err := d.single(f.Name, t.ItemType(), indent)
		return "map<" + key + ", " + value + ">", "", err
	}
	if of, err = d.single(f.Name, f.Type, indent); f.Nullable {
		label = "optional "
	}
	return of, label, err
}

func (d *deriver) single(name string, t arrow.DataType, indent string) (string, error) {
	switch t := t.(type) {
	case *arrow.StringViewType:
		return "string", nil
	case *arrow.BinaryViewType:
		return "bytes", nil
	case *arrow.BooleanType:
		return "bool", nil
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type:
		return "int32", nil
	case *arrow.Int64Type:
		return "int64", nil
	case *arrow.Float32Type:
		return "float", nil
	case *arrow.Float64Type:
		return "double", nil
	case *arrow.TimestampType:
		d.times = true
		return "google.protobuf.Timestamp", nil
	case *arrow.StructType:
		return name + "_Row", d.message(name+"_Row", t.Fields(), indent)
	case *arrow.ListType, *arrow.MapType:
		return "", fmt.Errorf("lists and maps in Protobuf hold no lists and maps; put them into a ROW")
	}
	return "", fmt.Errorf("no type of Protobuf fits %s: CAST it to another one, such as STRING", expr.TypeName(t))
}
