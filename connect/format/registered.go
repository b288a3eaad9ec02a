package format

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/wadi-engine/wadi/connect/format/confluent"
	"github.com/wadi-engine/wadi/connect/format/json"
	"github.com/wadi-engine/wadi/connect/format/protobuf"
	"github.com/wadi-engine/wadi/connect/format/registry"
	"github.com/wadi-engine/wadi/internal/avro"
	"github.com/wadi-engine/wadi/job"
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
			NewEncoder: newDebeziumConfluent,
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
				ops.Option{Key: jsonRegistry + ".fail-on-missing-field", Default: "false", Help: "Whether a message without a field of the table is bad."},
				ops.Option{Key: jsonRegistry + ".timestamp-format.standard", Default: "SQL", Help: "How times are written, SQL or ISO-8601; both are read."},
				ops.Option{Key: jsonRegistry + ".encode.ignore-null-fields", Default: "false", Help: "Leave columns out that are NULL, when rows are written."}),
			NewEncoder: newJSONRegistry,
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

// registering is an encoder of rows, whose schema is registered: that of the option
// schema, or the one that follows from the table.
func registering(w Writing, name string, kind sr.SchemaType, derive func() (string, error), encode func(schema string) (confluent.Rows, error)) (Encoder, error) {
	c, err := registry.New(name, w.Options)
	if err != nil {
		return nil, err
	}
	schema := w.Options[name+".schema"]
	if schema == "" {
		if schema, err = derive(); err != nil {
			return nil, err
		}
	}
	rows, err := encode(schema)
	if err != nil {
		return nil, err
	}
	return confluent.NewEncoder(c, name, w.Options[name+".subject"], sr.Schema{Schema: schema, Type: kind}, rows)
}

func newAvroConfluent(w Writing) (Encoder, error) {
	return registering(w, avroConfluent, sr.TypeAvro, func() (string, error) {
		local, err := localTimestamps(w.Options, avroConfluent)
		if err != nil {
			return "", err
		}
		return avro.Derive(w.Schema, local)
	}, func(schema string) (confluent.Rows, error) { return avro.NewEncoder(schema, w.Schema) })
}

func newDebeziumConfluent(w Writing) (Encoder, error) {
	return registering(w, debeziumConfluent, sr.TypeAvro,
		func() (string, error) { return avro.DeriveChanges(w.Schema, false) },
		func(schema string) (confluent.Rows, error) { return avro.NewChangesEncoder(schema, w.Schema) })
}

func newJSONRegistry(w Writing) (Encoder, error) {
	return registering(w, jsonRegistry, sr.TypeJSON,
		func() (string, error) { return json.Schema(w.Schema) },
		func(schema string) (confluent.Rows, error) {
			if !jsontext.Value(schema).IsValid() {
				return nil, fmt.Errorf("%w: option '%s.schema' is not JSON", job.ErrInvalid, jsonRegistry)
			}
			e, err := json.NewEncoder(w.Schema, jsonRegistry+".", w.Options)
			return inserts{e}, err
		})
}

func newProtobufConfluent(w Writing) (Encoder, error) {
	return registering(w, protobufConfluent, sr.TypeProtobuf,
		func() (string, error) { return protobuf.Derive(w.Schema) },
		func(schema string) (confluent.Rows, error) {
			f, err := protobuf.Parse(schema, nil)
			if err != nil {
				return nil, fmt.Errorf("%w: the schema of '%s': %w", job.ErrInvalid, protobufConfluent, err)
			}
			m, err := protobuf.At(f, []int{0})
			if err != nil {
				return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
			}
			return protobuf.NewEncoder(m, w.Schema, w.Options[protobufConfluent+".write-null-string-literal"])
		})
}
