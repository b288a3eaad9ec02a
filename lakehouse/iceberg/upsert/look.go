package upsert

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	ice "github.com/apache/iceberg-go"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// look makes the index agree with a view of the table; published is the newest
// epoch of this sink in it. Files that others have added since the last look are
// read, keys only, oldest first. For a row of theirs whose key has a row at
//
//	no place                    the key is at theirs
//	a file that is gone         it was moved, by a compaction or an overwrite: theirs
//	a file of ours, pending     ours comes later and wins: theirs is deleted
//	a live file, added before   they have written the key anew: ours is deleted
//	a live file, added later    ours is newer: theirs is deleted
//
// A row that was moved although its deletion is pending falls under the first
// or the third: the committer deletes it at its new place (translate). Deleting it
// here again does no harm, as long as it is this very row: so a copy is deleted
// where it is, and never followed by its key, which may be that of a newer row. What is left at files that are gone was
// deleted by somebody else. The first look, over a table that has rows, is the
// same: everything in it is new.
func (x *index) look(ctx context.Context, v *fileView, published stream.Epoch) error {
	if x.seen.looked && v.snapshot == x.seen.snapshot && !x.restored {
		return nil
	}
	x.restored = false
	gone := x.settle(v, published)
	after, tag := x.seen.sequence, x.tag
	if !x.seen.looked || v.sequence < after { // the first look, or the table has gone back
		after, tag = -1, ""
	}
	added := v.since(after, tag)
	of := make(map[string]bool, len(added))
	for _, f := range added {
		of[f.path] = true
	}
	dead, err := v.dead(x.reader, of)
	if err != nil {
		return err
	}
	for _, f := range added {
		if err := x.absorb(ctx, f, dead[f.path]); err != nil {
			return err
		}
	}
	if gone {
		x.sweep()
	}
	x.seen.looked, x.seen.sequence, x.seen.snapshot = true, v.sequence, v.snapshot
	return nil
}

// settle notes which files are live now, and reports whether some are gone.
func (x *index) settle(v *fileView, published stream.Epoch) (gone bool) {
	byHash := map[int64]uint32{}
	for i, f := range x.files {
		if f.state == fileUnknown {
			byHash[f.hash] = uint32(i)
		}
	}
	if len(byHash) > 0 {
		for path := range v.data {
			if n, ok := byHash[pathHash(path)]; ok {
				x.files[n].path = path
				x.byPath[path] = n
			}
		}
	}
	for _, f := range x.files {
		live := v.data[f.path]
		switch {
		case f.state == fileWriting || f.state == fileGone:
		case live != nil:
			f.state, f.sequence = fileLive, live.sequence
		case f.state == filePending && f.epoch > published:
		default:
			f.state, gone = fileGone, true
		}
	}
	return gone
}

// absorb takes in the keys of a file that somebody else has added.
func (x *index) absorb(ctx context.Context, f *liveFile, dead positions) error {
	if f.entry.FileFormat() != ice.ParquetFile {
		return fmt.Errorf("%w: %s is a file of format %s: only Parquet files can be indexed by key; CALL rewrite_data_files with the option 'rewrite-all' writes the table's files as Parquet",
			job.ErrInvalid, f.path, f.entry.FileFormat())
	}
	number := x.file(f.path, fileLive)
	known := x.files[number]
	known.state, known.sequence = fileLive, f.sequence
	return x.keys.Read(ctx, f.path, func(keys []arrow.Array, first int64) error {
		sel := x.mine(keys, first, dead)
		x.gids = grown(x.gids, len(sel))
		x.table.FindOrInsert(keys, sel, x.gids)
		for i, row := range sel {
			x.settleKey(x.gids[i], number, f.sequence, first+int64(row))
		}
		x.table.Mark(x.gids)
		x.counts.Add(int64(len(sel)))
		return nil
	})
}

// settleKey decides between the row that the index has of a key and another one.
func (x *index) settleKey(gid, number uint32, sequence, pos int64) {
	s, theirs := x.state(gid), rowAt(number, pos)
	if s.at == theirs {
		return
	}
	if s.at != 0 {
		switch ours := x.files[s.at.file()]; {
		case ours.state == fileGone || ours.state == fileUnknown:
		case ours.state != fileLive || ours.sequence > sequence:
			x.deleteCopy(theirs)
			return
		default:
			x.deleteCopy(s.at)
		}
	}
	s.at = theirs
}

// mine are the rows of keys that are not deleted and belong to this task.
func (x *index) mine(keys []arrow.Array, first int64, dead positions) vector.Sel {
	n := keys[0].Len()
	sel := make(vector.Sel, 0, n)
	task := x.rt.Task()
	if task.Parallelism > 1 {
		x.hashes = vector.KeyHash(x.hashes, keys)
		x.groups = vector.KeyGroups(x.groups, x.hashes, task.Groups)
	}
	for i := range n {
		if task.Parallelism > 1 && !task.KeyGroups.Contains(stream.KeyGroup(x.groups[i])) {
			continue
		}
		if dead != nil && dead.Contains(uint64(first)+uint64(i)) {
			continue
		}
		sel = append(sel, uint32(i))
	}
	return sel
}

// sweep forgets the keys whose files are gone: their rows were deleted.
func (x *index) sweep() {
	var gids []uint32
	const step = 64 << 10
	for from := 0; from < x.table.Gids(); from += step {
		gids = x.table.LiveIn(gids[:0], uint32(from), uint32(min(from+step, x.table.Gids())))
		kept := gids[:0]
		for _, gid := range gids {
			s := x.state(gid)
			if s.at != 0 && x.files[s.at.file()].state == fileGone {
				s.at = 0
				kept = append(kept, gid)
			}
		}
		x.table.Mark(kept)
	}
}
