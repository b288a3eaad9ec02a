package nexmark

import (
	"github.com/apache/arrow-go/v18/arrow"
)

// event says which events a column belongs to.
type event uint8

const (
	every event = iota
	person
	auction
	bid
)

var (
	text64 = arrow.BinaryTypes.StringView
	int64s = arrow.PrimitiveTypes.Int64
	millis = &arrow.TimestampType{Unit: arrow.Millisecond}
)

// column is one leaf of the schema, or one ROW. Exactly one of the functions
// of a leaf is set; it fills dst with the values of consecutive events of one
// round, from event n on.
type column struct {
	name  string
	event event
	of    arrow.DataType
	salt  int
	ints  func(g *generator, r *round, n int64, salt uint64, dst []int64)
	views func(g *generator, r *round, n int64, salt uint64, dst []arrow.ViewHeader)
	leaf  []*column // of a ROW
}

// eachInt and eachView make a column of a function of one event: for the rare
// events, of which a round has a few.
func eachInt(f func(g *generator, r *round, n int64, draw uint64) int64) func(*generator, *round, int64, uint64, []int64) {
	return func(g *generator, r *round, n int64, salt uint64, dst []int64) {
		for i := range dst {
			dst[i] = f(g, r, n+int64(i), draw(n+int64(i), salt))
		}
	}
}

func eachView(f func(g *generator, n int64, draw uint64) arrow.ViewHeader) func(*generator, *round, int64, uint64, []arrow.ViewHeader) {
	return func(g *generator, _ *round, n int64, salt uint64, dst []arrow.ViewHeader) {
		for i := range dst {
			dst[i] = f(g, n+int64(i), draw(n+int64(i), salt))
		}
	}
}

// schema is the table's, as the benchmark's DDL declares it.
var schema = arrow.NewSchema([]arrow.Field{
	{Name: "event_type", Type: arrow.PrimitiveTypes.Int32},
	{Name: "person", Type: rows[0].of, Nullable: true},
	{Name: "auction", Type: rows[1].of, Nullable: true},
	{Name: "bid", Type: rows[2].of, Nullable: true},
}, nil)

// columns finds a leaf or a ROW by its path.
var columns = func() map[string]*column {
	m := map[string]*column{"event_type": {name: "event_type", event: every, of: arrow.PrimitiveTypes.Int32}}
	for _, r := range rows {
		m[r.name] = r
		for _, l := range r.leaf {
			m[r.name+"."+l.name] = l
		}
	}
	return m
}()

var rows = func() []*column {
	all := []*column{
		{name: "person", event: person, leaf: personColumns},
		{name: "auction", event: auction, leaf: auctionColumns},
		{name: "bid", event: bid, leaf: bidColumns},
	}
	for k, r := range all {
		fields := make([]arrow.Field, len(r.leaf))
		for i, l := range r.leaf {
			l.event, l.salt = r.event, k*16+i
			fields[i] = arrow.Field{Name: l.name, Type: l.of, Nullable: true}
		}
		r.of = arrow.StructOf(fields...)
	}
	return all
}()

// shared draws: columns that describe the same choice use the same salt.
const (
	saltName = iota + 64
	saltEmail
	saltChannel
	saltFirstPrice
)

var personColumns = []*column{
	{name: "id", of: int64s, ints: eachInt(func(_ *generator, r *round, _ int64, _ uint64) int64 { return firstID + r.lastPerson })},
	{name: "name", of: text64, views: eachView(func(g *generator, n int64, _ uint64) arrow.ViewHeader {
		return g.text.names[g.choose(n, saltName, len(g.text.names))]
	})},
	{name: "emailAddress", of: text64, views: eachView(func(g *generator, n int64, _ uint64) arrow.ViewHeader {
		return g.text.emails[g.choose(n, saltEmail, pool)]
	})},
	{name: "creditCard", of: text64, views: eachView(func(g *generator, _ int64, d uint64) arrow.ViewHeader { return g.text.cards[d%pool] })},
	{name: "city", of: text64, views: eachView(func(g *generator, _ int64, d uint64) arrow.ViewHeader {
		return g.text.cities[below(uint32(d), uint64(len(cities)))]
	})},
	{name: "state", of: text64, views: eachView(func(g *generator, _ int64, d uint64) arrow.ViewHeader {
		return g.text.states[below(uint32(d), uint64(len(states)))]
	})},
	{name: "dateTime", of: millis, ints: timestamps},
	{name: "extra", of: text64, views: eachView(func(g *generator, n int64, d uint64) arrow.ViewHeader {
		used := 8 + int64(g.text.nameLen[g.choose(n, saltName, len(g.text.names))]) +
			int64(g.text.emailLen[g.choose(n, saltEmail, pool)]) + 19 + 10 + 2
		return g.extra(d, g.personSize-used)
	})},
}

