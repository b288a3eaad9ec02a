package regex

import (
	"regexp/syntax"
	"unicode"
	"unicode/utf8"
)

// program is a compiled pattern.
type program struct {
	code []inst
	// needle is a literal that stands in every match, between near and far
	// bytes behind its beginning; "" when there is none.
	needle    string
	near, far int
	anchored  bool // a match begins at the beginning of the text only
}

type opcode uint8

const (
	opText  opcode = iota // text stands here
	opSet                 // one character of set
	opSpan                // min to max characters of set, as many as possible, or as few when lazy
	opSplit               // go on at x; if that fails, at y
	opJump                // go on at x
	opSave                // note the position as capture x
	opBegin               // the beginning of the text
	opEnd                 // the end of the text
	opMatch
)

type inst struct {
	op       opcode
	lazy     bool
	x, y     int
	min, max int // of opSpan; max -1 has no bound
	text     string
	set      *set
}

// set is a class of characters by their first bytes: of ASCII any, of the rest
// all or none.
type set struct {
	has  [256]bool
	wide bool // all characters beyond ASCII
}

// maxCode bounds a program.
const maxCode = 1000

// compile returns nil for what only Go's matcher can do.
func compile(re *syntax.Regexp) *program {
	p := &program{}
	p.emit(inst{op: opSave, x: 0})
	if !p.add(re) || len(p.code) > maxCode {
		return nil
	}
	p.emit(inst{op: opSave, x: 1})
	p.emit(inst{op: opMatch})
	p.seek(re)
	return p
}

func (p *program) emit(i inst) int {
	p.code = append(p.code, i)
	return len(p.code) - 1
}

// add appends the code of re and reports whether it can be done.
func (p *program) add(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return true
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase != 0 && folds(re.Rune) {
			return false
		}
		p.emit(inst{op: opText, text: string(re.Rune)})
		return valid(re.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		s := setOf(re)
		p.emit(inst{op: opSet, set: s})
		return s != nil
	case syntax.OpBeginText:
		p.emit(inst{op: opBegin})
		return true
	case syntax.OpEndText:
		p.emit(inst{op: opEnd})
		return true
	case syntax.OpCapture:
		p.emit(inst{op: opSave, x: 2 * re.Cap})
		ok := p.add(re.Sub[0])
		p.emit(inst{op: opSave, x: 2*re.Cap + 1})
		return ok
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if !p.add(sub) {
				return false
			}
		}
		return true
	case syntax.OpAlternate:
		return p.alternate(re.Sub)
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		return p.repeat(re)
	default:
		return false
	}
}

func (p *program) alternate(subs []*syntax.Regexp) bool {
	var jumps []int
	for i, sub := range subs {
		split := -1
		if i < len(subs)-1 {
			split = p.emit(inst{op: opSplit})
			p.code[split].x = split + 1
		}
		if !p.add(sub) {
			return false
		}
		if split >= 0 {
			jumps = append(jumps, p.emit(inst{op: opJump}))
			p.code[split].y = len(p.code)
		}
	}
	for _, j := range jumps {
		p.code[j].x = len(p.code)
	}
	return true
}

func (p *program) repeat(re *syntax.Regexp) bool {
	low, high := bounds(re)
	sub, lazy := re.Sub[0], re.Flags&syntax.NonGreedy != 0
	if s := setOf(sub); s != nil {
		p.emit(inst{op: opSpan, set: s, min: low, max: high, lazy: lazy})
		// Of a wide set, the bytes of a character are not counted one by one.
		return !s.wide || low <= 1 && high == -1
	}
	switch {
	case low == 0 && high == 1:
		split := p.emit(inst{op: opSplit})
		ok := p.add(sub)
		p.branch(split, split+1, len(p.code), lazy)
		return ok
	case high == -1 && low <= 1 && !empty(sub):
		start := len(p.code)
		if low == 0 {
			split := p.emit(inst{op: opSplit})
			ok := p.add(sub)
			p.emit(inst{op: opJump, x: start})
			p.branch(split, split+1, len(p.code), lazy)
			return ok
		}
		ok := p.add(sub)
		split := p.emit(inst{op: opSplit})
		p.branch(split, start, len(p.code), lazy)
		return ok
	}
	return false
}

