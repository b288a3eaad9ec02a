// Package client speaks to the REST API of a cluster, for the command line and
// for programs.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/job"
)

// Client asks one cluster.
type Client struct {
	// Address is host:port, or a URL.
	Address string
	// Token, if not "", is what the cluster wants to see.
	Token string
	// Transport is how it is reached; nil means plainly.
	Transport http.RoundTripper
	// Clock is for the pauses between two looks at an operation.
	Clock interface {
		After(d time.Duration) <-chan time.Time
	}
}

// maxReply is the largest reply that is read.
const maxReply = 256 << 20

// Do sends a request and reads the reply into v, unless it is nil. An error of
// the cluster's is job.ErrInvalid when the request was wrong, and
// job.ErrUnavailable when another try may succeed.
func (c *Client) Do(ctx context.Context, method, path string, body, v any) error {
	base := strings.TrimSuffix(c.Address, "/")
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	var send io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		send = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(ctx, method, base+path, send)
	if err != nil {
		return fmt.Errorf("%w: the address of the cluster: %w", job.ErrInvalid, err)
	}
	r.Header.Set("Content-Type", "application/json")
	if c.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.Token)
	}
	reply, err := (&http.Client{Transport: c.Transport}).Do(r)
	if err != nil {
		return fmt.Errorf("%w: no cluster answers at %s: %w", job.ErrUnavailable, c.Address, err)
	}
	defer func() { _ = reply.Body.Close() }() // it has been read
	data, err := io.ReadAll(io.LimitReader(reply.Body, maxReply))
	if err != nil {
		return fmt.Errorf("%w: read the reply of %s: %w", job.ErrUnavailable, c.Address, err)
	}
	if reply.StatusCode >= http.StatusBadRequest {
		return failure(reply.StatusCode, data)
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("the reply of %s to %s is not what was expected: %w", c.Address, path, err)
	}
	return nil
}

// failure is what the cluster says instead of a reply.
func failure(status int, data []byte) error {
	text := strings.TrimSpace(string(data))
	var e rest.Errors
	if json.Unmarshal(data, &e) == nil && len(e.Errors) > 0 {
		text = strings.Join(e.Errors, "; ")
	}
	class := job.ErrInvalid
	if status >= http.StatusInternalServerError {
		class = job.ErrUnavailable
	}
	if prefix := class.Error() + ": "; !strings.HasPrefix(text, prefix) {
		return fmt.Errorf("%w: %s", class, text)
	}
	return fmt.Errorf("%w: %s", class, strings.TrimPrefix(text, class.Error()+": "))
}

// Jobs are all jobs that the cluster knows.
func (c *Client) Jobs(ctx context.Context) ([]rest.JobSummary, error) {
	var reply rest.JobsOverview
	err := c.Do(ctx, http.MethodGet, "/jobs/overview", nil, &reply)
	return reply.Jobs, err
}

// Stuck is what a job waits for.
func (c *Client) Stuck(ctx context.Context, id string) (rest.Stuck, error) {
	var reply rest.Stuck
	err := c.Do(ctx, http.MethodGet, "/api/jobs/"+url.PathEscape(id)+"/stuck", nil, &reply)
	return reply, err
}

// Gear is how the tasks of a job live; with a name, after it was asked for.
func (c *Client) Gear(ctx context.Context, id, name string) (rest.Gear, error) {
	var reply rest.Gear
	at := "/api/jobs/" + url.PathEscape(id) + "/gear"
	if name == "" {
		err := c.Do(ctx, http.MethodGet, at, nil, &reply)
		return reply, err
	}
	err := c.Do(ctx, http.MethodPost, at, rest.GearRequest{Gear: name}, &reply)
	return reply, err
}

// Logs are the newest lines of all processes behind what was told before, ""
// being from the beginning: at most limit of each, those about a job unless it is
// "", and of no lower level unless it is "".
func (c *Client) Logs(ctx context.Context, job, level, after string, limit int) (rest.LogLines, error) {
	q := url.Values{"after": {after}, "limit": {strconv.Itoa(limit)}, "job": {job}, "level": {level}}
	var reply rest.LogLines
	err := c.Do(ctx, http.MethodGet, "/api/logs?"+q.Encode(), nil, &reply)
	return reply, err
}

// LogLevels are what processes log; with a request, after it was carried out.
func (c *Client) LogLevels(ctx context.Context, q *rest.LogLevelRequest) (rest.LogLevels, error) {
	var reply rest.LogLevels
	if q == nil {
		err := c.Do(ctx, http.MethodGet, "/api/log/level", nil, &reply)
		return reply, err
	}
	err := c.Do(ctx, http.MethodPut, "/api/log/level", q, &reply)
	return reply, err
}

