package confluent_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/wadi-engine/wadi/connect/format/registry"
	"github.com/wadi-engine/wadi/internal/testserver"
)

// TestProtobuf: a message says which of its schema it is, and a schema may import others.
func TestProtobuf(t *testing.T) {
	r := testserver.SchemaRegistry(t)
	r.SeedSchema("common", 1, 1, sr.Schema{Type: sr.TypeProtobuf, Schema: `syntax = "proto3"; package c; message Name { string name = 1; }`})
	r.SeedSchema("s", 1, 2, sr.Schema{
		Type: sr.TypeProtobuf, References: []sr.SchemaReference{{Name: "common.proto", Subject: "common", Version: 1}},
		Schema: `syntax = "proto3"; import "common.proto"; message First { int64 id = 1; message In { int64 id = 2; c.Name name = 3; } } message Second { string id = 1; }`,
	})
	d := decoder(t, "protobuf-confluent", columnsOf("id", bigint, "name", line), map[string]string{"protobuf-confluent.url": r.URL()})
	number := func(field protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), v)
	}
	name := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "n")
	inner := protowire.AppendBytes(protowire.AppendTag(number(2, 8), 3, protowire.BytesType), name)
	for _, c := range []struct {
		indexes, bytes []byte
		want           string
	}{
		{[]byte{0}, number(1, 7), ""},
		{[]byte{4, 0, 0}, inner, ""},
		{[]byte{2, 2}, nil, "field id: a string of Protobuf is no BIGINT"},
		{[]byte{2, 4}, nil, "the schema has no message [2]"},
		{nil, nil, "does not say which message"},
	} {
		for range 2 {
			err := add(t, d, append(append(registry.AppendHeader(nil, 2), c.indexes...), c.bytes...))
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v: %v, want %q", c.indexes, err, c.want)
			}
		}
	}
	want := strings.Repeat(`{"id":7,"name":null}`+"\n", 2) + strings.TrimSpace(strings.Repeat(`{"id":8,"name":{"name":"n"}}`+"\n", 2))
	if got := text(t, d); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
