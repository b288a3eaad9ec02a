package lambda

import (
	"encoding/json"
	"fmt"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/stage"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/job/cost"
	"github.com/wadi-engine/wadi/stream"
)

// Event asks for a task of a stage to be run.
type Event struct {
	// Checkpoints is the URL of the checkpoint directory.
	Checkpoints string `json:"checkpoints"`
	// Config is what was set of the keys that a job has.
	Config map[string]string `json:"config,omitempty"`
	// Stage is what to run; when it is too long for an event, File holds it, in
	// the checkpoint directory.
	Stage *stage.Spec `json:"stage,omitempty"`
	File  string      `json:"file,omitempty"`
	// Again says that the task may have been run: then its result counts.
	Again bool `json:"again,omitempty"`
}

// Reply is the result that counts, or where it is when it is too long.
type Reply struct {
	Result *stage.Result `json:"result,omitempty"`
	File   string        `json:"file,omitempty"`
	// Usage is what this invocation has used, whether its result counts or not.
	Usage cost.Usage `json:"usage,omitzero"`
}

// record is a result in storage. Whoever creates it has run the task; what
// others have made of it does not count.
type record struct {
	Attempt string       `json:"attempt"`
	Result  stage.Result `json:"result"`
}

// Names of what passes between a job and its functions. They lie among the
// channels of their epoch, and are removed with them.

func eventFile(s stage.Spec, nonce string) string {
	return fmt.Sprintf("%s/channels/%d/events/%s", checkpoint.JobDir(s.Job), s.Epoch, nonce)
}

func resultFile(of job.ID, g checkpoint.Generation, e stream.Epoch, t checkpoint.TaskID) string {
	return fmt.Sprintf("%s/channels/%d/results/%d-%d-%d", checkpoint.JobDir(of), e, g, t.Vertex, t.Index)
}

func encode(v any) (json.RawMessage, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return data, nil
}
