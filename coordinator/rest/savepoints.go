package rest

import (
	"context"
	"net/http"
)

// StopRequest is the body of POST /jobs/:jobid/stop.
type StopRequest struct {
	TriggerID string `json:"triggerId"`
}

const opSavepoint = "savepoint"

func (s *Server) stop(r *http.Request) (any, error) {
	j, err := s.job(r)
	if err != nil {
		return nil, err
	}
	var q StopRequest
	if err := decode(r, &q); err != nil {
		return nil, err
	}
	t, err := s.ops.start(opSavepoint, string(j.ID()), q.TriggerID, func(ctx context.Context) (any, error) {
		path, err := j.Stop(ctx)
		return Location{path}, err
	})
	return accepted{t}, err
}

func (s *Server) savepointStatus(r *http.Request) (any, error) {
	return s.operation(r, opSavepoint)
}

// operation is the status of an operation on the job of the path.
func (s *Server) operation(r *http.Request, kind string) (any, error) {
	id, err := pathID(r, "triggerid")
	if err != nil {
		return nil, err
	}
	of := ""
	if r.PathValue("jobid") != "" {
		if of, err = pathID(r, "jobid"); err != nil {
			return nil, err
		}
	}
	status, ok := s.ops.status(kind, of, id)
	if !ok {
		return nil, notFound("There is no %s operation with triggerId=%s for job %s.", kind, id, of)
	}
	return status, nil
}
