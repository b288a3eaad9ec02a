package changes

import (
	"github.com/wadi-engine/wadi/connect/format/json"
	"github.com/wadi-engine/wadi/stream"
)

// Written is the format in which changes are written.
const Written = "debezium-json"

// AppendDebezium appends a row of what rows was filled with, and how it changes the
// table, as Flink's debezium-json does: an update is a row that goes and one that
// comes.
func AppendDebezium(dst []byte, rows *json.Encoder, row int, kind stream.RowKind) []byte {
	if kind.Retracts() {
		return append(rows.Append(append(dst, `{"before":`...), row), `,"after":null,"op":"d"}`...)
	}
	return append(rows.Append(append(dst, `{"before":null,"after":`...), row), `,"op":"c"}`...)
}
