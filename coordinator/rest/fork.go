package rest

import (
	"net/http"

	"github.com/wadi-engine/wadi/job"
)

// Fork is the body of POST /api/jobs/:jobid/fork: a copy of the job starts beside
// it, from one of its checkpoints or a savepoint, and writes to other targets.
type Fork struct {
	// From is the path of the checkpoint; "" means the newest of the job.
	From string `json:"from,omitempty"`
	// Suffix is what the names of the targets get at their end: tables, topics,
	// directories.
	Suffix string `json:"sink-suffix"`
	// Name is that of the copy; "" means the job's with the suffix.
	Name string `json:"name,omitempty"`
}

// Forked is the reply.
type Forked struct {
	ID   job.ID `json:"jobid"`
	Name string `json:"name"`
}

func (s *Server) fork(r *http.Request) (any, error) {
	j, err := s.job(r)
	if err != nil {
		return nil, err
	}
	var f Fork
	if err := decode(r, &f); err != nil {
		return nil, err
	}
	of, err := s.cluster.Fork(r.Context(), j.ID(), f)
	return Forked(of), err
}
