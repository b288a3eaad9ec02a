package files

import (
	"encoding/json"
	"fmt"

	"github.com/wadi-engine/wadi/stream"
)

// progress is what the commit log knows besides its epoch: an entry is empty,
// or one of these in JSON.
type progress struct {
	// Waiting are the directories with files that are not marked yet, and when
	// the first of these files was begun, in milliseconds since 1970.
	Waiting map[string]int64 `json:"waiting,omitempty"`
	// Tasks are the watermarks that the tasks of the sink have told, of which
	// there are Of.
	Tasks map[int]stream.Timestamp `json:"tasks,omitempty"`
	Of    int                      `json:"of,omitempty"`
}

// add takes note of what an epoch has published.
func (p *progress) add(receipts []receipt) {
	for _, r := range receipts {
		if t := r.Task; t != nil {
			if t.Of != p.Of {
				clear(p.Tasks)
				p.Of = t.Of
			}
			p.Tasks[t.Index] = t.Watermark
		}
	}
	for dir, begun := range directories(receipts) {
		if since, ok := p.Waiting[dir]; !ok || begun < since {
			p.Waiting[dir] = begun
		}
	}
}

// watermark is the event time that all tasks have reached.
func (p *progress) watermark() stream.Timestamp {
	if p.Of == 0 || len(p.Tasks) < p.Of {
		return stream.Start
	}
	low := stream.End
	for _, wm := range p.Tasks {
		low = min(low, wm)
	}
	return low
}

// ended reports that no task writes any more.
func (p *progress) ended() bool { return p.watermark() == stream.End }

func (p *progress) encode() ([]byte, error) {
	if len(p.Waiting) == 0 && len(p.Tasks) == 0 {
		return nil, nil
	}
	return json.Marshal(p)
}

func (p *progress) decode(doc []byte) error {
	if len(doc) == 0 {
		return nil
	}
	if err := json.Unmarshal(doc, p); err != nil {
		return fmt.Errorf("%w: the commit log: %w", errInvalid, err)
	}
	return nil
}
