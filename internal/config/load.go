package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/job"
)

// Layer is where a value comes from; later layers win.
type Layer int

// The layers.
const (
	BuiltIn Layer = iota
	File
	Environment
	CommandLine
)

func (l Layer) String() string {
	return [...]string{"default", "file", "environment", "command line"}[l]
}

// Sources are where Load looks.
type Sources struct {
	// Dir is the directory of config.yaml (--config-dir); "" leaves it to the
	// environment.
	Dir string
	// Getenv is the environment.
	Getenv func(string) string
	// Define are key=value, as -D gives them.
	Define []string
}

// Loaded is a configuration, and where it comes from.
type Loaded struct {
	Values
	// Notes are for the log.
	Notes []string

	origins map[string]Origin
}

// Origin is where a value comes from: a layer, and the place in it.
type Origin struct {
	Layer Layer
	Place string
}

// entry is one key that is set, in one layer.
type entry struct{ name, text, place string }

// The variables of the environment. Those of Flink are read when ours are not set.
const (
	envDir             = "WADI_CONF_DIR"
	envDirFlink        = "FLINK_CONF_DIR"
	envProperties      = "WADI_PROPERTIES"
	envPropertiesFlink = "FLINK_PROPERTIES"
	fileName           = "config.yaml"
)

// Load reads the configuration of a process. An error names the place of what is
// wrong.
func Load(s Sources) (*Loaded, error) {
	l := &Loaded{origins: make(map[string]Origin)}
	file, err := l.file(s)
	if err != nil {
		return nil, err
	}
	if err := l.add(File, file); err != nil {
		return nil, err
	}
	properties := envProperties
	if s.Getenv(properties) == "" && s.Getenv(envPropertiesFlink) != "" {
		properties = envPropertiesFlink
		l.Notes = append(l.Notes, envPropertiesFlink+" is read, as "+envProperties+" is not set")
	}
	lines, err := readYAML(properties, []byte(s.Getenv(properties)))
	if err != nil {
		return nil, err
	}
	if err := l.add(Environment, lines); err != nil {
		return nil, err
	}
	defined := make([]entry, len(s.Define))
	for i, d := range s.Define {
		key, value, ok := strings.Cut(d, "=")
		if !ok {
			return nil, fmt.Errorf("%w: -D %s: want key=value", job.ErrInvalid, d)
		}
		defined[i] = entry{strings.TrimSpace(key), strings.TrimSpace(value), "-D"}
	}
	return l, l.add(CommandLine, defined)
}

// file reads config.yaml, if a directory is named.
func (l *Loaded) file(s Sources) ([]entry, error) {
	dir, by := s.Dir, "--config-dir"
	if dir == "" {
		dir, by = s.Getenv(envDir), envDir
	}
	flink := dir == "" && s.Getenv(envDirFlink) != ""
	if flink {
		dir, by = s.Getenv(envDirFlink), envDirFlink
	}
	if dir == "" {
		return nil, nil
	}
	path := filepath.Join(dir, fileName)
	data, err := os.ReadFile(path)
	switch {
	case err != nil && flink && errors.Is(err, fs.ErrNotExist):
		return nil, nil // it is of another version of Flink
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w", job.ErrInvalid, by, err)
	case flink:
		l.Notes = append(l.Notes, path+" is read, as "+envDirFlink+" says and "+envDir+" is not set")
	}
	return readYAML(path, data)
}

// add puts a layer over those that are there. Of the names that a key has in one
// layer the newest wins, then the last.
func (l *Loaded) add(layer Layer, all []entry) error {
	older := func(e entry) bool { k, err := Resolve(e.name); return err == nil && k[0].Name != e.name }
	slices.SortStableFunc(all, func(a, b entry) int {
		if older(a) == older(b) {
			return 0
		}
		if older(a) {
			return -1
		}
		return 1
	})
	for _, e := range all {
		keys, _, err := Check(e.name, e.text)
		if err == nil {
			err = l.Set(e.name, e.text)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", e.place, err)
		}
		for _, k := range keys {
			l.origins[k.Name] = Origin{layer, e.place}
		}
	}
	return nil
}

// Origin is where the value of a key, by its current name, comes from.
func (l *Loaded) Origin(name string) Origin { return l.origins[name] }
