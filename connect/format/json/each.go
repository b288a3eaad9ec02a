package json

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// EachMember calls f for the members of an object. The value is valid in the call.
func EachMember(v jsontext.Value, f func(name string, x jsontext.Value) error) error {
	d := jsontext.NewDecoder(bytes.NewReader(v))
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		key := name.String()
		x, err := d.ReadValue()
		if err != nil {
			return err
		}
		if err := f(key, x); err != nil {
			return err
		}
	}
	return nil
}

// EachElement calls f for the elements of an array.
func EachElement(v jsontext.Value, f func(x jsontext.Value) error) error {
	d := jsontext.NewDecoder(bytes.NewReader(v))
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		x, err := d.ReadValue()
		if err != nil {
			return err
		}
		if err := f(x); err != nil {
			return err
		}
	}
	return nil
}
