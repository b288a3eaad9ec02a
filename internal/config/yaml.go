package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/wadi-engine/wadi/job"
)

// mostEntries is how many keys a file may set: aliases make few lines many.
const mostEntries = 10_000

// flattener turns a document into entries: the keys of nested mappings are joined
// with dots. Scalars are taken as they are written.
type flattener struct {
	file    string
	entries []entry
	places  map[string]string // of the keys that were seen
	nodes   int
}

// readYAML reads a document of YAML 1.2 that maps keys, flat or nested, to values.
func readYAML(file string, data []byte) ([]entry, error) {
	l, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", job.ErrInvalid, file, err)
	}
	var doc, another yaml.Node
	switch err := l.Load(&doc); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, syntaxError(file, err)
	}
	switch err := l.Load(&another); {
	case err == nil:
		return nil, placed(file, &another, "want one document")
	case !errors.Is(err, io.EOF):
		return nil, syntaxError(file, err)
	}
	f := &flattener{file: file, places: make(map[string]string)}
	if len(doc.Content) != 1 || doc.Content[0].Tag == "!!null" {
		return nil, nil
	}
	if doc.Content[0].Kind != yaml.MappingNode {
		return nil, placed(file, doc.Content[0], "want lines of key: value")
	}
	if err := f.mapping("", doc.Content[0]); err != nil {
		return nil, err
	}
	return f.entries, nil
}

func placed(file string, n *yaml.Node, text string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: %w: %s", file, n.Line, n.Column, job.ErrInvalid, fmt.Sprintf(text, args...))
}

func syntaxError(file string, err error) error {
	var at *yaml.LoadError
	if !errors.As(err, &at) {
		return fmt.Errorf("%s: %w: %w", file, job.ErrInvalid, err)
	}
	mark := at.Mark
	if mark.Line == 0 {
		mark = at.ContextMark
	}
	return fmt.Errorf("%s:%d:%d: %w: %s", file, mark.Line, mark.Column, job.ErrInvalid, at.Message)
}

func (f *flattener) mapping(prefix string, m *yaml.Node) error {
	for i := 0; i+1 < len(m.Content); i += 2 {
		key, value := m.Content[i], m.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			return placed(f.file, key, "want the name of a key")
		}
		name := prefix + key.Value
		value, err := f.follow(value)
		if err != nil {
			return err
		}
		if value.Kind == yaml.MappingNode {
			if err := f.mapping(name+".", value); err != nil {
				return err
			}
			continue
		}
		if before, twice := f.places[name]; twice {
			return placed(f.file, key, "'%s' has a value already, at %s", name, before)
		}
		text, err := f.text(value)
		if err != nil {
			return err
		}
		place := fmt.Sprintf("%s:%d:%d", f.file, key.Line, key.Column)
		f.places[name] = place
		f.entries = append(f.entries, entry{name, text, place})
	}
	return nil
}

// follow is the node itself, or the one that it is an alias of.
func (f *flattener) follow(n *yaml.Node) (*yaml.Node, error) {
	if f.nodes++; f.nodes > mostEntries {
		return nil, placed(f.file, n, "want at most %d values", mostEntries)
	}
	if n.Kind == yaml.AliasNode {
		return n.Alias, nil
	}
	return n, nil
}

// text is a value as Flink writes it: a list is a;b, a mapping in a list k:v,k:v.
func (f *flattener) text(n *yaml.Node) (string, error) {
	n, err := f.follow(n)
	if err != nil {
		return "", err
	}
	var parts []string
	sep := ";"
	switch n.Kind {
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return "", nil
		}
		return n.Value, nil
	case yaml.SequenceNode:
		for _, c := range n.Content {
			text, err := f.text(c)
			if err != nil {
				return "", err
			}
			parts = append(parts, text)
		}
	case yaml.MappingNode:
		sep = ","
		for i := 0; i+1 < len(n.Content); i += 2 {
			text, err := f.text(n.Content[i+1])
			if err != nil {
				return "", err
			}
			parts = append(parts, n.Content[i].Value+":"+text)
		}
	default:
		return "", placed(f.file, n, "want a value")
	}
	return strings.Join(parts, sep), nil
}
