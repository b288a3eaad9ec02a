package config

import (
	"fmt"
	"strings"

	"github.com/wadi-engine/wadi/internal/reference"
)

// Values is a configuration: what was set, over the defaults. Values may hold
// references (${env:NAME}, ${file:PATH}): who reads a key gets what stands behind
// them, who looks at what was set sees the references. The zero value works.
type Values struct{ set map[string]value }

// value is what was set, and what it is.
type value struct{ text, is string }

// Set sets a key by any of its names, after a check.
func (v *Values) Set(name, text string) error {
	keys, is, err := Check(name, text)
	if err != nil {
		return err
	}
	if v.set == nil {
		v.set = make(map[string]value)
	}
	for _, k := range keys {
		v.set[k.Name] = value{text, is}
	}
	return nil
}

// Check says whether a key may be set to a value, and finds what it stands for
// and what the value is.
func Check(name, text string) (keys []*Key, is string, err error) {
	if keys, err = Resolve(name); err != nil {
		return nil, "", err
	}
	if is, err = reference.Text(text); err != nil {
		return nil, "", fmt.Errorf("'%s': %w", name, err)
	}
	for _, k := range keys {
		if err := k.Check(is); err != nil {
			return nil, "", err
		}
		if k.Type == Bool {
			is = strings.ToLower(is)
		}
	}
	return keys, is, nil
}

// Get is the value of a key: what was set, or the default.
func (v *Values) Get(name string) string {
	if k := index[name]; len(k) > 0 {
		name = k[0].Name
	}
	if of, ok := v.set[name]; ok {
		return of.is
	}
	return Default(name)
}

// Reset forgets one key, or all when name is "".
func (v *Values) Reset(name string) error {
	if name == "" {
		v.set = nil
		return nil
	}
	keys, err := Resolve(name)
	for _, k := range keys {
		delete(v.set, k.Name)
	}
	return err
}

// All are the keys that were set, under their current names, with the values as
// they were written.
func (v *Values) All() map[string]string {
	all := make(map[string]string, len(v.set))
	for k, of := range v.set {
		all[k] = of.text
	}
	return all
}
