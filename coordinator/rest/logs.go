package rest

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine/rpc"
)

// coordinatorProcess is the name of the coordinator to Cluster.Ask.
const coordinatorProcess = ""

// LogFiles is the reply of /jobmanager/logs and /taskmanagers/:taskmanagerid/logs.
type LogFiles struct {
	Logs []LogFileInfo `json:"logs"`
}

// LogFileInfo is one file of LogFiles.
type LogFileInfo struct {
	Name           string `json:"name"`
	Size           int64  `json:"size"`
	ModifiedMillis int64  `json:"mtime"`
}

// process is the one that a path is about: that of a worker, or the
// coordinator's.
func (s *Server) processIn(r *http.Request) (string, error) {
	if r.PathValue("taskmanagerid") == "" {
		return coordinatorProcess, nil
	}
	w, err := s.workerIn(r)
	return w.ID, err
}

// askIn asks the process of a path.
func (s *Server) askIn(r *http.Request, a rpc.Ask) (process string, reply rpc.Answer, err error) {
	if process, err = s.processIn(r); err == nil {
		reply, err = s.ask(r.Context(), process, a)
	}
	return process, reply, err
}

// ask asks a process; what it has to say against the question is an error.
func (s *Server) ask(ctx context.Context, process string, a rpc.Ask) (rpc.Answer, error) {
	reply, err := s.cluster.Ask(ctx, process, a)
	if err == nil && reply.Error != "" {
		err = badRequest("%s", reply.Error)
	}
	return reply, err
}

func (s *Server) logFiles(r *http.Request) (any, error) {
	_, answer, err := s.askIn(r, rpc.Ask{Files: true})
	if err != nil {
		return nil, err
	}
	reply := LogFiles{Logs: []LogFileInfo{}}
	for _, f := range answer.Files {
		reply.Logs = append(reply.Logs, LogFileInfo{f.Name, f.Size, coordinator.Millis(f.Modified)})
	}
	return reply, nil
}

func (s *Server) logFile(r *http.Request) (any, error) {
	process, answer, err := s.askIn(r, rpc.Ask{Files: true})
	if err != nil {
		return nil, err
	}
	name := r.PathValue("file")
	i := slices.IndexFunc(answer.Files, func(f rpc.LogFile) bool { return f.Name == name })
	if i < 0 {
		return nil, notFound("This file does not exist in the log dir: %s", name)
	}
	return s.sendFile(process, answer.Files[i]), nil
}

// log is the log file that is being written.
func (s *Server) log(r *http.Request) (any, error) {
	process, answer, err := s.askIn(r, rpc.Ask{Files: true})
	if err != nil || len(answer.Files) == 0 {
		return text{}, err
	}
	return s.sendFile(process, answer.Files[0]), nil
}

// sendFile sends a file, or the range of it that is asked for, in pieces.
func (s *Server) sendFile(process string, f rpc.LogFile) streaming {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		in := logReader{r.Context(), s, process, f.Name}
		http.ServeContent(w, r, "", time.Time{}, io.NewSectionReader(in, 0, f.Size))
	}
}

// logReader reads a log file of a process.
type logReader struct {
	ctx     context.Context //nolint:containedctx // of the one request that reads
	s       *Server
	process string
	name    string
}

// ReadAt implements io.ReaderAt.
func (l logReader) ReadAt(p []byte, at int64) (n int, err error) {
	for n < len(p) {
		a, err := l.s.ask(l.ctx, l.process, rpc.Ask{Read: &rpc.LogRead{File: l.name, Offset: at + int64(n), Limit: int64(len(p) - n)}})
		if err != nil {
			return n, err
		}
		if len(a.Data) == 0 {
			return n, io.EOF
		}
		n += copy(p[n:], a.Data)
	}
	return n, nil
}

// stdout is empty: what jobs print goes to the process' own.
func (*Server) stdout(*http.Request) (any, error) { return text{}, nil }

// ThreadDump is what every goroutine does.
type ThreadDump struct {
	Threads []Thread `json:"threadInfos"`
}

// Thread is one goroutine.
type Thread struct {
	Name  string `json:"threadName"`
	Stack string `json:"stringifiedThreadInfo"`
}

func (s *Server) threadDump(r *http.Request) (any, error) {
	_, answer, err := s.askIn(r, rpc.Ask{Stacks: true})
	if err != nil {
		return nil, err
	}
	reply := ThreadDump{Threads: []Thread{}}
	for stack := range strings.SplitSeq(strings.TrimSpace(string(answer.Data)), "\n\n") {
		name, _, _ := strings.Cut(stack, "\n")
		reply.Threads = append(reply.Threads, Thread{strings.TrimSuffix(name, ":"), stack})
	}
	return reply, nil
}
