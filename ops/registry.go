package ops

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/vector/agg"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Registry maps the kinds in a job.Graph to constructors, and the connectors
// of tables to what they can do. It is a value that is passed in.
type Registry struct {
	// Functions are those of the user, by expr.UserPrefix and their name.
	Functions map[string]expr.UserFunc
	// Volatile are those of Functions that may give different results for equal
	// arguments.
	Volatile map[string]bool
	// Aggregates are the aggregate functions of the user, named alike.
	Aggregates map[string]agg.User

	Operators  map[string]NewOperator
	Connectors map[string]*Connector
}

// NewOperator builds an operator from its vertex; in are the schemas of its
// inputs, in order.
type NewOperator func(v job.Vertex, in []*arrow.Schema) (Operator, error)

// Operator builds the operator of v.
func (r *Registry) Operator(v job.Vertex, in []*arrow.Schema) (Operator, error) {
	build, ok := r.Operators[v.Kind]
	if !ok {
		return nil, fmt.Errorf("%w: vertex %d: no operator of kind %q", job.ErrInvalid, v.ID, v.Kind)
	}
	op, err := build(v, in)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", v.Name, err)
	}
	return op, nil
}

// Connector finds the connector with this name.
func (r *Registry) Connector(name string) (*Connector, error) {
	if c, ok := r.Connectors[name]; ok {
		return c, nil
	}
	known := slices.Sorted(maps.Keys(r.Connectors))
	return nil, fmt.Errorf("%w: no connector %q; there are %q", job.ErrInvalid, name, known)
}

// Connector is what one value of the option 'connector' offers. A nil function
// means that the connector cannot do that.
type Connector struct {
	Name    string
	Options []Option
	// Resolve checks the options of t and completes it: a table without
	// columns gets those that the data has.
	Resolve func(ctx context.Context, t job.Table) (job.Table, error)
	// Source opens what scan asks for.
	Source func(ctx context.Context, scan Scan) (Source, error)
	// Projects says that Source reads only Scan.Columns; otherwise Columns
	// must be nil, and the planner projects behind the source.
	Projects bool
	// Filters says that Source can use Scan.Filter to skip rows.
	Filters bool
	// Rows estimates how many rows a scan gives, without reading much; nil means
	// that the connector does not know.
	Rows func(ctx context.Context, s Scan) Estimate
	// Metadata are the keys of what Source can tell about a row besides its
	// data. A column of the table's schema that is to hold one of them has the
	// key in its field's metadata, under MetadataColumn.
	Metadata []string
	// InOrder says that the rows of each split come in the order of their event
	// time, so that SOURCE_WATERMARK() is known.
	InOrder bool
	Sink    func(ctx context.Context, t job.Table) (Sink, error)
	// Changelog says that the sink takes rows of every kind; otherwise only
	// inserts reach it.
	Changelog bool
	// Changes says so of one table, when it depends on the table's options.
	Changes func(t job.Table) bool
	// KeyDeletes says that the sink of t deletes by the primary key alone: the
	// other columns of a -D may be NULL.
	KeyDeletes func(t job.Table) bool
	// Spread says how rows that are only inserted are divided among the tasks of
	// the sink of t.
	Spread func(t job.Table) Spread
	// Keyed says that the sink of t wants all rows of a primary key in one task.
	Keyed func(t job.Table) bool
	// Overwrites says that the sink does what job.Table's Overwrite says, and
	// OverwritesStreams that it does so also for a job that may have no end.
	Overwrites, OverwritesStreams bool
	// Beside gives the table that stands beside t under its name with a suffix, for
	// a job that is a copy of the one that writes to t; nil when a table has no name
	// that could get one.
	Beside func(t job.Table, suffix string) (job.Table, error)
	// Again gives t for a second job that reads it at the same time, which the suffix
	// tells from the first; nil when readers do not know of each other.
	Again func(t job.Table, suffix string) (job.Table, error)
	// Truncate removes all rows of t; nil when the connector cannot.
	Truncate func(ctx context.Context, t job.Table) error
	// Version is the version of t now, never "", for job.Overwrite's Base; the
	// options read that version. It is nil when the connector's tables have none.
	Version func(ctx context.Context, t job.Table) (version string, options map[string]string, err error)
	// Retracts says of a table that its sink wants every row that is taken back,
	// also where the table has a primary key: it does not find rows by key.
	Retracts func(t job.Table) bool
	// Publishes says of a table that rows which are written to it are seen when a
	// checkpoint is complete, or at the end of the job, and not before.
	Publishes func(t job.Table) bool
	// Timed says of a table that its sink asks for Runtime.Watermark.
	Timed func(t job.Table) bool
	// AsOf gives t as it was at a time, in milliseconds since 1970: with the
	// options that read it, and the columns that it had. It is nil when the
	// connector's tables keep no versions.
	AsOf func(ctx context.Context, t job.Table, millis int64) (job.Table, error)
	// Lookup opens a table to be asked for rows by key, without asking it yet; it
	// gives nil when these columns are not what it can be asked by. It is nil when
	// the connector's tables are only read.
	Lookup func(ctx context.Context, a Asking) (Lookup, error)
	// Partitions lists the partitions of t that have rows, as k=v/l=w, and the keys
	// that t is partitioned by, none when it is not; nil when the connector does not
	// know.
	Partitions func(ctx context.Context, t job.Table) (keys, partitions []string, err error)
}

