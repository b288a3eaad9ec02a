#include "textflag.h"

// func prefetchIndexed(slots unsafe.Pointer, hashes *uint64, n int, shift uint)
TEXT ·prefetchIndexed(SB), NOSPLIT, $0-32
	MOVQ slots+0(FP), AX
	MOVQ hashes+8(FP), BX
	MOVQ n+16(FP), DX
	MOVQ shift+24(FP), CX

next:
	MOVQ (BX), SI
	SHRQ CX, SI
	PREFETCHT0 (AX)(SI*8)
	ADDQ $8, BX
	DECQ DX
	JNZ  next
	RET

// func prefetchAddresses(ptrs *uintptr, n int)
TEXT ·prefetchAddresses(SB), NOSPLIT, $0-16
	MOVQ ptrs+0(FP), BX
	MOVQ n+8(FP), DX

next:
	MOVQ (BX), SI
	PREFETCHT0 (SI)
	ADDQ $8, BX
	DECQ DX
	JNZ  next
	RET
