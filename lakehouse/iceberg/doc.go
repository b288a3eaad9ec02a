// Package iceberg reads and writes Apache Iceberg tables: the connector
// "iceberg", with a source, and a sink that publishes every row exactly once.
// What it is made of is below it; each package imports those before it only:
//
//	schemas    Iceberg's types, partitions and orders, and the engine's
//	documents  JSON objects whose members become columns
//	catalog    where tables are, and how a state of one is committed
//	read       rows of data files of any age, without those that are deleted
//	write      rows into data files, by partition and in order
//	maintain   what is done to tables beside their rows: branches, compaction
//	scan       the source: snapshots into splits, one state or one after the other
//	upsert     rows that replace others by key: the index of keys, delete files
//	iceberg    the options of a table, the sink and its committer
//
// # Where a row goes
//
//	sink task            Write ── stages rows in Parquet files under <table>/data,
//	                              which no snapshot names yet
//	                     Prepare(42) ── closes the files; their descriptions are the
//	                              committables, part of checkpoint 42
//	coordinator          claims checkpoint 42
//	                     Commit ── one snapshot that names the files of every epoch
//	                              gathered so far, with wadi.epoch=42 in its summary
//
// A crash before the claim leaves files that no snapshot names. A crash after
// it leaves a checkpoint whose committables are committed at the restart. A
// crash during the commit is resolved by the table itself: its snapshots say
// which epoch of which sink they hold, and a mirror of the newest one stands in
// the table's properties, for snapshots expire.
//
// # Invariants of the committer
//
//	C1  A snapshot and the record of its epoch become visible together: they are
//	    one metadata file.
//	C2  A commit is based on the metadata in which the epoch was looked up; if
//	    the branch has moved, nothing is written and everything is looked up again.
//	    Snapshots that are staged move no branch; what tells there is that a
//	    sequence number is given once, except in a table without any snapshot.
//	C3  After a reply that says neither yes nor no, the table is asked.
package iceberg