// Cancel asks for the end of a job.
func (c *Client) Cancel(ctx context.Context, id string) error {
	return c.Do(ctx, http.MethodPatch, "/jobs/"+url.PathEscape(id)+"?mode=cancel", nil, nil)
}

// Submit carries out statements; with Detached set, it starts their jobs.
func (c *Client) Submit(ctx context.Context, q rest.SQLRequest) ([]rest.SQLResult, error) {
	var reply rest.SQLReply
	err := c.Do(ctx, http.MethodPost, "/api/sql", q, &reply)
	return reply.Results, err
}

// Stop ends a job with a savepoint, and waits for its path.
func (c *Client) Stop(ctx context.Context, id string, q rest.StopRequest) (string, error) {
	at := "/jobs/" + url.PathEscape(id)
	op, err := c.operation(ctx, at+"/stop", at+"/savepoints/", q)
	return op.Location, err
}

// Savepoint makes a savepoint of a job, and waits for its path.
func (c *Client) Savepoint(ctx context.Context, id string, q rest.SavepointRequest) (string, error) {
	at := "/jobs/" + url.PathEscape(id) + "/savepoints"
	op, err := c.operation(ctx, at, at+"/", q)
	return op.Location, err
}

// Checkpoint takes a checkpoint of a job, and waits for its number.
func (c *Client) Checkpoint(ctx context.Context, id string, q rest.CheckpointRequest) (uint64, error) {
	at := "/jobs/" + url.PathEscape(id) + "/checkpoints"
	op, err := c.operation(ctx, at, at+"/", q)
	return op.Checkpoint, err
}

// Fork starts a copy of a job beside it.
func (c *Client) Fork(ctx context.Context, id string, f rest.Fork) (rest.Forked, error) {
	var reply rest.Forked
	err := c.Do(ctx, http.MethodPost, "/api/jobs/"+url.PathEscape(id)+"/fork", f, &reply)
	return reply, err
}

// Stored are the jobs whose checkpoints are in the cluster's directory.
func (c *Client) Stored(ctx context.Context) ([]rest.StoredJob, error) {
	var reply rest.StoredJobs
	err := c.Do(ctx, http.MethodGet, "/api/stored", nil, &reply)
	return reply.Jobs, err
}

// RemoveStored deletes the checkpoints of a job that is gone, and says how many
// bytes they had.
func (c *Client) RemoveStored(ctx context.Context, id string) (int64, error) {
	var reply rest.Removed
	err := c.Do(ctx, http.MethodDelete, "/api/stored/"+url.PathEscape(id), nil, &reply)
	return reply.Bytes, err
}

// Dispose removes a savepoint.
func (c *Client) Dispose(ctx context.Context, path string) error {
	const at = "/savepoint-disposal"
	_, err := c.operation(ctx, at, at+"/", rest.DisposalRequest{Path: path})
	return err
}

// Trigger starts an operation on a job, such as savepoints, and does not wait
// for it.
func (c *Client) Trigger(ctx context.Context, id, what string, q any) (string, error) {
	var t rest.Trigger
	err := c.Do(ctx, http.MethodPost, "/jobs/"+url.PathEscape(id)+"/"+what, q, &t)
	return t.ID, err
}

// operation is what an operation has come to.
type operation struct {
	Location   string          `json:"location"`
	Checkpoint uint64          `json:"checkpointId"`
	Cause      *rest.Throwable `json:"failure-cause"`
}

// operation starts one and waits for its end.
func (c *Client) operation(ctx context.Context, start, ask string, body any) (operation, error) {
	var t rest.Trigger
	if err := c.Do(ctx, http.MethodPost, start, body, &t); err != nil {
		return operation{}, err
	}
	return c.await(ctx, ask+t.ID)
}

func (c *Client) await(ctx context.Context, path string) (operation, error) {
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		var s struct {
			Status    rest.QueueStatus `json:"status"`
			Operation operation        `json:"operation"`
		}
		if err := c.Do(ctx, http.MethodGet, path, nil, &s); err != nil {
			return operation{}, err
		}
		if s.Status.ID == "COMPLETED" {
			if cause := s.Operation.Cause; cause != nil {
				return s.Operation, errors.New(strings.TrimPrefix(cause.Stack, cause.Class+": "))
			}
			return s.Operation, nil
		}
		select {
		case <-c.Clock.After(pause):
		case <-ctx.Done():
			return operation{}, ctx.Err()
		}
	}
}

// Wait waits for the end of a job and says how it ended.
func (c *Client) Wait(ctx context.Context, id string) (rest.ExecutionResult, error) {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		var r rest.ExecutionResult
		err := c.Do(ctx, http.MethodGet, "/jobs/"+url.PathEscape(id)+"/execution-result", nil, &r)
		if err != nil || r.Result != nil {
			return r, err
		}
		select {
		case <-c.Clock.After(pause):
		case <-ctx.Done():
			return r, ctx.Err()
		}
	}
}