// TakesChanges reports whether the sink of t takes rows of every kind.
func (c *Connector) TakesChanges(t job.Table) bool {
	return c.Changelog || c.Changes != nil && c.Changes(t)
}

// Spread is how rows are divided among the tasks of a sink. The zero value leaves
// them where they are.
type Spread struct {
	// Columns are those whose equal values are wanted in one task.
	Columns []string
	// Own says that the sink, which is Dividing, does it, and how, for people:
	// "hash[day(ts)]".
	Own string
}

// Estimate is about how many rows there are. The zero value says nothing.
type Estimate struct {
	// Rows of a table without end are those of a long time, to be compared with
	// those of others.
	Rows  float64
	Known bool
	// Fixed says that it follows from the options of the table. A query without
	// end is planned by such estimates alone: its state must fit when it is
	// planned again.
	Fixed bool
}

// TakesBack reports whether the sink of t wants every row that is taken back.
func (c *Connector) TakesBack(t job.Table) bool {
	return len(t.PrimaryKey) == 0 || c.Retracts != nil && c.Retracts(t)
}

// MetadataColumn is the key of an Arrow field's metadata that names the piece
// of metadata in the column: METADATA FROM 'key'.
const MetadataColumn = "wadi.metadata"

// Option is one key of a WITH clause.
type Option struct {
	Key     string // a '#' stands for a column's name, as in fields.#.kind
	Default string
	Help    string // one sentence
	Secret  bool   // its value is masked wherever it is shown
}

// Keys are the keys of options, in their order.
func Keys(options []Option) []string {
	keys := make([]string, len(options))
	for i, o := range options {
		keys[i] = o.Key
	}
	return keys
}

// Scan is what a query wants of a table.
type Scan struct {
	Table job.Table `json:"table"`
	// Columns are the paths of the columns to read: {"bid","price"} is a
	// field of a ROW column and comes as a column of its own, null where the
	// row is null. Nil means all columns of the table's schema.
	Columns [][]string `json:"columns,omitempty"`
	// Filter is a hint over the columns of the scan: rows for which it is not
	// true may be left out, but need not be; the planner filters again.
	Filter *expr.Doc `json:"filter,omitempty"`
	// Limit is how many rows suffice, or 0.
	Limit int64 `json:"limit,omitempty"`
}

// SourceConfig is the Config of a vertex of kind job.KindSource.
type SourceConfig struct {
	Scan Scan `json:"scan"`
	// Watermark is nil when the stream has no event time.
	Watermark *WatermarkSpec `json:"watermark,omitempty"`
	// Ticks says that operators wait for processing time: the source tells it
	// also while it has no rows.
	Ticks bool `json:"ticks,omitempty"`
}

// WatermarkSpec says how a source's rows move event time.
type WatermarkSpec struct {
	// Expr gives, for each row of the scan, the watermark that it implies: a
	// timestamp; null says nothing.
	Expr *expr.Doc `json:"expr"`
	// IntervalMillis is how far the watermark must have grown before it moves
	// on (pipeline.auto-watermark-interval); 0 means at every row.
	IntervalMillis int64 `json:"intervalMillis"`
	// IdleMillis is after how long without rows a split is idle
	// (table.exec.source.idle-timeout), or 0 for never.
	IdleMillis int64 `json:"idleMillis,omitempty"`
	// Align is nil when the source does not wait for others.
	Align *AlignSpec `json:"align,omitempty"`
}

// AlignSpec says that sources of a group do not run ahead of one another
// (scan.watermark.alignment.…).
type AlignSpec struct {
	Group string `json:"group"`
	// MaxDriftMillis is how far a split may be ahead of the slowest of the group, and
	// UpdateMillis how often that is looked at.
	MaxDriftMillis int64 `json:"maxDriftMillis"`
	UpdateMillis   int64 `json:"updateMillis"`
}

// SinkConfig is the Config of a vertex of kind job.KindSink.
type SinkConfig struct {
	Table job.Table `json:"table"`
}

// DecodeConfig reads the Config of a vertex into a T.
func DecodeConfig[T any](v job.Vertex) (T, error) {
	var c T
	if err := json.Unmarshal(v.Config, &c); err != nil {
		return c, fmt.Errorf("%w: config of %s: %w", job.ErrInvalid, v.Name, err)
	}
	return c, nil
}
