// Package diag is the error that every step of SQL reports: a message and the
// place in the text that it is about.
package diag

import (
	"errors"
	"fmt"
	"strings"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql/ast"
)

// Error is what is wrong with a statement. It wraps job.ErrInvalid.
//
//	line 1, column 8: no column "prise"; did you mean "price"?
//	  SELECT prise FROM bid
//	         ^
type Error struct {
	Line int // from 1; 0 when the place is not known
	Col  int // from 1, in characters
	Msg  string
	// Source is the line of the text that Line numbers, or "".
	Source string
	// Cause is what another part reported, or nil.
	Cause error
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Msg
	}
	at := fmt.Sprintf("line %d, column %d: %s", e.Line, e.Col, e.Msg)
	if e.Source == "" {
		return at
	}
	return at + "\n" + caret(e.Source, e.Col)
}

// Unwrap gives the cause, which has a class of its own, or job.ErrInvalid.
func (e *Error) Unwrap() []error {
	if e.Cause != nil {
		return []error{e.Cause}
	}
	return []error{job.ErrInvalid}
}

// width is how much of a line is shown around the caret.
const width = 120

// caret shows a line and points at its column. Of long lines it shows the
// part around the column.
func caret(line string, col int) string {
	runes := []rune(strings.ReplaceAll(line, "\t", " "))
	at := min(max(col-1, 0), len(runes))
	from := 0
	if len(runes) > width {
		from = min(max(at-width/2, 0), len(runes)-width)
		runes = runes[from : from+width]
	}
	return "  " + string(runes) + "\n  " + strings.Repeat(" ", at-from) + "^"
}

// At makes an error about the place pos.
func At(pos ast.Pos, format string, args ...any) *Error {
	return &Error{Line: pos.Line, Col: pos.Col, Msg: fmt.Sprintf(format, args...)}
}

// Unsupported makes the error for what is not there yet.
func Unsupported(pos ast.Pos, what string) *Error { return At(pos, "not supported yet: %s", what) }

// Wrap puts err, which another part reported, at the place pos; an *Error that
// already has a place stays as it is.
func Wrap(pos ast.Pos, err error) error {
	var e *Error
	if err == nil {
		return nil
	}
	if errors.As(err, &e) {
		if e.Line == 0 {
			e.Line, e.Col = pos.Line, pos.Col
		}
		return err
	}
	return &Error{Line: pos.Line, Col: pos.Col, Msg: Text(err), Cause: err}
}

// Text is the message of err without the words of its class.
func Text(err error) string { return strings.ReplaceAll(err.Error(), job.ErrInvalid.Error()+": ", "") }

// InText adds the line of the statement's text to an *Error in err.
func InText(err error, text string) error {
	var e *Error
	if err == nil || !errors.As(err, &e) || e.Line == 0 || e.Source != "" {
		return err
	}
	lines := strings.Split(text, "\n")
	if e.Line <= len(lines) {
		e.Source = strings.TrimRight(lines[e.Line-1], "\r")
	}
	return err
}

// Located makes an error about a place that is known by its text, "line 1,
// column 8", or not at all.
func Located(at, format string, args ...any) *Error {
	e := &Error{Msg: fmt.Sprintf(format, args...)}
	if n, err := fmt.Sscanf(at, "line %d, column %d", &e.Line, &e.Col); err != nil || n != 2 {
		e.Line, e.Col = 0, 0
	}
	return e
}
