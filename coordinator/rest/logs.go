package rest

import (
	"net/http"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
)

// Logs are the log files of a process.
type Logs interface {
	Files() []LogFile
	// Read is the text of a file; false when there is none of that name.
	Read(name string) ([]byte, bool)
}

// LogFile is one of them.
type LogFile struct {
	Name     string
	Size     int64
	Modified time.Time
}

// LogFiles is the reply of /jobmanager/logs.
type LogFiles struct {
	Logs []LogFileInfo `json:"logs"`
}

// LogFileInfo is one file of LogFiles.
type LogFileInfo struct {
	Name           string `json:"name"`
	Size           int64  `json:"size"`
	ModifiedMillis int64  `json:"mtime"`
}

func (s *Server) logFiles(*http.Request) (any, error) {
	reply := LogFiles{Logs: []LogFileInfo{}}
	if s.o.Logs == nil {
		return reply, nil
	}
	for _, f := range s.o.Logs.Files() {
		reply.Logs = append(reply.Logs, LogFileInfo{f.Name, f.Size, coordinator.Millis(f.Modified)})
	}
	return reply, nil
}

func (s *Server) logFile(r *http.Request) (any, error) {
	name := r.PathValue("file")
	if s.o.Logs != nil {
		if data, ok := s.o.Logs.Read(name); ok {
			return text(data), nil
		}
	}
	return nil, notFound("This file does not exist in JobManager log dir: %s", name)
}

// log is the first log file.
func (s *Server) log(*http.Request) (any, error) {
	if s.o.Logs != nil {
		if files := s.o.Logs.Files(); len(files) > 0 {
			data, _ := s.o.Logs.Read(files[0].Name)
			return text(data), nil
		}
	}
	return text{}, nil
}

// stdout is empty: what jobs print goes to the process' own.
func (*Server) stdout(*http.Request) (any, error) { return text{}, nil }

func (s *Server) workerLogs(r *http.Request) (any, error) {
	if _, err := s.workerIn(r); err != nil {
		return nil, err
	}
	return s.logFiles(r)
}

func (s *Server) workerLogFile(r *http.Request) (any, error) {
	if _, err := s.workerIn(r); err != nil {
		return nil, err
	}
	return s.logFile(r)
}

func (s *Server) workerLog(r *http.Request) (any, error) {
	if _, err := s.workerIn(r); err != nil {
		return nil, err
	}
	return s.log(r)
}
