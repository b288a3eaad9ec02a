package protobuf

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/wadi-engine/wadi/job"
)

// Load finds a message in a file: a set of descriptors as protoc --include_imports
// --descriptor_set_out and buf build write it, or a .proto file, whose imports lie
// beside it.
func Load(path, message string) (protoreflect.MessageDescriptor, error) {
	files, err := load(path)
	if err != nil {
		return nil, fmt.Errorf("%w: option 'protobuf.descriptor-file': %w", job.ErrInvalid, err)
	}
	var known []string
	for _, f := range files {
		if m := find(f.Messages(), protoreflect.FullName(message), &known); m != nil {
			return m, nil
		}
	}
	return nil, fmt.Errorf("%w: option 'protobuf.message-name' = '%s': %s has no such message; there are %s", job.ErrInvalid, message, path, strings.Join(known, ", "))
}

func find(all protoreflect.MessageDescriptors, name protoreflect.FullName, known *[]string) protoreflect.MessageDescriptor {
	for i := range all.Len() {
		m := all.Get(i)
		if m.FullName() == name {
			return m
		}
		if !m.IsMapEntry() {
			*known = append(*known, string(m.FullName()))
		}
		if inner := find(m.Messages(), name, known); inner != nil {
			return inner
		}
	}
	return nil
}

func load(path string) ([]protoreflect.FileDescriptor, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(path, ".proto") {
		f, err := compile(filepath.Base(path), &protocompile.SourceResolver{ImportPaths: []string{filepath.Dir(path)}})
		return []protoreflect.FileDescriptor{f}, err
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(b, &set); err != nil || len(set.GetFile()) == 0 {
		return nil, fmt.Errorf("%s is no set of descriptors: write it with protoc --include_imports --descriptor_set_out", path)
	}
	files, err := protodesc.NewFiles(&set)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var all []protoreflect.FileDescriptor
	files.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		all = append(all, f)
		return true
	})
	return all, nil
}

// Parse makes descriptors of the text of a .proto file, whose imports are given by their
// names.
func Parse(text string, imports map[string]string) (protoreflect.FileDescriptor, error) {
	const name = "schema.proto"
	sources := map[string]string{name: text}
	for k, v := range imports {
		sources[k] = v
	}
	return compile(name, &protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(sources)})
}

func compile(name string, r protocompile.Resolver) (protoreflect.FileDescriptor, error) {
	c := protocompile.Compiler{Resolver: protocompile.WithStandardImports(r), MaxParallelism: 1}
	files, err := c.Compile(context.Background(), name)
	if err != nil {
		return nil, err
	}
	return files[0], nil
}

// At finds the message that indexes name: of the messages of a file, of those within that
// message, and so on.
func At(f protoreflect.FileDescriptor, indexes []int) (protoreflect.MessageDescriptor, error) {
	all := f.Messages()
	var m protoreflect.MessageDescriptor
	for _, i := range indexes {
		if i < 0 || i >= all.Len() {
			return nil, fmt.Errorf("the schema has no message %v", indexes)
		}
		m = all.Get(i)
		all = m.Messages()
	}
	if m == nil {
		return nil, fmt.Errorf("the schema has no message %v", indexes)
	}
	return m, nil
}
