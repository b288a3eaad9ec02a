package format

import (
	"context"

	"github.com/wadi-engine/wadi/connect/format/avro"
	"github.com/wadi-engine/wadi/connect/format/confluent"
	"github.com/wadi-engine/wadi/connect/format/json"
	"github.com/wadi-engine/wadi/connect/format/registry"
	"github.com/wadi-engine/wadi/ops"
)

// Preparing is a Decoder that must know more than a message says, such as its schema.
type Preparing interface {
	Decoder
	// Prepare is called before Append, with the same message. Its error is not one
	// of the message.
	Prepare(ctx context.Context, message []byte) error
}

// Starting is an Encoder that has something to do before its first message, such as to
// register a schema.
type Starting interface {
	Encoder
	Start(ctx context.Context) error
}

// ignores is the option of formats to leave bad messages out.
func ignores(format string) ops.Option {
	return ops.Option{Key: format + ".ignore-parse-errors", Default: "false", Help: "The same as 'error.policy' = 'skip'."}
}

const avroConfluent, debeziumConfluent, jsonRegistry = "avro-confluent", "debezium-avro-confluent", "json-registry"

// registered are the formats whose schemas are in a registry.
func registered() map[string]Format {
	return map[string]Format{
		avroConfluent: {
			Name: avroConfluent, Subject: true,
			Options: append(registry.Options(avroConfluent), ignores(avroConfluent),
				ops.Option{Key: avroConfluent + ".timestamp_mapping.legacy", Default: "true", Help: "As avro.timestamp_mapping.legacy, for what is written."}),
			NewDecoder: func(r Rows) (Decoder, error) {
				c, err := registry.New(avroConfluent, r.Options)
				if err != nil {
					return nil, err
				}
				return confluent.NewAvro(c, r.Schema, r.Paths)
			},
			NewEncoder: newAvroConfluent,
		},
		debeziumConfluent: {
			Name: debeziumConfluent, Subject: true, Changes: true, Options: append(registry.Options(debeziumConfluent), ignores(debeziumConfluent)),
			NewDecoder: func(r Rows) (Decoder, error) {
				c, err := registry.New(debeziumConfluent, r.Options)
				if err != nil {
					return nil, err
				}
				return confluent.NewDebezium(c, r.Schema, r.Paths)
			},
		},
		jsonRegistry: {
			Name: jsonRegistry, Subject: true,
			Options: append(registry.Options(jsonRegistry), ignores(jsonRegistry),
				ops.Option{Key: jsonRegistry + ".fail-on-missing-field", Default: "false", Help: "Whether a message without a field of the table is bad."}),
			NewDecoder: func(r Rows) (Decoder, error) {
				strict, err := Flag(r.Options, jsonRegistry+".fail-on-missing-field")
				if err != nil {
					return nil, err
				}
				d, err := json.New(r.Schema, r.Paths, json.Options{Strict: strict})
				return confluent.JSON{Decoder: d}, err
			},
		},
	}
}

func newAvroConfluent(w Writing) (Encoder, error) {
	c, err := registry.New(avroConfluent, w.Options)
	if err != nil {
		return nil, err
	}
	schema := w.Options[avroConfluent+".schema"]
	if schema == "" {
		local, err := localTimestamps(w.Options, avroConfluent)
		if err != nil {
			return nil, err
		}
		if schema, err = avro.Derive(w.Schema, local); err != nil {
			return nil, err
		}
	}
	return confluent.NewEncoder(c, w.Options[avroConfluent+".subject"], schema, w.Schema)
}
