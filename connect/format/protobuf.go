package format

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/wadi-engine/wadi/connect/format/confluent"
	"github.com/wadi-engine/wadi/connect/format/protobuf"
	"github.com/wadi-engine/wadi/connect/format/registry"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

const protobufConfluent = "protobuf-confluent"

var protobufFormat = Format{
	Name: "protobuf",
	Options: []ops.Option{
		{Key: "protobuf.descriptor-file", Help: "A file: a set of descriptors, as protoc --include_imports --descriptor_set_out writes it, or a .proto file."},
		{Key: "protobuf.message-name", Help: "The full name of the message in it."},
		{Key: "protobuf.message-class-name", Help: "Of Flink, for a class of Java; here the name of the message, if protobuf.message-name is not given."},
		{Key: "protobuf.read-default-values", Default: "false", Help: "Whether a field that is absent has its default; otherwise it is NULL, where the message can tell."},
		{Key: "protobuf.write-null-string-literal", Help: "What is written for a NULL text in a list or a map."},
		ignores("protobuf"),
	},
	NewDecoder: func(r Rows) (Decoder, error) {
		m, err := descriptor(r.Options)
		if err != nil {
			return nil, err
		}
		defaults, err := Flag(r.Options, "protobuf.read-default-values")
		if err != nil {
			return nil, err
		}
		d, err := protobuf.Plain(m, r.Schema, r.Paths, defaults)
		if err != nil {
			return nil, fmt.Errorf("%w: message %s: %w", job.ErrInvalid, m.FullName(), err)
		}
		return d, nil
	},
	NewEncoder: func(w Writing) (Encoder, error) {
		m, err := descriptor(w.Options)
		if err != nil {
			return nil, err
		}
		return protobuf.NewEncoder(m, w.Schema, w.Options["protobuf.write-null-string-literal"])
	},
}

// descriptor finds the message that the options name.
func descriptor(o map[string]string) (protoreflect.MessageDescriptor, error) {
	name := o["protobuf.message-name"]
	if name == "" {
		name = o["protobuf.message-class-name"]
	}
	switch {
	case o["protobuf.descriptor-file"] == "":
		return nil, fmt.Errorf("%w: option 'protobuf.descriptor-file' is missing: a file that protoc --include_imports --descriptor_set_out writes, or a .proto file; classes of Java are not read", job.ErrInvalid)
	case name == "":
		return nil, fmt.Errorf("%w: option 'protobuf.message-name' is missing: the full name of the message, such as shop.v1.Order", job.ErrInvalid)
	}
	return protobuf.Load(o["protobuf.descriptor-file"], name)
}

var protobufRegistered = Format{
	Name: protobufConfluent, Subject: true,
	Options: append(registry.Options(protobufConfluent), ignores(protobufConfluent),
		ops.Option{Key: protobufConfluent + ".read-default-values", Default: "false", Help: "As protobuf.read-default-values."},
		ops.Option{Key: protobufConfluent + ".write-null-string-literal", Help: "As protobuf.write-null-string-literal."}),
	NewEncoder: newProtobufConfluent,
	NewDecoder: func(r Rows) (Decoder, error) {
		defaults, err := Flag(r.Options, protobufConfluent+".read-default-values")
		if err != nil {
			return nil, err
		}
		c, err := registry.New(protobufConfluent, r.Options)
		if err != nil {
			return nil, err
		}
		return confluent.NewProtobuf(c, r.Schema, r.Paths, defaults)
	},
}
