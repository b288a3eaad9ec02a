// Package checkpoint is the checkpoint protocol: its documents, its decisions,
// and the little it asks of object storage. Decisions are pure functions of
// documents already read (Decide, Redistribute, Expire) or pure machines that
// ask for one operation at a time (Claiming, Takeover); Keeper carries them out.
//
// A job is a chain of claims. Whoever creates chk-<n>/_metadata owns number n:
//
//	chk-1     chk-2     chk-3     chk-4     chk-5
//	complete  complete  aborted   complete  aborted
//	└─ generation 1 ─┘  └─ generation 2 ─┘  └─ generation 3 has begun
//
// A manifest holds everything that a restart needs: the state of every task,
// the positions of the sources, and the receipts of rows that are staged and
// not known to be published. Only when its manifest stands are an epoch's rows
// published, and the receipts travel on in every later manifest until the
// target is known to have them.
//
// Invariants, which model_test.go checks in every order of operations:
//
//	E1  No epoch is published twice with different content.
//	E2  No row is published twice: a checkpoint goes on exactly where the one
//	    before it ended.
//	E3  No row is lost: what a standing manifest holds is published, by its
//	    owner or by the next one.
//	E4  Once a newer owner has begun, an older one claims nothing.
package checkpoint
