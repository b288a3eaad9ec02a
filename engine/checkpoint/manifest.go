package checkpoint

import (
	"slices"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Kind says what a claim makes of its number.
type Kind string

const (
	// Complete is the checkpoint of an epoch.
	Complete Kind = "checkpoint"
	// Owned is a checkpoint that belongs to the user: retention leaves it alone.
	Owned Kind = "savepoint"
	// Aborted is a number that has no checkpoint and never will.
	Aborted Kind = "aborted"
)

// Owner is who runs a job: a generation, led in a term, by a process that the
// nonce tells from all others.
type Owner struct {
	Generation Generation `json:"generation"`
	Term       Term       `json:"term"`
	Nonce      string     `json:"nonce"`
}

// Fences reports whether o has taken the job over from p.
func (o Owner) Fences(p Owner) bool {
	if o.Term != p.Term {
		return o.Term > p.Term
	}
	return o.Generation > p.Generation
}

// Manifest is the claim of an epoch: a complete checkpoint, or the decision
// that there will be none. It is written once and never changed.
type Manifest struct {
	Kind  Kind         `json:"kind"`
	Job   job.ID       `json:"job"`
	Name  string       `json:"name"` // pipeline.name
	Epoch stream.Epoch `json:"epoch"`
	Owner
	// Parent is the epoch of the checkpoint before this one, or 0.
	Parent stream.Epoch `json:"parent,omitempty"`
	// Created is when the claim was tried. It is for people.
	Created stream.Timestamp `json:"created"`
	// Reason says why an aborted epoch was.
	Reason string `json:"reason,omitempty"`

	// KeyGroups is fixed at the first start of a job.
	KeyGroups int      `json:"keyGroups,omitempty"`
	Vertices  []Vertex `json:"vertices,omitempty"`
	Handles   []Handle `json:"handles,omitempty"`
	// Sources holds the state of each source's enumerator, by UID.
	Sources map[string]SourceState `json:"sources,omitempty"`
	// Pending holds, by UID of the sink and in epoch order, everything that is
	// staged and was not known to be published.
	Pending map[string][]ops.Pending `json:"pending,omitempty"`
}

// Vertex is what a manifest remembers of a vertex of the graph: enough to find
// the state of an edited graph's vertices, and to say what is missing.
type Vertex struct {
	ID          job.VertexID `json:"id"`
	UID         string       `json:"uid"`
	Name        string       `json:"name"`
	Kind        string       `json:"kind"`
	Parallelism int          `json:"parallelism"`
	// Head is the first vertex of the chain, by which its tasks are named.
	Head job.VertexID `json:"head"`
}

// SourceState is the snapshot of an enumerator, taken just before the barrier
// was injected.
type SourceState struct {
	Snapshot []byte `json:"snapshot,omitempty"`
}

// VerticesOf describes the vertices of g for a manifest.
func VerticesOf(g *job.Graph) []Vertex {
	vs := make([]Vertex, len(g.Vertices))
	for _, c := range g.Chains() {
		for _, id := range c.Vertices {
			v := g.Vertices[id]
			vs[id] = Vertex{ID: id, UID: v.UID, Name: v.Name, Kind: v.Kind, Parallelism: v.Parallelism, Head: c.Head()}
		}
	}
	return vs
}

// Finished reports whether every task had ended: a restored job has nothing to
// do but to publish.
func (m *Manifest) Finished() bool {
	return m.Kind != Aborted && len(m.Handles) > 0 && !slices.ContainsFunc(m.Handles, func(h Handle) bool { return !h.Ended })
}

// File is a file that a manifest references.
type File struct {
	Name string // relative to the job's directory, or to that of the savepoint
	Sum  string // xxh3-64
}

// Files are those that the manifest references, each once.
func (m *Manifest) Files() []File {
	var files []File
	seen := make(map[string]bool)
	for _, h := range m.Handles {
		for _, f := range h.Files() {
			if !seen[f.Name] {
				seen[f.Name] = true
				files = append(files, f)
			}
		}
	}
	return files
}

// Files are those that the handle references: runs of state, and what was on its
// way to the task.
func (h Handle) Files() []File {
	var files []File
	for _, t := range h.Tables {
		for _, r := range t.Runs {
			files = append(files, File{r.File, r.Sum})
		}
	}
	for _, f := range h.InFlight {
		if f.File != "" {
			files = append(files, File{f.File, f.Sum})
		}
	}
	return files
}

// Encode writes the manifest as the document of its claim.
func (m *Manifest) Encode() []byte { return encode("manifest", m) }

// DecodeManifest reads the document of a claim.
func DecodeManifest(name string, data []byte) (*Manifest, error) {
	return decode[*Manifest]("manifest", name, data)
}

// Terminal is the record that a generation of a job has come to its end. It
// outlives the checkpoints.
type Terminal struct {
	State End `json:"state"`
	Owner
	Job     job.ID           `json:"job"`
	Epoch   stream.Epoch     `json:"epoch"` // the last one that was claimed
	Created stream.Timestamp `json:"created"`
	Reason  string           `json:"reason,omitempty"`
	// Discarded says that the job's checkpoints are deleted: it is never run again.
	Discarded bool `json:"discarded,omitempty"`
}

// End is how a job ended.
type End string

const (
	// Finished means that everything is read and published; the job is never run again.
	Finished End = "finished"
	// Canceled means that the user ended it, for good: it is recorded of jobs
	// whose checkpoints are deleted then.
	Canceled End = "canceled"
	// Failed means that it could not go on.
	Failed End = "failed"
)

// Succession is the document of a generation and of a term: who took it.
type Succession struct {
	Owner
	Job     job.ID           `json:"job"`
	Created stream.Timestamp `json:"created"`
}

// NameRecord is the document of a job's name.
type NameRecord struct {
	Job     job.ID           `json:"job"`
	Nonce   string           `json:"nonce"`
	Created stream.Timestamp `json:"created"`
}
