// Package remote is the exchange between tasks of different workers: channels
// over TCP. Each worker has one Transport; it holds one connection to every
// worker that it sends to, and all channels to that worker share it.
//
// Every channel has a credit of its own, in bytes: how much of what was sent the
// receiving task may leave untaken. A sender without credit waits; so what
// arrives always finds room, the receiver of a connection never waits for a
// task, and a slow channel stalls no other. A batch larger than the whole credit
// is cut into pieces. A sender that lends (exchange.Lender) may go beyond the
// credit by as much again.
//
// Batches are Arrow IPC messages; their buffers go to the socket as they lie in
// memory (writev), and come into one buffer of the pool, of which the columns
// are parts. A connection is a sequence of frames. All numbers are little-endian.
//
//	frame     kind:u8 zero:u8×3 channel:u32 head:u32 body:u32 head… body…
//
// The sender numbers its channels on the connection. Its frames:
//
//	open      head: the Key, as JSON
//	schema    head: IPC metadata of the schema, before the first batch
//	batch     head: marks:u32 (row:u32 time:i64)… kinds:u32 kind:u8… IPC metadata; body: IPC body
//	watermark time:i64
//	idle      nothing
//	barrier   epoch:u64 kind:u8
//	tick      time:i64
//	end       nothing
//	close     nothing: the sender is gone
//
// Those of the receiver:
//
//	credit    budget:u64 returned:u64, the first when the receiving task exists
//	reset     head: why nothing is received on this channel any more
//
// A frame that is too long, truncated, unknown, or sent without credit ends the
// connection, and with it the attempts of the jobs that have channels on it.
package remote
