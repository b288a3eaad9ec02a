// Package job is the vocabulary of the control plane: documents that describe
// what to run. They are plain data: they can be written, diffed and stored.
package job

import (
	"encoding/json"
	"fmt"
	"strings"
)

// ID names one run of a job from a fresh start to its terminal record: 32
// lower-case hex digits, random at each fresh start.
type ID string

// VertexID numbers the vertices of one graph, from 0, in topological order.
type VertexID uint32

// Graph is a job: a directed acyclic graph of vertices.
type Graph struct {
	Name      string   `json:"name"`
	KeyGroups int      `json:"keyGroups"`
	Vertices  []Vertex `json:"vertices"`
	Edges     []Edge   `json:"edges"`
}

// Vertex is one operator before it is expanded into parallel tasks. Vertices
// are listed in topological order, ID is the index.
type Vertex struct {
	ID VertexID `json:"id"`
	// UID is stable across edits of the query that do not change what the
	// operator keeps; it names the operator's state in a checkpoint.
	UID string `json:"uid"`
	// Name is what people see, in Flink's style: "Calc(select=[…])".
	Name string `json:"name"`
	// Kind names a constructor in ops.Registry: an operator's kind, or
	// KindSource and KindSink, whose Config are ops.SourceConfig and ops.SinkConfig.
	Kind        string          `json:"kind"`
	Config      json.RawMessage `json:"config,omitempty"`
	Parallelism int             `json:"parallelism"`
	Output      Schema          `json:"output"`
	// Afresh says that nothing of the vertex is restored when tasks start from a
	// checkpoint: a source is read from its beginning again, as a table is in
	// which rows are looked up. Forget are tables of which that is so.
	Afresh bool     `json:"afresh,omitempty"`
	Forget []string `json:"forget,omitempty"`
}

// Label is a short name for errors: the UID of a source or a sink, which names
// the table, and otherwise the Name up to its parenthesis.
func (v Vertex) Label() string {
	if strings.HasPrefix(v.UID, v.Kind+"-") {
		return v.UID
	}
	name, _, _ := strings.Cut(v.Name, "(")
	return name
}

// The kinds of vertices at the edges of a graph.
const (
	KindSource = "source"
	KindSink   = "sink"
)

// Edge connects two vertices.
type Edge struct {
	From         VertexID     `json:"from"`
	To           VertexID     `json:"to"`
	Port         uint8        `json:"port,omitempty"` // which output of From; an ops.Port
	Input        int          `json:"input"`          // which input of To
	Partitioning Partitioning `json:"partitioning"`
	Keys         []int        `json:"keys,omitempty"` // columns of From's output, for ByKey
	// Wide is the partitioning between several tasks, where rows are forwarded only
	// because there is one: ByKey, Gather or Custom; Forward says that there is nothing
	// to choose.
	Wide Partitioning `json:"wide,omitempty"`
	// How says, for people, how a Custom edge divides rows: "hash[day(ts)]".
	How string `json:"how,omitempty"`
	// Schema is that of the rows when they are not of From's Output, as those
	// of other ports than the main one.
	Schema *Schema `json:"schema,omitempty"`
}

// ByKeys reports whether the rows belong to tasks by their keys, however many
// tasks there are.
func (e Edge) ByKeys() bool {
	return len(e.Keys) > 0 && (e.Partitioning == ByKey || e.Wide == ByKey)
}

// Overtakes reports whether a barrier may overtake rows on the edge: what is on
// its way must have a task to go to when there are more or fewer of them. Rows that
// are forwarded, broadcast or divided otherwise may belong to the state of the task
// that they are sent to.
func (e Edge) Overtakes() bool {
	switch e.Partitioning {
	case ByKey, Rebalance, Gather:
		return true
	case Forward:
		return e.Wide == ByKey || e.Wide == Gather
	case Broadcast, Custom:
	}
	return false
}

// Partitioning says which task of To receives a row.
type Partitioning uint8

const (
	Forward   Partitioning = iota // same index, same worker
	ByKey                         // by key group
	Rebalance                     // round robin by batch
	Broadcast                     // every task
	Gather                        // all to task 0
	Custom                        // by key group, as the sink that To is says
)

var partitionings = [...]string{"FORWARD", "HASH", "REBALANCE", "BROADCAST", "GLOBAL", "CUSTOM"}

func (p Partitioning) String() string { return partitionings[p] }

// MarshalText gives Flink's ship strategy name.
func (p Partitioning) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads Flink's ship strategy name.
func (p *Partitioning) UnmarshalText(b []byte) error {
	for i, s := range partitionings {
		if s == string(b) {
			*p = Partitioning(i)
			return nil
		}
	}
	return fmt.Errorf("%w: partitioning %q", ErrInvalid, b)
}

// Inputs returns the edges into v, in order of Input.
func (g *Graph) Inputs(v VertexID) []Edge {
	var in []Edge
	for _, e := range g.Edges {
		if e.To == v {
			in = append(in, e)
		}
	}
	return in
}

// Outputs returns the edges out of v, in the order of the graph.
func (g *Graph) Outputs(v VertexID) []Edge {
	var out []Edge
	for _, e := range g.Edges {
		if e.From == v {
			out = append(out, e)
		}
	}
	return out
}

// Ident names a table: catalog, database, table.
type Ident struct {
	Catalog  string `json:"catalog"`
	Database string `json:"database"`
	Name     string `json:"name"`
}

func (i Ident) String() string {
	parts := make([]string, 0, 3)
	for _, p := range []string{i.Catalog, i.Database, i.Name} {
		if p != "" {
			parts = append(parts, "`"+strings.ReplaceAll(p, "`", "``")+"`")
		}
	}
	return strings.Join(parts, ".")
}

// Table describes an external table as a catalog knows it.
type Table struct {
	Ident     Ident             `json:"ident"`
	Schema    Schema            `json:"schema"` // physical columns; empty when the connector is to find them
	Connector string            `json:"connector"`
	Options   map[string]string `json:"options,omitempty"`
	// PrimaryKey and PartitionedBy name columns of Schema.
	PrimaryKey    []string `json:"primaryKey,omitempty"`
	PartitionedBy []string `json:"partitionedBy,omitempty"`
	// Overwrite says that what is written replaces what is there; nil adds to it.
	Overwrite *Overwrite `json:"overwrite,omitempty"`
	// Changes says that among the rows that are written there may be updates and
	// deletions.
	Changes bool `json:"changes,omitempty"`
}

// Overwrite is what a sink replaces when its job ends: the partitions that are
// written, or the whole of a table without partitions.
type Overwrite struct {
	// Partition is the values, as text, of all partition columns when one
	// partition is replaced, whether rows are written to it or not.
	Partition map[string]string `json:"partition,omitempty"`
	// Base is the version of the table that the rows were computed from, as
	// Connector.Version told it. The whole table is replaced, and only while it
	// is of that version.
	Base string `json:"base,omitempty"`
}
