package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/wadi-engine/wadi/job"
)

// SQLRequest is the body of /api/sql.
type SQLRequest struct {
	Statement string            `json:"statement"`
	Options   map[string]string `json:"options"`
	// Session names what remembers tables and settings between requests.
	Session string `json:"session"`
	// Detached starts the jobs of a script, with an Env of their own, and says
	// their ids.
	Detached         bool   `json:"detached"`
	Name             string `json:"name"`
	Parallelism      int    `json:"parallelism"`
	JobID            job.ID `json:"jobId"`
	Restore          string `json:"restore"`
	ClaimMode        string `json:"claimMode"`
	AllowNonRestored bool   `json:"allowNonRestoredState"`
	// MaxRows is how many rows of a query are told; 0 means 1000.
	MaxRows int `json:"maxRows"`
}

// SQLReply is the reply of /api/sql: what each statement gave.
type SQLReply struct {
	Results []SQLResult `json:"results"`
}

// SQLResult is what one statement gave: a message, a job, or rows, each an
// object by column.
type SQLResult struct {
	Kind      string            `json:"kind"` // message, job, rows
	Message   string            `json:"message,omitempty"`
	JobID     job.ID            `json:"jobId,omitempty"`
	JobName   string            `json:"jobName,omitempty"`
	Columns   []Column          `json:"columns,omitempty"`
	Rows      []json.RawMessage `json:"rows,omitempty"`
	Truncated bool              `json:"truncated,omitempty"`
}

const defaultRows = 1000

// errEnough ends a query of which no more rows are wanted.
var errEnough = Error{http.StatusOK, "enough rows"}

// sql carries out statements. A client that accepts application/x-ndjson is
// told of rows as they come, a line each; otherwise they are gathered.
func (s *Server) sql(r *http.Request) (any, error) {
	var q SQLRequest
	if err := decode(r, &q); err != nil {
		return nil, err
	}
	if q.Statement == "" {
		return nil, badRequest("Bad request received. There is no statement.")
	}
	if q.JobID != "" && !isID(string(q.JobID)) {
		return nil, badRequest("Bad request received. The jobId %q is not 32 hexadecimal digits.", q.JobID)
	}
	if q.Detached {
		return s.submitSQL(r, q)
	}
	st := Statements{Text: q.Statement, Session: q.Session, Config: q.Options}
	if r.Header.Get("Accept") == "application/x-ndjson" {
		return s.streamSQL(st), nil
	}
	g := gatherer{max: q.MaxRows}
	if g.max <= 0 {
		g.max = defaultRows
	}
	err := s.cluster.Execute(r.Context(), st, g.take)
	if err != nil && !errors.Is(err, errEnough) && !g.late(r.Context()) {
		return nil, err
	}
	return g.reply, nil
}

func (s *Server) submitSQL(r *http.Request, q SQLRequest) (any, error) {
	jobs, err := s.cluster.Submit(r.Context(), Submission{
		Script: q.Statement, Name: q.Name, Parallelism: q.Parallelism, Config: q.Options, ID: q.JobID,
		Restore: q.Restore, ClaimMode: q.ClaimMode, AllowNonRestored: q.AllowNonRestored,
	})
	if err != nil {
		return nil, err
	}
	reply := SQLReply{Results: []SQLResult{}}
	for _, j := range jobs {
		reply.Results = append(reply.Results, SQLResult{Kind: "job", JobID: j.ID, JobName: j.Name})
	}
	return reply, nil
}

// gatherer puts outcomes together until there are enough rows.
type gatherer struct {
	reply SQLReply
	max   int
}

// late reports whether a query had no time for more rows: then those that there
// are, are the reply.
func (g *gatherer) late(ctx context.Context) bool {
	n := len(g.reply.Results)
	if ctx.Err() == nil || n == 0 || g.reply.Results[n-1].Columns == nil {
		return false
	}
	g.reply.Results[n-1].Truncated = true
	return true
}

func (g *gatherer) take(o Outcome) error {
	switch {
	case o.Job != nil:
		g.reply.Results = append(g.reply.Results, SQLResult{Kind: "job", JobID: o.Job.ID, JobName: o.Job.Name})
		return nil
	case o.Columns != nil:
		g.reply.Results = append(g.reply.Results, SQLResult{Kind: "rows", Columns: o.Columns, Rows: []json.RawMessage{}})
	case o.Rows == nil:
		g.reply.Results = append(g.reply.Results, SQLResult{Kind: "message", Message: o.Message})
		return nil
	}
	last := &g.reply.Results[len(g.reply.Results)-1]
	for _, row := range o.Rows {
		if len(last.Rows) == g.max {
			last.Truncated = true
			return errEnough
		}
		last.Rows = append(last.Rows, json.RawMessage(row))
	}
	return nil
}

// streamSQL tells outcomes as lines: {"kind":"columns"…}, then {"kind":"row"…}
// for each, and {"kind":"error"…} or {"kind":"done"} as the last.
func (s *Server) streamSQL(st Statements) streaming {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		out := http.NewResponseController(w)
		_ = out.SetWriteDeadline(time.Time{}) // a stream has none; one that does not read is cut off by its connection
		enc := json.NewEncoder(w)
		tell := func(line any) error {
			_ = out.SetWriteDeadline(s.o.Clock.Now().Add(s.o.Timeout))
			if err := enc.Encode(line); err != nil {
				return err
			}
			return out.Flush()
		}
		err := s.cluster.Execute(r.Context(), st, func(o Outcome) error {
			switch {
			case o.Job != nil:
				return tell(map[string]any{"kind": "job", "jobId": o.Job.ID, "jobName": o.Job.Name})
			case o.Columns != nil:
				if err := tell(map[string]any{"kind": "columns", "columns": o.Columns}); err != nil {
					return err
				}
			case o.Rows == nil:
				return tell(map[string]any{"kind": "message", "message": o.Message})
			}
			for _, row := range o.Rows {
				if err := tell(map[string]any{"kind": "row", "row": json.RawMessage(row)}); err != nil {
					return err
				}
			}
			return nil
		})
		last := map[string]any{"kind": "done"}
		if err != nil {
			last = map[string]any{"kind": "error", "error": err.Error()}
		}
		_ = tell(last) // the client may be gone
	}
}
