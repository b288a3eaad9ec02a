package logical

import "strings"

// TTL is how long state is kept after it was last written, in milliseconds of
// processing time. Unless it is Given, by a hint, the session says it.
type TTL struct {
	Given  bool
	Millis int64
	Text   string // as the hint has it
}

// Or is the TTL, or what the session says.
func (t TTL) Or(session int64) int64 {
	if t.Given {
		return t.Millis
	}
	return session
}

// JoinHints are what hints say about a join.
type JoinHints struct {
	Left, Right TTL
	// Strategy is how the query wants the join to be run, as it is shown in plans:
	// BROADCAST(t). Joins choose their way themselves.
	Strategy string
	// Lookup is how rows are wanted to be looked up in the right side, as it is shown
	// in plans.
	Lookup string
}

// text is the hints behind a join in a plan.
func (h JoinHints) text() string {
	var parts []string
	if h.Left.Given {
		parts = append(parts, "LEFT="+h.Left.Text)
	}
	if h.Right.Given {
		parts = append(parts, "RIGHT="+h.Right.Text)
	}
	text := ""
	if len(parts) > 0 {
		text = ", stateTtlHints=[[[STATE_TTL options:{" + strings.Join(parts, ", ") + "}]]]"
	}
	if h.Strategy != "" {
		text += ", joinHints=[" + h.Strategy + "]"
	}
	return text
}

// text is the hint behind an aggregation in a plan.
func (t TTL) text() string {
	if !t.Given {
		return ""
	}
	return ", stateTtlHints=[[[STATE_TTL options:[" + t.Text + "]]]]"
}
