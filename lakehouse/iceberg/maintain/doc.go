// Package maintain does to tables what changes no row of a job's: it makes, moves
// and drops branches and tags, brings staged snapshots to main, forgets old
// snapshots, removes files that nothing names, and writes small files anew as
// large ones. Each is a snapshot, or another change of the metadata, like that of
// any other writer.
package maintain
