package main

import (
	"slices"
	"strings"
)

// flinkFlags are flags of Flink's command line of several letters behind one
// dash, and what they are here.
var flinkFlags = map[string]string{
	"-detached": "--detached", "-cm": "--claimMode", "-rm": "--claimMode", "-type": "--type",
}

// flinkVerbs are the commands that take them.
var flinkVerbs = []string{"run", "stop", "savepoint", "checkpoint", "cancel", "list", "info"}

// fromFlink makes the flags of a command line of Flink's ours.
func fromFlink(args []string) []string {
	if len(args) == 0 || !slices.Contains(flinkVerbs, args[0]) {
		return args
	}
	args = slices.Clone(args)
	for i, a := range args[1:] {
		if a == "--" {
			break
		}
		name, value, given := strings.Cut(a, "=")
		if to, ok := flinkFlags[name]; ok {
			if args[i+1] = to; given {
				args[i+1] += "=" + value
			}
		}
	}
	return args
}