// branch goes on with the body first, or last when lazy.
func (p *program) branch(split, body, behind int, lazy bool) {
	p.code[split].x, p.code[split].y = body, behind
	if lazy {
		p.code[split].x, p.code[split].y = behind, body
	}
}

func bounds(re *syntax.Regexp) (low, high int) {
	switch re.Op {
	case syntax.OpStar:
		return 0, -1
	case syntax.OpPlus:
		return 1, -1
	case syntax.OpQuest:
		return 0, 1
	default:
		return re.Min, re.Max
	}
}

// setOf is the class that re is, or nil.
func setOf(re *syntax.Regexp) *set {
	s := &set{}
	switch re.Op {
	case syntax.OpLiteral:
		if len(re.Rune) != 1 || re.Rune[0] >= utf8.RuneSelf || re.Flags&syntax.FoldCase != 0 && folds(re.Rune) {
			return nil
		}
		s.has[re.Rune[0]] = true
		return s
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		for b := range s.has {
			s.has[b] = re.Op == syntax.OpAnyChar || b != '\n'
		}
		s.wide = true
		return s
	case syntax.OpCharClass:
	default:
		return nil
	}
	for i := 0; i < len(re.Rune); i += 2 {
		lo, hi := re.Rune[i], re.Rune[i+1]
		for r := lo; r <= min(hi, utf8.RuneSelf-1); r++ {
			s.has[r] = true
		}
		if hi < utf8.RuneSelf {
			continue
		}
		if lo > utf8.RuneSelf || hi != unicode.MaxRune {
			return nil
		}
		s.wide = true
		for b := utf8.RuneSelf; b < 256; b++ {
			s.has[b] = true
		}
	}
	return s
}

// folds reports whether a rune has another case.
func folds(runes []rune) bool {
	for _, r := range runes {
		if unicode.SimpleFold(r) != r {
			return true
		}
	}
	return false
}

// valid reports that runes stand for themselves in UTF-8.
func valid(runes []rune) bool {
	for _, r := range runes {
		if r == utf8.RuneError || !utf8.ValidRune(r) {
			return false
		}
	}
	return true
}

// empty reports whether re can match nothing.
func empty(re *syntax.Regexp) bool {
	low, _ := width(re)
	return low == 0
}

// unbounded is the width of what may be of any length.
const unbounded = 1 << 20

// width is how many bytes re takes, at least and at most.
func width(re *syntax.Regexp) (low, high int) {
	switch re.Op {
	case syntax.OpLiteral:
		n := len(string(re.Rune))
		return n, n
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1, utf8.UTFMax
	case syntax.OpCapture:
		return width(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			l, h := width(sub)
			low, high = low+l, min(high+h, unbounded)
		}
		return low, high
	case syntax.OpAlternate:
		low = unbounded
		for _, sub := range re.Sub {
			l, h := width(sub)
			low, high = min(low, l), max(high, h)
		}
		return low, high
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		l, h := width(re.Sub[0])
		least, most := bounds(re)
		if most < 0 {
			return min(l*least, unbounded), unbounded
		}
		return min(l*least, unbounded), min(h*most, unbounded)
	default:
		return 0, 0
	}
}

// maxAhead bounds how many beginnings are tried before a needle.
const maxAhead = 64

// seek looks for what makes it fast to find where a match may begin.
func (p *program) seek(re *syntax.Regexp) {
	parts := []*syntax.Regexp{re}
	for parts[0].Op == syntax.OpConcat || parts[0].Op == syntax.OpCapture {
		parts = append(parts[0].Sub[:len(parts[0].Sub):len(parts[0].Sub)], parts[1:]...)
	}
	p.anchored = parts[0].Op == syntax.OpBeginText
	low, high := 0, 0
	for i := 0; i < len(parts) && high <= maxAhead; i++ {
		part := parts[i]
		if part.Op == syntax.OpCapture || part.Op == syntax.OpConcat {
			parts = append(parts[:i:i], append(part.Sub[:len(part.Sub):len(part.Sub)], parts[i+1:]...)...)
			i--
			continue
		}
		if part.Op == syntax.OpLiteral && len(part.Rune) > 1 {
			p.needle, p.near, p.far = string(part.Rune), low, high
			return
		}
		l, h := width(part)
		low, high = low+l, high+h
	}
}
