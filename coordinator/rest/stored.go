package rest

import (
	"net/http"

	"github.com/wadi-engine/wadi/job"
)

// StoredJobs is the reply of /api/stored.
type StoredJobs struct {
	Jobs []StoredJob `json:"jobs"`
}

// StoredJob is a job whose checkpoints are in storage.
type StoredJob struct {
	ID   job.ID `json:"jid"`
	Name string `json:"name"`
	// State is how the job stands, in a few words; Gone says that nothing goes on
	// from its checkpoints, so that they can be removed.
	State string `json:"state"`
	Gone  bool   `json:"gone"`
	// Bytes and Files are what they take.
	Bytes int64 `json:"bytes"`
	Files int   `json:"files"`
	// ChangedMillis is when the newest was written.
	ChangedMillis int64 `json:"changed"`
}

// Removed is the reply of DELETE /api/stored/:jobid.
type Removed struct {
	Bytes int64 `json:"bytes"`
}

func (s *Server) stored(r *http.Request) (any, error) {
	jobs, err := s.cluster.Stored(r.Context())
	if jobs == nil {
		jobs = []StoredJob{}
	}
	return StoredJobs{jobs}, err
}

func (s *Server) removeStored(r *http.Request) (any, error) {
	n, err := s.cluster.RemoveStored(r.Context(), job.ID(r.PathValue("jobid")))
	return Removed{n}, err
}
