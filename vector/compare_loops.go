package vector

// compareBits writes bit i = a[i] op b[i], eight rows to a byte.
func compareBits[T Number](dst []byte, op CompareOp, a, b []T) {
	switch op {
	case Eq:
		equalBits(dst, a, b)
	case Ne:
		equalBits(dst, a, b)
		invert(dst[:bitBytes(len(a))])
	case Lt:
		lessBits(dst, a, b)
	case Le:
		atMostBits(dst, a, b)
	case Gt:
		lessBits(dst, b, a)
	case Ge:
		atMostBits(dst, b, a)
	}
}

// compareBitsScalar writes bit i = a[i] op s.
func compareBitsScalar[T Number](dst []byte, op CompareOp, a []T, s T) {
	switch op {
	case Eq:
		equalScalarBits(dst, a, s)
	case Ne:
		equalScalarBits(dst, a, s)
		invert(dst[:bitBytes(len(a))])
	case Lt:
		lessScalarBits(dst, a, s)
	case Le:
		atMostScalarBits(dst, a, s)
	case Gt:
		moreScalarBits(dst, a, s)
	case Ge:
		atLeastScalarBits(dst, a, s)
	}
}

func invert(b []byte) {
	for i := range b {
		b[i] = ^b[i]
	}
}

func equalBits[T Number](dst []byte, a, b []T) {
	b = b[:len(a)]
	i := 0
	for ; i+8 <= len(a); i += 8 {
		x, y := a[i:i+8:i+8], b[i:i+8:i+8]
		dst[i/8] = toBit(x[0] == y[0]) | toBit(x[1] == y[1])<<1 | toBit(x[2] == y[2])<<2 | toBit(x[3] == y[3])<<3 |
			toBit(x[4] == y[4])<<4 | toBit(x[5] == y[5])<<5 | toBit(x[6] == y[6])<<6 | toBit(x[7] == y[7])<<7
	}
	if i < len(a) {
		var w byte
		for j := i; j < len(a); j++ {
			w |= toBit(a[j] == b[j]) << (j - i)
		}
		dst[i/8] = w
	}
}

func lessBits[T Number](dst []byte, a, b []T) {
	b = b[:len(a)]
	i := 0
	for ; i+8 <= len(a); i += 8 {
		x, y := a[i:i+8:i+8], b[i:i+8:i+8]
		dst[i/8] = toBit(x[0] < y[0]) | toBit(x[1] < y[1])<<1 | toBit(x[2] < y[2])<<2 | toBit(x[3] < y[3])<<3 |
			toBit(x[4] < y[4])<<4 | toBit(x[5] < y[5])<<5 | toBit(x[6] < y[6])<<6 | toBit(x[7] < y[7])<<7
	}
	if i < len(a) {
		var w byte
		for j := i; j < len(a); j++ {
			w |= toBit(a[j] < b[j]) << (j - i)
		}
		dst[i/8] = w
	}
}

func atMostBits[T Number](dst []byte, a, b []T) {
	b = b[:len(a)]
	i := 0
	for ; i+8 <= len(a); i += 8 {
		x, y := a[i:i+8:i+8], b[i:i+8:i+8]
		dst[i/8] = toBit(x[0] <= y[0]) | toBit(x[1] <= y[1])<<1 | toBit(x[2] <= y[2])<<2 | toBit(x[3] <= y[3])<<3 |
			toBit(x[4] <= y[4])<<4 | toBit(x[5] <= y[5])<<5 | toBit(x[6] <= y[6])<<6 | toBit(x[7] <= y[7])<<7
	}
	if i < len(a) {
		var w byte
		for j := i; j < len(a); j++ {
			w |= toBit(a[j] <= b[j]) << (j - i)
		}
		dst[i/8] = w
	}
}

func equalScalarBits[T Number](dst []byte, a []T, s T) {
	i := 0
	for ; i+8 <= len(a); i += 8 {
		x := a[i : i+8 : i+8]
		dst[i/8] = toBit(x[0] == s) | toBit(x[1] == s)<<1 | toBit(x[2] == s)<<2 | toBit(x[3] == s)<<3 |
			toBit(x[4] == s)<<4 | toBit(x[5] == s)<<5 | toBit(x[6] == s)<<6 | toBit(x[7] == s)<<7
	}
	if i < len(a) {
		var w byte
		for j, x := range a[i:] {
			w |= toBit(x == s) << j
		}
		dst[i/8] = w
	}
}

func lessScalarBits[T Number](dst []byte, a []T, s T) {
	i := 0
	for ; i+8 <= len(a); i += 8 {
		x := a[i : i+8 : i+8]
		dst[i/8] = toBit(x[0] < s) | toBit(x[1] < s)<<1 | toBit(x[2] < s)<<2 | toBit(x[3] < s)<<3 |
			toBit(x[4] < s)<<4 | toBit(x[5] < s)<<5 | toBit(x[6] < s)<<6 | toBit(x[7] < s)<<7
	}
	if i < len(a) {
		var w byte
		for j, x := range a[i:] {
			w |= toBit(x < s) << j
		}
		dst[i/8] = w
	}
}

func atMostScalarBits[T Number](dst []byte, a []T, s T) {
	i := 0
	for ; i+8 <= len(a); i += 8 {
		x := a[i : i+8 : i+8]
		dst[i/8] = toBit(x[0] <= s) | toBit(x[1] <= s)<<1 | toBit(x[2] <= s)<<2 | toBit(x[3] <= s)<<3 |
			toBit(x[4] <= s)<<4 | toBit(x[5] <= s)<<5 | toBit(x[6] <= s)<<6 | toBit(x[7] <= s)<<7
	}
	if i < len(a) {
		var w byte
		for j, x := range a[i:] {
			w |= toBit(x <= s) << j
		}
		dst[i/8] = w
	}
}

func moreScalarBits[T Number](dst []byte, a []T, s T) {
	i := 0
	for ; i+8 <= len(a); i += 8 {
		x := a[i : i+8 : i+8]
		dst[i/8] = toBit(x[0] > s) | toBit(x[1] > s)<<1 | toBit(x[2] > s)<<2 | toBit(x[3] > s)<<3 |
			toBit(x[4] > s)<<4 | toBit(x[5] > s)<<5 | toBit(x[6] > s)<<6 | toBit(x[7] > s)<<7
	}
	if i < len(a) {
		var w byte
		for j, x := range a[i:] {
			w |= toBit(x > s) << j
		}
		dst[i/8] = w
	}
}

func atLeastScalarBits[T Number](dst []byte, a []T, s T) {
	i := 0
	for ; i+8 <= len(a); i += 8 {
		x := a[i : i+8 : i+8]
		dst[i/8] = toBit(x[0] >= s) | toBit(x[1] >= s)<<1 | toBit(x[2] >= s)<<2 | toBit(x[3] >= s)<<3 |
			toBit(x[4] >= s)<<4 | toBit(x[5] >= s)<<5 | toBit(x[6] >= s)<<6 | toBit(x[7] >= s)<<7
	}
	if i < len(a) {
		var w byte
		for j, x := range a[i:] {
			w |= toBit(x >= s) << j
		}
		dst[i/8] = w
	}
}
