package main

import (
	"slices"
	"testing"

	"github.com/wadi-engine/wadi"
)

func TestStorage(t *testing.T) {
	before := []wadi.StorageCount{{Scheme: "s3", Operation: "get", Requests: 5, Read: 100}}
	after := []wadi.StorageCount{
		{Scheme: "file", Operation: "put", Requests: 1, Written: 1},
		{Scheme: "s3", Operation: "get", Requests: 1205, Errors: 2, Retries: 2, Read: 1_000_100},
		{Scheme: "s3", Operation: "put", Requests: 10, Errors: 1, Written: 999_949_999},
	}
	if got, want := storage(before, after), []string{
		"Storage s3: requests: 1,210 (3 failed, 2 were repeated), 1.0 MB read, 999.9 MB written.",
	}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := storage(after, after); len(got) > 0 {
		t.Errorf("nothing was done: %q", got)
	}
}
