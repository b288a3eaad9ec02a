package format

import (
	"fmt"

	"github.com/wadi-engine/wadi/connect/format/csv"
	"github.com/wadi-engine/wadi/internal/avro"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

var csvFormat = Format{
	Name: "csv",
	Options: []ops.Option{
		{Key: "csv.field-delimiter", Default: ",", Help: "One character; \\t stands for a tab."},
		{Key: "csv.disable-quote-character", Default: "false", Help: "Whether quotes are characters like others."},
		{Key: "csv.quote-character", Default: "\"", Help: "What stands around a value with delimiters in it."},
		{Key: "csv.escape-character", Help: "What stands before a character that is not to be understood; without it a quote is doubled."},
		{Key: "csv.array-element-delimiter", Default: ";", Help: "What stands between the elements of a list or a row."},
		{Key: "csv.null-literal", Help: "The text that stands for NULL."},
		{Key: "csv.allow-comments", Default: "false", Help: "Whether messages that begin with # are left out."},
		{Key: "csv.ignore-parse-errors", Default: "false", Help: "The same as 'error.policy' = 'skip'."},
	},
	NewDecoder: func(r Rows) (Decoder, error) { return csv.New(r.Message, r.Schema, r.Paths, r.Options) },
	NewEncoder: func(w Writing) (Encoder, error) { return csv.NewEncoder(w.Schema, w.Options) },
}

var avroFormat = Format{
	Name: "avro",
	Options: []ops.Option{
		{Key: "avro.encoding", Default: "binary", Help: "Only binary."},
		{Key: "avro.timestamp_mapping.legacy", Default: "true", Help: "Whether TIMESTAMP is a timestamp-millis or -micros; otherwise it is a local-timestamp."},
	},
	NewDecoder: func(r Rows) (Decoder, error) {
		if encoding := r.Options["avro.encoding"]; encoding != "" && encoding != "binary" {
			return nil, fmt.Errorf("%w: option 'avro.encoding' = '%s': only binary is read; JSON is read by the format json", job.ErrInvalid, encoding)
		}
		local, err := localTimestamps(r.Options, "avro")
		if err != nil {
			return nil, err
		}
		schema, err := avro.Derive(r.Message, local)
		if err != nil {
			return nil, err
		}
		return avro.Plain(schema, r.Schema, r.Paths)
	},
	NewEncoder: func(w Writing) (Encoder, error) {
		if encoding := w.Options["avro.encoding"]; encoding != "" && encoding != "binary" {
			return nil, fmt.Errorf("%w: option 'avro.encoding' = '%s': only binary is written", job.ErrInvalid, encoding)
		}
		local, err := localTimestamps(w.Options, "avro")
		if err != nil {
			return nil, err
		}
		schema, err := avro.Derive(w.Schema, local)
		if err != nil {
			return nil, err
		}
		return avro.NewEncoder(schema, w.Schema)
	},
}

// localTimestamps reports whether timestamps without a time zone are local-timestamps in
// Avro.
func localTimestamps(options map[string]string, format string) (bool, error) {
	key := format + ".timestamp_mapping.legacy"
	if options[key] == "" {
		return false, nil
	}
	legacy, err := Flag(options, key)
	return !legacy, err
}
