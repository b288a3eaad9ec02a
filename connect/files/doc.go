// Package files writes tables to directories of files: the sink of
// 'connector' = 'filesystem', in CSV, JSON Lines and Parquet. Each row is
// written exactly once, without rename, on any store.
//
// # Where a row goes
//
//	<path>/.staging/<job>-<sink>/<nonce>-<n>.csv    while it is written, and until its epoch commits
//	<path>/dt=2020-01-01/part-<job>-<sink>-<task>-<epoch>-<n>.csv    afterwards
//	<path>/_wadi/<job>-<sink>/<epoch>               the commit log
//
// Plain readers skip names that begin with '.' or '_', so they see committed
// rows only, and no file that is still growing.
//
// Prepare closes the epoch's staged files; the committables say where each is
// and what it will be called. Commit, which follows the checkpoint, moves each
// (on local disk link and unlink; elsewhere copy on the server and delete) and
// then adds the epoch to the commit log. A crash between any two of these
// steps is followed by the same Commit again: a file that has moved is left
// alone, because a final name belongs to one epoch of one task of one sink of
// one job, and epochs are never given out twice. Files of an epoch appear one
// by one; who needs whole epochs at once reads an Iceberg table.
//
// A task that dies leaves staged files that no checkpoint knows. They stay
// hidden and do no harm; the end of the sink's last task removes them.
//
// With auto-compaction the files of an epoch are merged on the way from the one
// to the other, directory by directory, into
//
//	<path>/dt=2020-01-01/part-<job>-<sink>-compacted-<epoch>-<hash of what was merged>.csv
//
// What is merged follows from the epoch's committables alone. The merged file
// appears whole, and only then the staged ones are removed, so that a crash is
// followed by the same merge, or by the removal of what is left of it.
//
// # When a partition is complete
//
// A marker, _SUCCESS, is written into a partition behind the files of all epochs
// up to the one that completes it, and before that epoch's entry in the commit
// log: so it is never there too early, and a crash repeats it. The entry holds
// what the next decision needs: the partitions that wait, and how far the event
// time of each task of the sink is, which the tasks tell with each epoch.
package files
