package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/zeebo/xxh3"
)

// Version is the newest version of documents that this package reads. They are of
// version 1, but for manifests with rows on their way (InFlight), of which those who
// read version 1 know nothing.
const Version = 2

// ErrCorrupt marks a file of a checkpoint that is damaged or missing.
var ErrCorrupt = errors.New("corrupt checkpoint file")

// envelope is the form of every document: what it is, the version of its
// format, and the checksum of the bytes of its body. A document has one valid
// spelling, so that a change of any bit is found.
type envelope struct {
	Wadi    string          `json:"wadi"`
	Version int             `json:"version"`
	Sum     string          `json:"sum"`
	Body    json.RawMessage `json:"body"`
}

// Sum is the checksum of documents and run files: xxh3-64, 16 hex digits.
func Sum(data []byte) string { return fmt.Sprintf("%016x", xxh3.Hash(data)) }

// encode writes body as a document of the given kind. What cannot be encoded
// is a bug: documents are plain data.
func encode(kind string, body any) []byte {
	b, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("encode %s: %v", kind, err))
	}
	version := 1
	if m, ok := body.(*Manifest); ok && slices.ContainsFunc(m.Handles, func(h Handle) bool { return h.InFlight != nil }) {
		version = 2
	}
	return seal(kind, version, b)
}

func seal(kind string, version int, body []byte) []byte {
	data, err := json.Marshal(envelope{Wadi: kind, Version: version, Sum: Sum(body), Body: body})
	if err != nil {
		panic(fmt.Sprintf("encode %s: %v", kind, err))
	}
	return append(data, '\n')
}

// decode reads a document of the given kind. name is the file, for the error.
func decode[T any](kind, name string, data []byte) (T, error) {
	var (
		body T
		env  envelope
	)
	if err := json.Unmarshal(data, &env); err != nil {
		return body, fmt.Errorf("%w: %s: %w", ErrCorrupt, name, err)
	}
	if env.Wadi != kind {
		return body, fmt.Errorf("%w: %s is a %q, not a %q", ErrCorrupt, name, env.Wadi, kind)
	}
	if env.Version < 1 {
		return body, fmt.Errorf("%w: %s has no version", ErrCorrupt, name)
	}
	if env.Version > Version {
		return body, fmt.Errorf("%s has version %d of its format; this program reads up to %d", name, env.Version, Version)
	}
	if !bytes.Equal(data, seal(env.Wadi, env.Version, env.Body)) {
		return body, fmt.Errorf("%w: %s: the checksum does not match", ErrCorrupt, name)
	}
	if err := json.Unmarshal(env.Body, &body); err != nil {
		return body, fmt.Errorf("%w: %s: %w", ErrCorrupt, name, err)
	}
	return body, nil
}
