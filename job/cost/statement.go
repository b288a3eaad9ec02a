package cost

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Statement is what a job has used by now, and the prices by which that is told.
type Statement struct {
	Prices Prices
	Usage  Usage
	// Epochs are the newest, the oldest first.
	Epochs []Epoch
}

// Epoch is what was used between the end of an epoch and that of the one before.
type Epoch struct {
	Number uint64
	Usage  Usage
}

// String is a line about it.
func (s Statement) String() string {
	u := s.Usage
	var parts []string
	if u.Invocations > 0 {
		parts = append(parts, fmt.Sprintf("%d invocations, %s GB-seconds", u.Invocations, amount(u.GBSeconds)))
	}
	parts = append(parts, fmt.Sprintf("%d requests that write, %d that read", u.Puts, u.Gets))
	if u.CoreSeconds > 0 {
		parts = append(parts, amount(u.CoreSeconds)+" core-seconds")
	}
	if u.CoordinatorSeconds > 0 {
		parts = append(parts, amount(u.CoordinatorSeconds)+" s of a coordinator")
	}
	text := fmt.Sprintf("Cost: %s at the prices of %s: %s", USD(s.Prices.Of(u).USD()), s.Prices.Name, strings.Join(parts, ", "))
	if per, ok := s.Prices.PerMillionRows(u); ok {
		text += "; a million rows " + USD(per)
	}
	return text + "."
}

// USD writes an amount of dollars for people, with three digits that count when it
// is less than one.
func USD(x float64) string { return "$" + amount(x) }

func amount(x float64) string {
	switch {
	case x >= 100:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case x >= 1 || x <= 0:
		return strconv.FormatFloat(x, 'f', 2, 64)
	}
	return strconv.FormatFloat(x, 'f', 2-int(math.Floor(math.Log10(x))), 64)
}
