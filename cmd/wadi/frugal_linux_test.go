package main

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestUnmapProgram: most of the program's file need not be mapped, and what is needed
// is there when it is.
func TestUnmapProgram(t *testing.T) {
	mapped := func() int {
		t.Helper()
		text, err := os.ReadFile("/proc/self/statm")
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(strings.Fields(string(text))[2])
		if err != nil {
			t.Fatal(err)
		}
		return n * os.Getpagesize()
	}
	newRoot()
	before := mapped()
	unmapProgram()
	if after := mapped(); after > before/2 {
		t.Errorf("%d bytes of the file were mapped, and %d are", before, after)
	}
	newRoot()
}
