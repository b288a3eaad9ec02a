// Package nexmark is the source of the Nexmark benchmark: the events of an
// online auction, made column by column.
//
// The schema, the options and the distributions are those of the benchmark's
// reference generator (github.com/nexmark/nexmark): of every 50 events one is a
// person, three are auctions, 46 are bids; half of the bids go to a hot
// auction, and so on. The rows are a pure function of the options and of the
// event's number, so a reader can go on at any event, and any number of
// readers give the same rows.
//
//	event_type INT, person ROW<…>, auction ROW<…>, bid ROW<…>
//
// Of each event, the ROW that it is not is NULL.
package nexmark

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// Connector offers the source as 'connector' = 'nexmark'.
func Connector() *ops.Connector {
	return &ops.Connector{
		Name:     "nexmark",
		Options:  options,
		Resolve:  resolve,
		Source:   open,
		Projects: true,
		Rows:     estimate,
		InOrder:  true,
	}
}

var options = []ops.Option{
	{Key: "events.num", Default: "0", Help: "How many events to make; 0 means without end."},
	{Key: "first-event.rate", Default: "10000", Help: "Events per second of event time, at the beginning of a rate period."},
	{Key: "next-event.rate", Default: "10000", Help: "Events per second of event time, in the second half of a rate period."},
	{Key: "rate-shape", Default: "SQUARE", Help: "How the rate moves between the two: SQUARE or SINE."},
	{Key: "rate-period", Default: "600 s", Help: "The time in which the rate goes there and back."},
	{Key: "rate-limited", Default: "", Help: "Whether events come at their rate of wall-clock time too; the default is true only without events.num."},
	{Key: "max-emit-speed", Default: "false", Help: "True turns off rate-limited."},
	{Key: "person.proportion", Default: "1", Help: "Persons in a round of events."},
	{Key: "auction.proportion", Default: "3", Help: "Auctions in a round of events."},
	{Key: "bid.proportion", Default: "46", Help: "Bids in a round of events."},
	{Key: "person.avg-size", Default: "200", Help: "Average bytes of a person; the column extra fills up."},
	{Key: "auction.avg-size", Default: "500", Help: "Average bytes of an auction."},
	{Key: "bid.avg-size", Default: "100", Help: "Average bytes of a bid."},
	{Key: "bid.hot-ratio.auctions", Default: "2", Help: "All but one of this many bids go to a hot auction."},
	{Key: "bid.hot-ratio.bidders", Default: "4", Help: "All but one of this many bids come from a hot bidder."},
	{Key: "auction.hot-ratio.sellers", Default: "4", Help: "All but one of this many auctions are of a hot seller."},
	{Key: "base-time", Default: "1436918400000", Help: "Event time of the first event, in milliseconds since 1970, UTC."},
	{Key: "keep-alive", Default: "false", Help: "Accepted; the source ends after events.num all the same."},
	{Key: "stop-at", Default: "-1", Help: "Accepted and not used: the reference generator's wall-clock end."},
	{Key: "splits", Default: "0", Help: "How many splits the events are dealt to; 0 means one per reader."},
	{Key: "seed", Default: "0", Help: "Another seed gives other rows of the same distributions."},
}

// config is the options of a table, checked.
type config struct {
	events                 int64
	rate                   [2]float64
	sine                   bool
	period                 time.Duration
	limited                bool
	persons, auctions      int64 // of a round
	total                  int64 // events of a round
	personSize             int64
	auctionSize            int64
	bidSize                int64
	hotAuctions            uint64
	hotBidders, hotSellers uint64
	baseTime               int64
	splits                 int
	seed                   uint64
}

