package confluent

import (
	"github.com/wadi-engine/wadi/connect/format/json"
	"github.com/wadi-engine/wadi/connect/format/registry"
)

// JSON is a decoder of JSON objects behind the id of their schema, which it does not
// need.
type JSON struct{ *json.Decoder }

// Append adds a message.
func (d JSON) Append(message []byte) error {
	_, rest, err := registry.Header(message)
	if err != nil {
		return err
	}
	return d.Decoder.Append(rest)
}
