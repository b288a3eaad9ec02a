package metrics

import "time"

// Span is something that took time, for traces: a checkpoint or a recovery, with
// the names and attributes of Flink's.
type Span struct {
	Name       string
	Start, End time.Time
	Attributes []Attribute
	// Failure is why it failed, or "".
	Failure  string
	Children []Span
}

// Attribute is a string or an int64 by name.
type Attribute struct {
	Name  string
	Value any
}
