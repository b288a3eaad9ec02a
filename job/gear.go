package job

import (
	"fmt"
	"strings"
)

// Gear is how the tasks of a job live.
type Gear string

const (
	// Pipelined tasks live as long as the job, beside each other.
	Pipelined Gear = "pipelined"
	// Staged tasks live for an epoch, those of a stage in a process of their own.
	Staged Gear = "staged"
	// Functions tasks live for an epoch, each in an invocation of a function.
	Functions Gear = "functions"
)

// Gears are all of them.
func Gears() []Gear { return []Gear{Pipelined, Staged, Functions} }

// ParseGear reads the name of a gear, in capitals or not.
func ParseGear(text string) (Gear, error) {
	for _, g := range Gears() {
		if strings.EqualFold(text, string(g)) {
			return g, nil
		}
	}
	return "", fmt.Errorf("%w: gear '%s': want %s, %s or %s", ErrInvalid, text, Pipelined, Staged, Functions)
}

// Brief reports whether tasks live for one epoch only: between two epochs there
// is nothing but storage.
func (g Gear) Brief() bool { return g == Staged || g == Functions }
