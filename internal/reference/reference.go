// Package reference replaces references in the values of options, so that a
// script need not hold what differs between places, or what is secret:
//
//	${env:NAME}            a variable of the environment
//	${env:NAME:-default}   the same, or the default when it is not set or empty
//	${file:PATH}           what a file holds, without the line's end
//
// Catalogs keep the text with its references, and that is what SHOW prints; it
// is replaced when a statement is planned. "$${" stands for "${". What has no
// colon, ${NAME}, is no reference and stays as it is: scripts use it for tools
// of their own.
package reference

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/wadi-engine/wadi/job"
)

// mostFile is the length of the longest file that is taken: a key or a
// certificate, not data.
const mostFile = 1 << 20

// Options replaces the references in the values of options. The map that it is
// given stays as it is. An error is job.ErrInvalid, and names the option and
// the reference but no value.
func Options(options map[string]string) (map[string]string, error) {
	out := maps.Clone(options)
	for key, value := range options {
		text, err := Text(value)
		if err != nil {
			return nil, fmt.Errorf("option '%s': %w", key, err)
		}
		out[key] = text
	}
	return out, nil
}

// Text replaces the references in one value.
func Text(value string) (string, error) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(value, "${")
		if !found {
			b.WriteString(value)
			return b.String(), nil
		}
		if plain, escaped := strings.CutSuffix(before, "$"); escaped {
			b.WriteString(plain + "${")
			value = after
			continue
		}
		b.WriteString(before)
		ref, rest, closed := strings.Cut(after, "}")
		if !closed {
			return "", fmt.Errorf("%w: \"${%s\" has no closing brace", job.ErrInvalid, after)
		}
		text, err := resolve(ref)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
		value = rest
	}
}

func resolve(ref string) (string, error) {
	kind, of, typed := strings.Cut(ref, ":")
	if !typed {
		return "${" + ref + "}", nil
	}
	switch kind {
	case "env":
		name, fallback, has := strings.Cut(of, ":-")
		if name == "" {
			break
		}
		if text := os.Getenv(name); text != "" {
			return text, nil
		}
		if _, set := os.LookupEnv(name); !set && !has {
			return "", fmt.Errorf("%w: ${%s}: the environment has no variable %s; set it, or write ${env:%s:-default}", job.ErrInvalid, ref, name, name)
		}
		return fallback, nil
	case "file":
		if of != "" {
			return file(of)
		}
	}
	return "", fmt.Errorf("%w: ${%s}: want ${env:NAME}, ${env:NAME:-default} or ${file:PATH}; \"$${\" stands for \"${\"", job.ErrInvalid, ref)
}

func file(path string) (string, error) {
	info, err := os.Stat(path)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > mostFile) {
		return "", fmt.Errorf("%w: ${file:%s}: want a file of at most %d bytes", job.ErrInvalid, path, mostFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%w: ${file:%s}: %w", job.ErrInvalid, path, err)
	}
	if !utf8.Valid(data) {
		return "", fmt.Errorf("%w: ${file:%s}: the file is not text", job.ErrInvalid, path)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), nil
}
