package rest

import (
	"context"
	"net/http"
	"strings"
)

// StopRequest is the body of POST /jobs/:jobid/stop. There is one format of
// savepoints, whatever is asked for.
type StopRequest struct {
	TriggerID string `json:"triggerId,omitempty"`
	Directory string `json:"targetDirectory,omitempty"`
	Drain     bool   `json:"drain,omitempty"`
	Format    string `json:"formatType,omitempty"`
}

// SavepointRequest is the body of POST /jobs/:jobid/savepoints.
type SavepointRequest struct {
	TriggerID string `json:"triggerId,omitempty"`
	Directory string `json:"target-directory,omitempty"`
	Cancel    bool   `json:"cancel-job,omitempty"`
	Format    string `json:"formatType,omitempty"`
}

// CheckpointRequest is the body of POST /jobs/:jobid/checkpoints. All
// checkpoints store what has changed, and list everything.
type CheckpointRequest struct {
	TriggerID string `json:"triggerId,omitempty"`
	Type      string `json:"checkpointType,omitempty"`
}

// DisposalRequest is the body of POST /savepoint-disposal.
type DisposalRequest struct {
	Path string `json:"savepoint-path"`
}

// CheckpointID is what an operation that takes a checkpoint has come to.
type CheckpointID struct {
	ID uint64 `json:"checkpointId"`
}

const (
	opSavepoint  = "savepoint"
	opCheckpoint = "checkpoint"
	opDisposal   = "savepoint disposal"
)

// oneOf checks a value of a request's field; "" stands for the first.
func oneOf(field, value string, values ...string) error {
	for _, v := range append(values, "") {
		if strings.EqualFold(v, value) {
			return nil
		}
	}
	return badRequest("Bad request received. Field %s must be one of %s.", field, strings.Join(values, ", "))
}

func (s *Server) stop(r *http.Request) (any, error) {
	j, err := s.job(r)
	if err != nil {
		return nil, err
	}
	var q StopRequest
	if err := decode(r, &q); err != nil {
		return nil, err
	}
	if err := oneOf("formatType", q.Format, "CANONICAL", "NATIVE"); err != nil {
		return nil, err
	}
	t, err := s.ops.start(opSavepoint, string(j.ID()), q.TriggerID, func(ctx context.Context) (any, error) {
		path, err := j.Stop(ctx, q.Directory, q.Drain)
		return Location{path}, err
	})
	return accepted{t}, err
}

func (s *Server) savepoint(r *http.Request) (any, error) {
	j, err := s.job(r)
	if err != nil {
		return nil, err
	}
	var q SavepointRequest
	if err := decode(r, &q); err != nil {
		return nil, err
	}
	if err := oneOf("formatType", q.Format, "CANONICAL", "NATIVE"); err != nil {
		return nil, err
	}
	if q.Cancel {
		if err := s.guard.allows(cancel); err != nil {
			return nil, err
		}
	}
	t, err := s.ops.start(opSavepoint, string(j.ID()), q.TriggerID, func(ctx context.Context) (any, error) {
		if q.Cancel {
			path, err := j.Stop(ctx, q.Directory, false)
			return Location{path}, err
		}
		path, err := j.Savepoint(ctx, q.Directory)
		return Location{path}, err
	})
	return accepted{t}, err
}

func (s *Server) savepointStatus(r *http.Request) (any, error) { return s.operation(r, opSavepoint) }

func (s *Server) takeCheckpoint(r *http.Request) (any, error) {
	j, err := s.job(r)
	if err != nil {
		return nil, err
	}
	var q CheckpointRequest
	if err := decode(r, &q); err != nil {
		return nil, err
	}
	if err := oneOf("checkpointType", q.Type, "CONFIGURED", "FULL", "INCREMENTAL"); err != nil {
		return nil, err
	}
	t, err := s.ops.start(opCheckpoint, string(j.ID()), q.TriggerID, func(ctx context.Context) (any, error) {
		n, err := j.Checkpoint(ctx)
		return CheckpointID{n}, err
	})
	return accepted{t}, err
}

func (s *Server) checkpointStatus(r *http.Request) (any, error) { return s.operation(r, opCheckpoint) }

func (s *Server) dispose(r *http.Request) (any, error) {
	var q DisposalRequest
	if err := decode(r, &q); err != nil {
		return nil, err
	}
	if q.Path == "" {
		return nil, badRequest("Field \"savepoint-path\" must not be omitted.")
	}
	return s.ops.start(opDisposal, "", "", func(ctx context.Context) (any, error) {
		return empty{}, s.cluster.Dispose(ctx, q.Path)
	})
}

func (s *Server) disposalStatus(r *http.Request) (any, error) { return s.operation(r, opDisposal) }

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
