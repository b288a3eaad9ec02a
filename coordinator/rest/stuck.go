package rest

import (
	"net/http"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/job"
)

// Stuck is the reply of /api/jobs/:jobid/stuck: what the job waits for, the
// likeliest reason first; nothing when it moves.
type Stuck struct {
	ID        job.ID    `json:"jid"`
	NowMillis int64     `json:"now"`
	Findings  []Finding `json:"findings"`
}

// Finding is one thing that holds a job.
type Finding struct {
	Kind        coordinator.FindingKind `json:"kind"`
	Severity    string                  `json:"severity"` // bad, or warn
	Title       string                  `json:"title"`
	Text        string                  `json:"text"`
	Advice      string                  `json:"advice,omitempty"`
	Vertex      string                  `json:"vertex,omitempty"`
	Tasks       []string                `json:"tasks,omitempty"`
	SinceMillis int64                   `json:"since,omitempty"`
}

func (s *Server) stuck(r *http.Request) (any, error) {
	j, l, err := s.lifeOf(r)
	if err != nil {
		return nil, err
	}
	reply := Stuck{ID: l.Job, NowMillis: s.o.Clock.Now().UnixMilli(), Findings: []Finding{}}
	for _, f := range coordinator.Stuck(s.evidence(j, l)) {
		told := Finding{Kind: f.Kind, Severity: "warn", Title: f.Title, Text: f.Text, Advice: f.Advice, SinceMillis: coordinator.Millis(f.Since)}
		if f.Bad {
			told.Severity = "bad"
		}
		if f.Vertex != nil {
			told.Vertex = VertexID(l.Graph.Vertices[*f.Vertex].UID)
		}
		for _, t := range f.Tasks {
			told.Tasks = append(told.Tasks, nameOf(l, t))
		}
		reply.Findings = append(reply.Findings, told)
	}
	return reply, nil
}

func (s *Server) evidence(j Job, l coordinator.Life) coordinator.Evidence {
	e := coordinator.Evidence{Now: s.o.Clock.Now(), Life: l, Progress: j.Progress()}
	counts := j.Counts()
	for _, v := range verticesOf(l) {
		for _, t := range v.tasks {
			head, _ := countOf(counts, v, t.Task.Index)
			p := s.pressureOf(l, counts, v, t)
			e.Tasks = append(e.Tasks, coordinator.TaskEvidence{
				Task: t.Task, Busy: p.Busy, Idle: p.Idle, Blocked: p.Blocked, Watermark: head.Watermark, Split: head.Split, Ahead: head.Ahead,
			})
		}
	}
	return e
}
