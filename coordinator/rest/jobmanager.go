package rest

import (
	"maps"
	"net/http"
	"runtime"
	"slices"
)

// Setting is one key of a configuration.
type Setting struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func (s *Server) clusterConfig(*http.Request) (any, error) {
	all := s.cluster.Config()
	reply := []Setting{}
	for _, k := range slices.Sorted(maps.Keys(all)) {
		reply = append(reply, Setting{k, all[k]})
	}
	return reply, nil
}

// Environment is the reply of /jobmanager/environment. There is no JVM: it
// describes the process.
type Environment struct {
	JVM       JVM      `json:"jvm"`
	Classpath []string `json:"classpath"`
}

// JVM is what runs the process.
type JVM struct {
	Version string   `json:"version"`
	Arch    string   `json:"arch"`
	Options []string `json:"options"`
}

func (s *Server) environment(*http.Request) (any, error) {
	return Environment{JVM: JVM{Version: runtime.Version() + " (wadi " + s.o.Version + ")", Arch: runtime.GOARCH, Options: []string{}}, Classpath: []string{}}, nil
}

func (s *Server) jobClusterConfig(r *http.Request) (any, error) {
	if _, err := s.job(r); err != nil {
		return nil, err
	}
	return s.clusterConfig(r)
}

func (s *Server) jobEnvironment(r *http.Request) (any, error) {
	if _, err := s.job(r); err != nil {
		return nil, err
	}
	return s.environment(r)
}

// LogURL is where the log of a job's coordinator or worker is.
type LogURL struct {
	URL string `json:"url"`
}

func (s *Server) jobLogURL(r *http.Request) (any, error) {
	_, err := s.job(r)
	return LogURL{"/jobmanager/log"}, err
}

func (s *Server) workerLogURL(r *http.Request) (any, error) {
	if _, err := s.job(r); err != nil {
		return nil, err
	}
	w, err := s.workerIn(r)
	return LogURL{"/taskmanagers/" + w.ID + "/log"}, err
}

func (s *Server) clusterMetrics(r *http.Request) (any, error) {
	return named(r, shown(s.metricsOfCluster(), "")), nil
}
