#include "textflag.h"

// func prefetchIndexed(slots unsafe.Pointer, hashes *uint64, n int, shift uint)
TEXT ·prefetchIndexed(SB), NOSPLIT, $0-32
	MOVD slots+0(FP), R0
	MOVD hashes+8(FP), R1
	MOVD n+16(FP), R2
	MOVD shift+24(FP), R3

next:
	MOVD.P 8(R1), R4
	LSR    R3, R4, R4
	LSL    $3, R4, R4
	ADD    R0, R4, R4
	PRFM   (R4), PLDL1KEEP
	SUBS   $1, R2, R2
	BNE    next
	RET

// func prefetchAddresses(ptrs *uintptr, n int)
TEXT ·prefetchAddresses(SB), NOSPLIT, $0-16
	MOVD ptrs+0(FP), R1
	MOVD n+8(FP), R2

next:
	MOVD.P 8(R1), R4
	PRFM   (R4), PLDL1KEEP
	SUBS   $1, R2, R2
	BNE    next
	RET
