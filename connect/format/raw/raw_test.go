package raw_test

import (
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/connect/format/raw"
)

func TestRaw(t *testing.T) {
	for _, c := range []struct {
		of       arrow.DataType
		messages []string
		want     string
	}{
		{arrow.BinaryTypes.StringView, []string{"a", "", "a text that is long"}, `[{"v":"a"},{"v":""},{"v":"a text that is long"}]`},
		{arrow.BinaryTypes.StringView, []string{"\xff"}, "not UTF-8"},
		{arrow.BinaryTypes.BinaryView, []string{"\xff"}, `[{"v":"/w=="}]`},
		{arrow.PrimitiveTypes.Int32, []string{"\xff\xff\xff\xfe", "\x00\x00\x01\x00"}, `[{"v":-2},{"v":256}]`},
		{arrow.PrimitiveTypes.Int64, []string{"1"}, "a message of 1 bytes, want 8"},
		{arrow.PrimitiveTypes.Float64, []string{"\x3f\xf8\x00\x00\x00\x00\x00\x00"}, `[{"v":1.5}]`},
		{arrow.PrimitiveTypes.Float32, []string{"\x3f\xc0\x00\x00"}, `[{"v":1.5}]`},
		{arrow.FixedWidthTypes.Boolean, []string{"\x01", "\x00"}, `[{"v":true},{"v":false}]`},
		{arrow.ListOf(arrow.PrimitiveTypes.Int64), nil, "the format raw has no ARRAY"},
	} {
		got := decode(t, c.of, c.messages)
		if got != c.want && !(strings.HasPrefix(got, "error") && strings.Contains(got, c.want)) {
			t.Errorf("%v %q: %s, want %s", c.of, c.messages, got, c.want)
		}
	}
}

func decode(t *testing.T, of arrow.DataType, messages []string) string {
	t.Helper()
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	d, err := raw.New(arrow.NewSchema([]arrow.Field{{Name: "v", Type: of}}, nil))
	if err != nil {
		return "error: " + err.Error()
	}
	for _, m := range messages {
		if err := d.Append([]byte(m)); err != nil {
			return "error: " + err.Error()
		}
	}
	d.Truncate(d.Rows())
	rec := d.Record(alloc)
	defer rec.Release()
	text, err := rec.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\n", "")
}