func parse(t job.Table) (config, error) {
	o := reader{options: t.Options}
	c := config{
		events: o.int("events.num", 0, math.MaxInt64/2), sine: o.get("rate-shape") == "SINE",
		persons: o.int("person.proportion", 0, 1000), auctions: o.int("auction.proportion", 0, 1000),
		personSize: o.int("person.avg-size", 0, 1<<14), auctionSize: o.int("auction.avg-size", 0, 1<<14),
		bidSize:     o.int("bid.avg-size", 0, 1<<14),
		hotAuctions: uint64(o.int("bid.hot-ratio.auctions", 1, 1<<20)), hotBidders: uint64(o.int("bid.hot-ratio.bidders", 1, 1<<20)),
		hotSellers: uint64(o.int("auction.hot-ratio.sellers", 1, 1<<20)),
		baseTime:   o.int("base-time", math.MinInt64/4, math.MaxInt64/4),
		splits:     int(o.int("splits", 0, 1<<12)), seed: uint64(o.int("seed", math.MinInt64, math.MaxInt64)),
	}
	c.total = c.persons + c.auctions + o.int("bid.proportion", 0, 1000)
	if c.total == 0 && o.err == nil {
		o.err = fmt.Errorf("all three proportions are 0")
	}
	c.rate = [2]float64{float64(o.int("first-event.rate", 1, 1e12)), float64(o.int("next-event.rate", 1, 1e12))}
	c.period = o.duration("rate-period")
	c.limited = c.events == 0
	if s := o.get("rate-limited"); s != "" {
		c.limited = o.bool("rate-limited")
	}
	if o.bool("max-emit-speed") {
		c.limited = false
	}
	for k := range t.Options {
		o.known(k)
	}
	if o.err != nil {
		return c, fmt.Errorf("%w: nexmark table %s: %w", job.ErrInvalid, t.Ident, o.err)
	}
	return c, nil
}

// reader reads options and keeps the first error.
type reader struct {
	options map[string]string
	err     error
}

func (r *reader) get(key string) string {
	if v, ok := r.options[key]; ok {
		return strings.TrimSpace(v)
	}
	for _, o := range options {
		if o.Key == key {
			return o.Default
		}
	}
	panic("undeclared option " + key)
}

func (r *reader) fail(key, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("option '%s' = '%s': want %s", key, r.get(key), want)
	}
}

func (r *reader) int(key string, low, high int64) int64 {
	n, err := strconv.ParseInt(r.get(key), 10, 64)
	if err != nil || n < low || n > high {
		r.fail(key, fmt.Sprintf("a whole number from %d to %d", low, high))
	}
	return n
}

func (r *reader) bool(key string) bool {
	b, err := strconv.ParseBool(strings.ToLower(r.get(key)))
	if err != nil {
		r.fail(key, "true or false")
	}
	return b
}

func (r *reader) duration(key string) time.Duration {
	d, err := time.ParseDuration(strings.ReplaceAll(r.get(key), " ", ""))
	if err != nil || d < time.Second {
		r.fail(key, "a duration of at least 1 s")
	}
	return d
}

func (r *reader) known(key string) {
	keys := ops.Keys(options)
	if key != "connector" && !slices.Contains(keys, key) && r.err == nil {
		r.err = fmt.Errorf("unknown option '%s'%s", key, nearest.Hint(key, keys, "'"))
	}
}

// resolve checks the options and, when the table declares columns, that the
// source has them; it gives a table without columns all of them.
func resolve(_ context.Context, t job.Table) (job.Table, error) {
	if _, err := parse(t); err != nil {
		return t, err
	}
	if t.Schema.Schema == nil || t.Schema.NumFields() == 0 {
		t.Schema.Schema = schema
		return t, nil
	}
	for _, f := range t.Schema.Fields() {
		own, ok := schema.FieldsByName(f.Name)
		if !ok {
			return t, fmt.Errorf("%w: nexmark table %s: no column %q; there are event_type, person, auction and bid", job.ErrInvalid, t.Ident, f.Name)
		}
		if !arrow.TypeEqual(own[0].Type, f.Type) {
			return t, fmt.Errorf("%w: nexmark table %s: column %s is %v, declared as %v", job.ErrInvalid, t.Ident, f.Name, own[0].Type, f.Type)
		}
	}
	return t, nil
}

func open(_ context.Context, scan ops.Scan) (ops.Source, error) {
	c, err := parse(scan.Table)
	if err != nil {
		return nil, err
	}
	paths := scan.Columns
	if paths == nil {
		for _, f := range scan.Table.Schema.Fields() {
			paths = append(paths, []string{f.Name})
		}
	}
	s := &source{config: c}
	fields := make([]arrow.Field, 0, len(paths))
	for _, p := range paths {
		col, ok := columns[strings.Join(p, ".")]
		if !ok {
			return nil, fmt.Errorf("%w: nexmark table %s: no column %q", job.ErrInvalid, scan.Table.Ident, strings.Join(p, "."))
		}
		s.columns = append(s.columns, col)
		fields = append(fields, arrow.Field{Name: strings.Join(p, "."), Type: col.of, Nullable: col.event != every})
	}
	s.schema = arrow.NewSchema(fields, nil)
	return s, nil
}
