// Package vector is the data plane's arithmetic: stateless kernels over Arrow
// arrays. Nothing here knows what a stream, a window or a job is.
//
// A loop is a function of slices: it does not log, does not start goroutines,
// takes no context and cannot fail; callers check types and lengths before the
// loop, never in it. Around the loops stand functions over arrow.Array, which
// choose a loop by type and nulls and take the allocator of their result.
//
// Strings are string views (arrow.BinaryTypes.StringView) and bytes are binary
// views everywhere inside the engine: taking or filtering rows moves 16 bytes
// each and shares the buffers behind them. Utf8 and LargeUtf8 appear only at
// the edges: files, clients, user code.
package vector

// Sel is a selection vector: ascending row indices into a batch. A nil Sel
// where one is optional means every row.
type Sel []uint32