var auctionColumns = []*column{
	{name: "id", of: int64s, ints: eachInt(func(_ *generator, r *round, _ int64, _ uint64) int64 { return firstID + r.lastAuction })},
	{name: "itemName", of: text64, views: eachView(func(g *generator, _ int64, d uint64) arrow.ViewHeader { return g.text.items[d%pool] })},
	{name: "description", of: text64, views: eachView(func(g *generator, _ int64, d uint64) arrow.ViewHeader {
		return g.text.descriptions[d%pool]
	})},
	{name: "initialBid", of: int64s, ints: eachInt(func(g *generator, _ *round, n int64, _ uint64) int64 {
		return price(uint32(draw(n, g.firstPrice)))
	})},
	{name: "reserve", of: int64s, ints: eachInt(func(g *generator, _ *round, n int64, d uint64) int64 {
		return price(uint32(draw(n, g.firstPrice))) + price(uint32(d))
	})},
	{name: "dateTime", of: millis, ints: timestamps},
	{name: "expires", of: millis, ints: eachInt(func(g *generator, _ *round, n int64, d uint64) int64 {
		now := g.timestamp(n)
		horizon := g.timestamp(n+inFlightAuctions*g.total/max(g.auctions, 1)) - now
		return now + 1 + int64(below(uint32(d), uint64(max(horizon*2, 1))))
	})},
	{name: "seller", of: int64s, ints: eachInt(func(g *generator, r *round, _ int64, d uint64) int64 {
		if below(uint32(d), g.hotSellers) > 0 {
			return firstID + r.lastPerson/100*100
		}
		return firstID + r.somePerson(uint32(d>>32))
	})},
	{name: "category", of: int64s, ints: eachInt(func(_ *generator, _ *round, _ int64, d uint64) int64 { return 10 + int64(below(uint32(d), 5)) })},
	{name: "extra", of: text64, views: eachView(func(g *generator, _ int64, d uint64) arrow.ViewHeader {
		return g.extra(d, g.auctionSize-(8+11+51+8*5))
	})},
}

var bidColumns = []*column{
	{name: "auction", of: int64s, ints: func(g *generator, r *round, n int64, salt uint64, dst []int64) {
		for i := range dst {
			d := draw(n+int64(i), salt)
			cold := firstID + r.someAuction(uint32(d>>32))
			if dst[i] = r.hotAuction; below(uint32(d), g.hotAuctions) == 0 {
				dst[i] = cold
			}
		}
	}},
	{name: "bidder", of: int64s, ints: func(g *generator, r *round, n int64, salt uint64, dst []int64) {
		for i := range dst {
			d := draw(n+int64(i), salt)
			cold := firstID + r.somePerson(uint32(d>>32))
			if dst[i] = r.hotBidder; below(uint32(d), g.hotBidders) == 0 {
				dst[i] = cold
			}
		}
	}},
	{name: "price", of: int64s, ints: func(_ *generator, _ *round, n int64, salt uint64, dst []int64) {
		for i := range dst {
			dst[i] = price(uint32(draw(n+int64(i), salt)))
		}
	}},
	{name: "channel", of: text64, views: func(g *generator, _ *round, n int64, _ uint64, dst []arrow.ViewHeader) {
		for i := range dst {
			dst[i] = g.text.channels[g.channel(n+int64(i))]
		}
	}},
	{name: "url", of: text64, views: func(g *generator, _ *round, n int64, _ uint64, dst []arrow.ViewHeader) {
		for i := range dst {
			dst[i] = g.text.urls[g.channel(n+int64(i))]
		}
	}},
	{name: "dateTime", of: millis, ints: timestamps},
	{name: "extra", of: text64, views: func(g *generator, _ *round, n int64, salt uint64, dst []arrow.ViewHeader) {
		for i := range dst {
			dst[i] = g.extra(draw(n+int64(i), salt), g.bidSize-32)
		}
	}},
}

func timestamps(g *generator, _ *round, n int64, _ uint64, dst []int64) {
	for i := range dst {
		dst[i] = g.timestamp(n + int64(i))
	}
}
