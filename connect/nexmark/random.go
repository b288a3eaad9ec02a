package nexmark

import (
	"bytes"
	"math"
	"math/bits"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// draw is 64 random bits for one use (salt) of one event: a hash of its
// number, in the manner of wyrand.
func draw(n int64, salt uint64) uint64 {
	x := (uint64(n) + 1) * 0xa0761d6478bd642f
	hi, lo := bits.Mul64(x^salt, x^0xe7037ed1a0b428db^salt)
	return hi ^ lo
}

// salt makes the draws of one column independent of the others.
func salt(seed uint64, column int) uint64 {
	hi, lo := bits.Mul64(seed^0x8ebc6af09c88c6e3, uint64(column)*0x589965cc75374cc3+0x1d8e4e27c47d124f)
	return hi ^ lo
}

// below maps 32 random bits to [0, n).
func below(r uint32, n uint64) uint64 { return uint64(r) * n >> 32 }

// price is round(10^(6u)·100) for u uniform in [0, 1). 10^(6u) = 2^(19.93u):
// the whole part shifts, the fraction is looked up and corrected by the first
// terms of its series, exactly the same on every architecture.
func price(r uint32) int64 {
	const scale = 19.931568569324174 // 6·log2(10)
	x := float64(r) * (scale / (1 << 32))
	whole := int(x)
	frac := float64((x - float64(whole)) * exp2Steps)
	step := int(frac)
	d := float64((frac - float64(step)) * (math.Ln2 / exp2Steps))
	series := float64(1 + float64(d*float64(1+float64(d*0.5))))
	v := float64(float64(exp2Table[step]*series) * float64(uint64(1)<<whole))
	return int64(float64(v*100) + 0.5)
}

const exp2Steps = 1024

var exp2Table = func() (t [exp2Steps]float64) {
	for i := range t {
		t[i] = math.Exp2(float64(i) / exp2Steps)
	}
	return t
}()

// text is every string of the generator: one immutable buffer, and the tables
// of views into it. Columns of strings share the buffer and cost 16 bytes a row.
type text struct {
	buffer  *memory.Buffer
	noise   []byte // the part of the buffer from which extra is cut
	noiseAt int32

	names, emails, cards, cities, states []arrow.ViewHeader
	items, descriptions                  []arrow.ViewHeader
	channels, urls                       []arrow.ViewHeader // of the same index
	nameLen, emailLen                    []int32
}

const (
	pool        = 1 << 14 // how many different random strings a column has
	coldChannel = 10_000
	noiseBytes  = 1 << 18
)

var (
	firstNames  = []string{"Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"}
	lastNames   = []string{"Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"}
	cities      = []string{"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"}
	states      = []string{"AZ", "CA", "ID", "OR", "WA", "WY"}
	hotChannels = []string{"Google", "Facebook", "Baidu", "Apple"}
)

// strings is the text of one seed.
func newText(seed uint64) *text {
	w := &writer{seed: seed}
	t := &text{}
	for _, f := range firstNames {
		for _, l := range lastNames {
			t.names = append(t.names, w.view(f+" "+l))
			t.nameLen = append(t.nameLen, int32(len(f)+1+len(l)))
		}
	}
	for range pool {
		e := w.word(7, ' ') + "@" + w.word(5, ' ') + ".com"
		t.emails = append(t.emails, w.view(e))
		t.emailLen = append(t.emailLen, int32(len(e)))
		t.cards = append(t.cards, w.view(w.digits(4)+" "+w.digits(4)+" "+w.digits(4)+" "+w.digits(4)))
		t.items = append(t.items, w.view(w.word(20, ' ')))
		t.descriptions = append(t.descriptions, w.view(w.word(100, ' ')))
	}
	t.cities, t.states = w.views(cities), w.views(states)
	for _, c := range hotChannels {
		t.channels = append(t.channels, w.view(c))
		t.urls = append(t.urls, w.view(w.url()))
	}
	for i := range coldChannel {
		t.channels = append(t.channels, w.view("channel-"+strconv.Itoa(i)))
		url := w.url()
		if w.next()%10 > 0 {
			url += "&channel_id=" + strconv.Itoa(abs(int(int32(bits.Reverse32(uint32(i))))))
		}
		t.urls = append(t.urls, w.view(url))
	}
	t.noiseAt = int32(len(w.buf))
	for range noiseBytes {
		w.buf = append(w.buf, byte('A'+w.next()%58)) // 'A'..'z', signs between included
	}
	t.noise = w.buf[t.noiseAt:]
	t.buffer = memory.NewBufferBytes(w.buf)
	return t
}

// extra is a view of size bytes of noise.
func (t *text) extra(r uint32, size int32) (v arrow.ViewHeader) {
	at := int32(below(r, uint64(noiseBytes-size)))
	if v.SetBytes(t.noise[at : at+size]); size > 12 {
		v.SetIndexOffset(0, t.noiseAt+at)
	}
	return v
}

// writer fills the buffer of a text.
type writer struct {
	buf  []byte
	seed uint64
	n    int64
}

func (w *writer) next() uint64 {
	w.n++
	return draw(w.n, w.seed^0x5555) >> 8
}

func (w *writer) view(s string) (v arrow.ViewHeader) {
	if v.SetString(s); len(s) > 12 {
		v.SetIndexOffset(0, int32(len(w.buf)))
		w.buf = append(w.buf, s...)
	}
	return v
}

func (w *writer) views(all []string) []arrow.ViewHeader {
	vs := make([]arrow.ViewHeader, len(all))
	for i, s := range all {
		vs[i] = w.view(s)
	}
	return vs
}

// word is 3 to longest-1 random letters; one in 13 is special.
func (w *writer) word(longest int, special byte) string {
	b := make([]byte, 3+w.next()%uint64(longest-3))
	for i := range b {
		if b[i] = byte('a' + w.next()%26); w.next()%13 == 0 {
			b[i] = special
		}
	}
	return string(bytes.TrimSpace(b))
}

func (w *writer) digits(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + w.next()%10)
	}
	return string(b)
}

func (w *writer) url() string {
	return "https://www.nexmark.com/" + w.word(5, '_') + "/" + w.word(5, '_') + "/" + w.word(5, '_') + "/item.htm?query=1"
}

func abs(n int) int { return max(n, -n) }
