package rest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/wadi-engine/wadi/job"
)

// uploads are scripts that were sent to be run: what Flink calls jars. They lie
// in a directory, as <id>_<name>.
type uploads struct {
	mu   sync.Mutex
	dir  string
	mine bool // the directory is a temporary one
}

// UploadedFiles is the reply of /jars.
type UploadedFiles struct {
	Address string         `json:"address"`
	Files   []UploadedFile `json:"files"`
}

// UploadedFile is one script.
type UploadedFile struct {
	ID             string  `json:"id"`
	Name           string  `json:"name"`
	UploadedMillis int64   `json:"uploaded"`
	Entries        []Entry `json:"entry"`
}

// Entry is where a script begins.
type Entry struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// Upload is the reply of /jars/upload.
type Upload struct {
	Filename string `json:"filename"`
	Status   string `json:"status"`
}

// open makes the directory, if it is not there.
func (u *uploads) open() (string, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.dir != "" {
		return u.dir, os.MkdirAll(u.dir, 0o700)
	}
	dir, err := os.MkdirTemp("", "wadi-web-")
	if err == nil {
		u.dir, u.mine = dir, true
	}
	return dir, err
}

func (u *uploads) close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.mine {
		return nil
	}
	return os.RemoveAll(u.dir)
}

func (s *Server) listUploads(r *http.Request) (any, error) {
	dir, err := s.uploads.open()
	if err != nil {
		return nil, err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	reply := UploadedFiles{Address: scheme + r.Host, Files: []UploadedFile{}}
	for _, f := range files {
		_, name, ok := strings.Cut(f.Name(), "_")
		info, err := f.Info()
		if !ok || err != nil {
			continue
		}
		reply.Files = append(reply.Files, UploadedFile{ID: f.Name(), Name: name, UploadedMillis: info.ModTime().UnixMilli(), Entries: []Entry{{Name: "SQL"}}})
	}
	slices.SortFunc(reply.Files, func(a, b UploadedFile) int { return int(b.UploadedMillis - a.UploadedMillis) })
	return reply, nil
}

// upload takes the first file of a form, as curl -F jarfile=@job.sql sends it.
func (s *Server) upload(r *http.Request) (any, error) {
	form, err := r.MultipartReader()
	if err != nil {
		return nil, badRequest("A form with a file is wanted: curl -F jarfile=@job.sql: %v", err)
	}
	part, err := form.NextPart()
	for err == nil && part.FileName() == "" {
		part, err = form.NextPart()
	}
	if errors.Is(err, io.EOF) {
		return nil, badRequest("Exactly 1 file must be sent, received 0.")
	}
	if err != nil {
		return nil, fmt.Errorf("read the form: %w", err)
	}
	data, err := io.ReadAll(part)
	if err != nil {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	name := filepath.Base(part.FileName())
	if bytes.HasPrefix(data, []byte("PK")) || !utf8.Valid(data) {
		return nil, badRequest("%s is no SQL script: there is no JVM here that could run a jar.", name)
	}
	dir, err := s.uploads.open()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, newID()+"_"+name)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return nil, err
	}
	return Upload{Filename: file, Status: "success"}, nil
}

// uploadIn is the file of a path.
func (s *Server) uploadIn(r *http.Request) (string, error) {
	id := r.PathValue("jarid")
	dir, err := s.uploads.open()
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, filepath.Base(id))
	if _, err := os.Stat(file); err != nil || filepath.Base(id) != id || !strings.Contains(id, "_") {
		return "", notFound("File %s does not exist.", id)
	}
	return file, nil
}

func (s *Server) deleteUpload(r *http.Request) (any, error) {
	file, err := s.uploadIn(r)
	if err != nil {
		return nil, err
	}
	return empty{}, os.Remove(file)
}

// RunRequest is the body of /jars/:jarid/run and /jars/:jarid/plan; the query
// may say the same.
type RunRequest struct {
	EntryClass       string            `json:"entryClass"`
	Arguments        []string          `json:"programArgsList"`
	Parallelism      *int              `json:"parallelism"`
	JobID            string            `json:"jobId"`
	AllowNonRestored *bool             `json:"allowNonRestoredState"`
	SavepointPath    string            `json:"savepointPath"`
	ClaimMode        string            `json:"claimMode"`
	RestoreMode      string            `json:"restoreMode"`
	Config           map[string]string `json:"flinkConfiguration"`
}

// RunReply is the reply of /jars/:jarid/run. A script may have several jobs;
// the first one is what Flink's clients read.
type RunReply struct {
	JobID job.ID      `json:"jobid"`
	Jobs  []Submitted `json:"jobs"`
}

// submission reads what is to be run.
func (s *Server) submission(r *http.Request) (Submission, error) {
	file, err := s.uploadIn(r)
	if err != nil {
		return Submission{}, err
	}
	var q RunRequest
	if err := decode(r, &q); err != nil {
		return Submission{}, err
	}
	script, err := os.ReadFile(file)
	if err != nil {
		return Submission{}, err
	}
	sub := Submission{Script: string(script), Config: q.Config, Restore: q.SavepointPath}
	if sub.Restore == "" {
		sub.Restore = r.URL.Query().Get("savepointPath")
	}
	if sub.ClaimMode = q.ClaimMode; sub.ClaimMode == "" {
		sub.ClaimMode = q.RestoreMode
	}
	if q.Parallelism != nil {
		sub.Parallelism = *q.Parallelism
	} else if sub.Parallelism, err = queryNumber(r, "parallelism"); err != nil {
		return sub, err
	}
	if q.AllowNonRestored != nil {
		sub.AllowNonRestored = *q.AllowNonRestored
	} else {
		sub.AllowNonRestored = strings.EqualFold(r.URL.Query().Get("allowNonRestoredState"), "true")
	}
	if q.JobID != "" {
		if !isID(q.JobID) {
			return sub, badRequest("Bad request received. The jobId %q is not 32 hexadecimal digits.", q.JobID)
		}
		sub.ID = job.ID(q.JobID)
	}
	return sub, nil
}

func (s *Server) runUpload(r *http.Request) (any, error) {
	sub, err := s.submission(r)
	if err != nil {
		return nil, err
	}
	jobs, err := s.cluster.Submit(r.Context(), sub)
	if err != nil {
		return nil, err
	}
	if len(jobs) == 0 {
		return nil, badRequest("The script has no INSERT, so that there is no job to run.")
	}
	return RunReply{JobID: jobs[0].ID, Jobs: jobs}, nil
}

func (s *Server) planUpload(r *http.Request) (any, error) {
	sub, err := s.submission(r)
	if err != nil {
		return nil, err
	}
	g, err := s.cluster.Plan(r.Context(), sub)
	if err != nil {
		return nil, err
	}
	return JobPlan{PlanOf(g, "", false)}, nil
}
