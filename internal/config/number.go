package config

import (
	"fmt"
	"math"
	"strconv"
)

func number(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// fraction reads a number that is one.
func fraction(text string) (float64, bool) {
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}

func numbers(least, most int64) string {
	if most == 0 {
		return fmt.Sprintf("a number from %d on", least)
	}
	return fmt.Sprintf("a number from %d to %d", least, most)
}
