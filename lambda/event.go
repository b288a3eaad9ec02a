package lambda

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/exchange/durable"
	"github.com/wadi-engine/wadi/engine/stage"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/job/cost"
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
	// Deployment is the object in the checkpoint directory that has the graph and the
	// configuration of the job, with their secrets: then they are not in the event, and
	// who opens it puts the graph here.
	Deployment string     `json:"deployment,omitempty"`
	Graph      *job.Graph `json:"-"`
	// KeyGroups is their number in the job's first start.
	KeyGroups int `json:"keyGroups,omitempty"`
	// Again says that the task may have been run: then its result counts.
	Again bool `json:"again,omitempty"`
	// Then is what to do when the result is there: the epoch goes on. Nobody waits
	// for the reply.
	Then *Trigger `json:"then,omitempty"`
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

func among(s stage.Spec, name string) string {
	return fmt.Sprintf("%s/%s%d/%s", checkpoint.JobDir(s.Job), durable.Root, s.Epoch, name)
}

// nameOf is that of a stage.
func nameOf(s stage.Spec) string { return fmt.Sprintf("%d-%d", s.Generation, s.Tasks[0].Task.Vertex) }

func eventFile(s stage.Spec, nonce string) string { return among(s, "events/"+nonce) }

// resultsOf begins the names of the results of a stage's tasks.
func resultsOf(s stage.Spec) string { return among(s, "results/"+nameOf(s)+"-") }

// resultFile is the result of the first of the tasks.
func resultFile(s stage.Spec) string { return resultsOf(s) + strconv.Itoa(s.Tasks[0].Task.Index) }

// refusedFile is why no task of a stage can be run.
func refusedFile(s stage.Spec) string { return among(s, "refused/"+nameOf(s)) }

// waveFile is the nth time that the tasks of a stage were invoked.
func waveFile(s stage.Spec, n int) string { return among(s, fmt.Sprintf("waves/%s-%d", nameOf(s), n)) }

// resultIn is the result in a record.
func resultIn(file string, data []byte) (stage.Result, error) {
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return stage.Result{}, fmt.Errorf("%w: result %s: %w", checkpoint.ErrCorrupt, file, err)
	}
	return r.Result, nil
}

func encode(v any) (json.RawMessage, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return data, nil
}
