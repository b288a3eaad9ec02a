// Package leader decides which of several coordinators leads a cluster. All that
// it needs is a storage root with PutIfAbsent: whoever creates the document of
// the next term leads, and every process can read which term is the newest.
//
//	<high-availability.storageDir>/<cluster id>/leader/<term>
//
// A term says who leads, never that it is alive. A standby watches the leader
// over TCP; when it has lost it, and does not reach it again, it takes the next
// term. A leader that was only slow learns from storage that there is a newer
// term, and stops; until then it can do no harm, since the jobs of the new leader
// are fenced by terms of their own (package checkpoint).
package leader

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// Record is the document of a term: who leads in it, and where it is reached.
type Record struct {
	Term  uint64 `json:"term"`
	Nonce string `json:"nonce"` // of the process
	RPC   string `json:"rpc"`   // the address for workers
	REST  string `json:"rest"`  // the URL for people and programs
	// Since is when the term was taken. It is for people.
	Since stream.Timestamp `json:"since"`
}

const root = "leader/"

func file(term uint64) string { return root + strconv.FormatUint(term, 10) }

// Current is the record of the newest term; its Term is 0 when there is none.
func Current(ctx context.Context, s checkpoint.Store) (Record, error) {
	for {
		names, err := s.List(ctx, root)
		if err != nil {
			return Record{}, fmt.Errorf("%w: list the terms: %w", job.ErrUnavailable, err)
		}
		var newest uint64
		for _, n := range names {
			if t, err := strconv.ParseUint(strings.TrimPrefix(n, root), 10, 64); err == nil {
				newest = max(newest, t)
			}
		}
		if newest == 0 {
			return Record{}, nil
		}
		r, err := read(ctx, s, newest)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a newer one was taken, and this one removed
		}
		return r, err
	}
}

func read(ctx context.Context, s checkpoint.Store, term uint64) (Record, error) {
	data, err := s.Get(ctx, file(term))
	if err != nil {
		return Record{}, fmt.Errorf("%w: read term %d: %w", job.ErrUnavailable, term, err)
	}
	var r Record
	if err := json.Unmarshal(data, &r); err != nil || r.Term != term {
		return Record{}, fmt.Errorf("%w: %s is no record of a term: %w", job.ErrInvalid, file(term), err)
	}
	return r, nil
}

// Take tries to make me the leader of the term behind last, which must be the
// newest that me has seen. It returns who leads in that term.
func Take(ctx context.Context, s checkpoint.Store, me Record, last uint64) (Record, error) {
	me.Term = last + 1
	doc, err := json.MarshalIndent(me, "", "  ")
	if err != nil {
		return Record{}, fmt.Errorf("encode a term: %w", err)
	}
	won, err := s.PutIfAbsent(ctx, file(me.Term), doc)
	if err == nil && won {
		if last >= keep { // what stays does no harm
			_ = s.Delete(ctx, file(last-keep+1))
		}
		return me, nil
	}
	// It may be ours although the reply was lost.
	r, readErr := read(ctx, s, me.Term)
	if readErr == nil {
		return r, nil
	}
	return Record{}, errors.Join(err, readErr)
}

// keep is how many terms stay in storage, for people.
const keep = 10
