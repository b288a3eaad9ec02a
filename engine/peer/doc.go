// Package peer connects the processes of a cluster: a connection is TCP, or TLS
// with certificates on both sides, and begins with a handshake in which both
// ends prove that they know the cluster's secret and speak the same protocol.
// A stranger, or a process of another version, is refused before anything that
// it sends is looked at.
//
//	client → server   "WADI" version:u16 purpose:u8 zero:u8 nonce:32
//	server → client   "WADI" version:u16 zero:u16 nonce:32 proof:32
//	client → server   proof:32
//	server → client   0x01, or 0x00 for a wrong proof
//
// A proof is HMAC-SHA256(secret, side ‖ purpose ‖ nonce of client ‖ nonce of server):
// it cannot be replayed, nor sent back to the side that made it. Without TLS,
// what follows is neither encrypted nor protected against changes on the way.
package peer
