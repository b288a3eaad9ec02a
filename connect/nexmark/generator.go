package nexmark

import (
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// The benchmark's constants.
const (
	firstID          = 1000 // of persons and of auctions
	activePersons    = 1000
	inFlightAuctions = 100
	idLead           = 10 // ids may run ahead of what exists by this many
)

// generator makes the columns of consecutive events.
type generator struct {
	config
	text *text

	nameSalt, emailSalt, channelSalt, firstPrice uint64
	steps                                        []step
	eventsPerPeriod, secondsPerPeriod            float64
}

// step is a stretch of time with one rate.
type step struct {
	seconds float64
	delay   float64 // microseconds between two events
	events  float64
}

func newGenerator(c config) *generator {
	g := &generator{
		config: c, text: newText(c.seed),
		nameSalt: salt(c.seed, saltName), emailSalt: salt(c.seed, saltEmail),
		channelSalt: salt(c.seed, saltChannel), firstPrice: salt(c.seed, saltFirstPrice),
	}
	if c.rate[0] == c.rate[1] {
		g.steps = []step{{delay: 1e6 / c.rate[0]}}
		return g
	}
	g.steps = make([]step, 2)
	if c.sine {
		g.steps = make([]step, 10)
	}
	seconds := math.Ceil(c.period.Seconds() / float64(len(g.steps)))
	for i := range g.steps {
		rate := c.rate[i*2/len(g.steps)]
		if c.sine {
			mid, half := (c.rate[0]+c.rate[1])/2, (c.rate[0]-c.rate[1])/2
			rate = math.Round(mid + half*math.Cos(2*math.Pi*float64(i)/float64(len(g.steps))))
		}
		g.steps[i] = step{seconds: seconds, delay: 1e6 / rate, events: seconds * rate}
		g.eventsPerPeriod += g.steps[i].events
		g.secondsPerPeriod += seconds
	}
	return g
}

// timestamp is the event time of event n, in milliseconds.
func (g *generator) timestamp(n int64) int64 {
	if len(g.steps) == 1 {
		return g.baseTime + int64(float64(n)*g.steps[0].delay)/1000
	}
	period := math.Floor(float64(n) / g.eventsPerPeriod)
	rest := float64(n) - float64(period*g.eventsPerPeriod)
	micros := float64(period * g.secondsPerPeriod * 1e6)
	for _, s := range g.steps {
		if rest < s.events {
			return g.baseTime + int64(micros+float64(rest*s.delay))/1000
		}
		rest -= s.events
		micros += s.seconds * 1e6
	}
	return g.baseTime + int64(micros)/1000
}

func (g *generator) choose(n int64, use, of int) int {
	s := g.nameSalt
	if use == saltEmail {
		s = g.emailSalt
	}
	return int(below(uint32(draw(n, s)), uint64(of)))
}

// channel is the index of a bid's channel and URL: every second one is one of
// the four hot ones.
func (g *generator) channel(n int64) int {
	d := draw(n, g.channelSalt)
	if d&1 == 0 {
		return int(d >> 1 & 3)
	}
	return len(hotChannels) + int(below(uint32(d>>32), coldChannel))
}

// extra fills up to size bytes on average: between 80 % and 120 % of it.
func (g *generator) extra(d uint64, size int64) (v arrow.ViewHeader) {
	if size <= 0 {
		return v
	}
	delta := (size + 2) / 5
	if size -= delta; delta > 0 {
		size += int64(below(uint32(d), uint64(2*delta)))
	}
	return g.text.extra(uint32(d>>32), int32(size))
}

// round is what the events of one round (1 person, 3 auctions, 46 bids) share.
type round struct {
	lastPerson, lastAuction int64 // the newest, numbered from 0
	persons, auctions       uint64
	firstActive, firstOpen  int64
	hotAuction, hotBidder   int64
}

// at sets r for the events of round k whose newest person and auction these are.
func (r *round) at(lastPerson, lastAuction int64) {
	r.lastPerson, r.lastAuction = lastPerson, lastAuction
	persons := min(lastPerson+1, activePersons)
	r.firstActive, r.persons = lastPerson+1-persons, uint64(persons+idLead)
	r.firstOpen = max(lastAuction-inFlightAuctions, 0)
	r.auctions = uint64(lastAuction - r.firstOpen + 1 + idLead)
	r.hotAuction = firstID + lastAuction/100*100
	r.hotBidder = firstID + lastPerson/100*100 + 1
}

func (r *round) somePerson(d uint32) int64  { return r.firstActive + int64(below(d, r.persons)) }
func (r *round) someAuction(d uint32) int64 { return r.firstOpen + int64(below(d, r.auctions)) }

// span calls f for each run of consecutive events in [from, from+count) that
// are of kind e and in one round, with the index of the run's first row.
func (g *generator) span(e event, from, count int64, f func(r *round, n int64, row, rows int)) {
	first, last := int64(0), g.total // of the kind, within a round
	switch e {
	case every:
	case person:
		last = g.persons
	case auction:
		first, last = g.persons, g.persons+g.auctions
	case bid:
		first = g.persons + g.auctions
	}
	var r round
	for k := from / g.total; k*g.total < from+count; k++ {
		start, end := max(k*g.total+first, from), min(k*g.total+last, from+count)
		switch e {
		case person, auction:
			for n := start; n < end; n++ { // ids go up within the round
				g.roundOf(&r, k, n-k*g.total)
				f(&r, n, int(n-from), 1)
			}
		case every, bid:
			if start < end {
				g.roundOf(&r, k, end-1-k*g.total)
				f(&r, start, int(start-from), int(end-start))
			}
		}
	}
}

// roundOf sets r for the event at this offset of round k.
func (g *generator) roundOf(r *round, k, offset int64) {
	p := k*g.persons + min(offset, g.persons-1)
	a := k*g.auctions - 1
	if offset >= g.persons {
		a = k*g.auctions + min(offset-g.persons, g.auctions-1)
	}
	r.at(max(p, 0), max(a, 0))
}

// build makes one column of count events.
func (g *generator) build(alloc memory.Allocator, c *column, from, count int64) arrow.Array {
	valid, nulls := g.validity(alloc, c.event, from, count)
	if valid != nil {
		defer valid.Release()
	}
	if c.leaf != nil {
		children := make([]arrow.ArrayData, len(c.leaf))
		for i, l := range c.leaf {
			child := g.build(alloc, l, from, count)
			defer child.Release()
			children[i] = child.Data()
		}
		return finish(c.of, count, []*memory.Buffer{valid}, children, nulls)
	}
	values := memory.NewResizableBuffer(alloc)
	defer values.Release()
	switch {
	case c.ints != nil:
		values.Resize(int(count) * 8)
		dst := arrow.Int64Traits.CastFromBytes(values.Bytes())
		s := salt(g.seed, c.salt)
		g.span(c.event, from, count, func(r *round, n int64, row, rows int) { c.ints(g, r, n, s, dst[row:row+rows]) })
		return finish(c.of, count, []*memory.Buffer{valid, values}, nil, nulls)
	case c.views != nil:
		values.Resize(int(count) * arrow.ViewHeaderSizeBytes)
		if nulls > 0 {
			clear(values.Bytes()) // the views of NULLs must be valid too
		}
		dst := arrow.ViewHeaderTraits.CastFromBytes(values.Bytes())
		s := salt(g.seed, c.salt)
		g.span(c.event, from, count, func(r *round, n int64, row, rows int) { c.views(g, r, n, s, dst[row:row+rows]) })
		return finish(c.of, count, []*memory.Buffer{valid, values, g.text.buffer}, nil, nulls)
	}
	values.Resize(int(count) * 4)
	dst := arrow.Int32Traits.CastFromBytes(values.Bytes())
	for i := range dst {
		dst[i] = g.typeOf((from + int64(i)) % g.total)
	}
	return finish(c.of, count, []*memory.Buffer{nil, values}, nil, 0)
}

func finish(of arrow.DataType, count int64, buffers []*memory.Buffer, children []arrow.ArrayData, nulls int) arrow.Array {
	d := array.NewData(of, int(count), buffers, children, nulls, 0)
	defer d.Release()
	return array.MakeFromData(d)
}

func (g *generator) typeOf(offset int64) int32 {
	switch {
	case offset < g.persons:
		return 0
	case offset < g.persons+g.auctions:
		return 1
	}
	return 2
}

// validity is the bitmap of the events of kind e, or nil when all are.
func (g *generator) validity(alloc memory.Allocator, e event, from, count int64) (*memory.Buffer, int) {
	if e == every {
		return nil, 0
	}
	buf := memory.NewResizableBuffer(alloc)
	buf.Resize(int(bitutil.BytesForBits(count)))
	clear(buf.Bytes())
	nulls := int(count)
	g.span(e, from, count, func(_ *round, _ int64, row, rows int) {
		bitutil.SetBitsTo(buf.Bytes(), int64(row), int64(rows), true)
		nulls -= rows
	})
	if nulls == 0 {
		buf.Release()
		return nil, 0
	}
	return buf, nulls
}
