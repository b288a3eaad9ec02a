package write

import (
	"testing"

	ice "github.com/apache/iceberg-go"
)

func TestTruncatedBounds(t *testing.T) {
	for _, c := range []struct {
		lower, upper string
		n            int
		low, high    string
	}{
		{"abc", "abd", 16, "abc", "abd"},
		{"abcde", "abzde", 3, "abc", "ab{"},
		{"Köln", "Köln", 2, "Kö", "K÷"},
		{"a", "a\U0010FFFF\U0010FFFFz", 3, "a", "b"},
		{"a", "\U0010FFFF\U0010FFFFz", 2, "a", "none"},
		{"a", "\uD7FFx", 1, "a", "\uE000"},
	} {
		low, high := truncated(ice.PrimitiveTypes.String, []byte(c.lower), []byte(c.upper), c.n)
		if high == nil {
			high = []byte("none")
		}
		if string(low) != c.low || string(high) != c.high {
			t.Errorf("%+v: %q %q", c, low, high)
		}
	}
	low, high := truncated(ice.PrimitiveTypes.Binary, []byte{1, 2, 3}, []byte{1, 0xff, 3}, 2)
	if string(low) != "\x01\x02" || string(high) != "\x02" {
		t.Errorf("%x %x", low, high)
	}
	if _, high = truncated(ice.PrimitiveTypes.Binary, nil, []byte{0xff, 0xff}, 1); high != nil {
		t.Errorf("%x", high)
	}
}
