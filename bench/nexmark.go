package bench

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/job"
)

// NexmarkOptions say how to run the Nexmark queries.
type NexmarkOptions struct {
	// Queries are names of NexmarkQueries; none, or all, means all but those with
	// MATCH_RECOGNIZE, and cep means these.
	Queries []string
	// Events is how many events of all kinds a run has; 0 means 50 million.
	Events int64
	// Rate is events per second of event time, not of the clock: how many
	// events a window holds. 0 means 100,000.
	Rate int64
	// Parallelism is 1 if 0.
	Parallelism int
	// Mode is "streaming" or "batch"; "" is streaming.
	Mode string
	// Verify makes the sink sum up every value; the run is slower by far.
	Verify bool
	// Checkpoints is the interval of checkpoints to a temporary directory; 0
	// takes none.
	Checkpoints time.Duration
}

// Query is one measured query: a script that declares the table sink and fills
// it from the views bid, auction and person. In it ${sink} stands for the
// options of the sink, ${dir} for a directory and ${side} for the side input.
type Query struct {
	Name, Script string
}

//go:embed queries
var queryFiles embed.FS

// NexmarkQueries are those of the benchmark (github.com/nexmark/nexmark) by
// their numbers, and behind them parts of them; cep0 to cep3 are its queries with
// MATCH_RECOGNIZE.
var NexmarkQueries = func() []Query {
	entries, err := queryFiles.ReadDir("queries")
	if err != nil {
		panic(err) // they are part of the binary
	}
	var all []Query
	for _, e := range entries {
		text, err := queryFiles.ReadFile("queries/" + e.Name())
		if err != nil {
			panic(err)
		}
		all = append(all, Query{strings.TrimSuffix(e.Name(), ".sql"), string(text)})
	}
	slices.SortFunc(all, func(a, b Query) int { return cmp.Or(cmp.Compare(a.order(), b.order()), cmp.Compare(a.Name, b.Name)) })
	return all
}()

func (q Query) name() string { return q.Name }

// order puts q2 before q10, and parts of queries last.
func (q Query) order() int {
	if n, err := strconv.Atoi(strings.TrimPrefix(q.Name, "q")); err == nil {
		return n
	}
	return 1000 + int(q.Name[0])
}

// nexmarkDDL declares the events and the three views of them.
const nexmarkDDL = `CREATE TABLE datagen (
    event_type INT,
    person ROW<id BIGINT, name VARCHAR, emailAddress VARCHAR, creditCard VARCHAR, city VARCHAR, state VARCHAR,
        ~dateTime~ TIMESTAMP(3), extra VARCHAR>,
    auction ROW<id BIGINT, itemName VARCHAR, description VARCHAR, initialBid BIGINT, reserve BIGINT,
        ~dateTime~ TIMESTAMP(3), expires TIMESTAMP(3), seller BIGINT, category BIGINT, extra VARCHAR>,
    bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR,
        ~dateTime~ TIMESTAMP(3), extra VARCHAR>,
    ~dateTime~ AS CASE WHEN event_type = 0 THEN person.~dateTime~
        WHEN event_type = 1 THEN auction.~dateTime~ ELSE bid.~dateTime~ END,
    WATERMARK FOR ~dateTime~ AS ~dateTime~ - INTERVAL '4' SECOND
) WITH ('connector' = 'nexmark', 'events.num' = '%d', 'first-event.rate' = '%d', 'next-event.rate' = '%[2]d');
CREATE VIEW person AS
SELECT person.id, person.name, person.emailAddress, person.creditCard, person.city, person.state, ~dateTime~, person.extra
FROM datagen WHERE event_type = 0;
CREATE VIEW auction AS
SELECT auction.id, auction.itemName, auction.description, auction.initialBid, auction.reserve, ~dateTime~,
    auction.expires, auction.seller, auction.category, auction.extra
FROM datagen WHERE event_type = 1;
CREATE VIEW bid AS
SELECT bid.auction, bid.bidder, bid.price, bid.channel, bid.url, ~dateTime~, bid.extra
FROM datagen WHERE event_type = 2;
`

// NexmarkTables is the script that declares datagen and its views: so many
// events, and so many of them per second of event time.
func NexmarkTables(events, rate int64) string {
	return strings.ReplaceAll(fmt.Sprintf(nexmarkDDL, events, rate), "~", "`")
}

func (o NexmarkOptions) withDefaults() (NexmarkOptions, error) {
	if o.Events == 0 {
		o.Events = 50_000_000
	}
	if o.Rate == 0 {
		o.Rate = 100_000
	}
	if o.Mode == "" {
		o.Mode = "streaming"
	}
	if o.Parallelism == 0 {
		o.Parallelism = 1
	}
	if o.Events < 0 || o.Rate < 0 || o.Parallelism < 0 || o.Checkpoints < 0 {
		return o, fmt.Errorf("%w: events, rate, parallelism and checkpoints: want positive numbers", job.ErrInvalid)
	}
	return o, nil
}

// Nexmark runs the queries one after the other, each as a job of its own in
// this process.
func Nexmark(ctx context.Context, o NexmarkOptions, report Report) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	queries, err := choose(nexmarkGroup(&o.Queries), o.Queries)
	if err != nil {
		return err
	}
	for _, q := range queries {
		r, err := o.run(ctx, q)
		if err != nil {
			return fmt.Errorf("measure %s: %w", q.Name, err)
		}
		if err := report(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// nexmarkGroup are the queries among which names choose. The name cep chooses all
// of a group.
func nexmarkGroup(names *[]string) []Query {
	cep := slices.Equal(*names, []string{"cep"})
	if cep {
		*names = nil
	}
	if len(*names) > 0 && !slices.Equal(*names, []string{"all"}) {
		return NexmarkQueries
	}
	return slices.DeleteFunc(slices.Clone(NexmarkQueries), func(q Query) bool { return strings.HasPrefix(q.Name, "cep") != cep })
}

// choose finds queries by name; no names, or the name all, mean all.
func choose[Q interface{ name() string }](all []Q, names []string) ([]Q, error) {
	if len(names) == 0 || slices.Equal(names, []string{"all"}) {
		return all, nil
	}
	var chosen []Q
	known := make([]string, len(all))
	for i, q := range all {
		known[i] = q.name()
	}
next:
	for _, n := range names {
		for _, q := range all {
			if q.name() == strings.TrimSpace(n) {
				chosen = append(chosen, q)
				continue next
			}
		}
		return nil, fmt.Errorf("%w: query %q: want one of %s", job.ErrInvalid, n, strings.Join(known, ", "))
	}
	return chosen, nil
}

func (o NexmarkOptions) run(ctx context.Context, q Query) (Result, error) {
	r := Result{Suite: "nexmark", Query: q.Name, Engine: "wadi", Events: o.Events, Parallelism: o.Parallelism}
	config := map[string]string{"execution.runtime-mode": o.Mode}
	if o.Checkpoints > 0 {
		dir, err := os.MkdirTemp("", "wadi-bench")
		if err != nil {
			return r, fmt.Errorf("make a directory for checkpoints: %w", err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		config["execution.checkpointing.dir"] = "file://" + dir
		r.Checkpoints = -1 // until they are counted
		config["execution.checkpointing.interval"] = fmt.Sprintf("%d ms", o.Checkpoints.Milliseconds())
	}
	env, err := wadi.Local(wadi.Options{Parallelism: o.Parallelism, Config: config})
	if err != nil {
		return r, err
	}
	defer func() { _ = env.Close() }()
	script, remove, err := o.script(q)
	if err != nil {
		return r, err
	}
	defer remove()
	err = env.Execute(ctx, script, func(out wadi.Outcome) error {
		if out.Pipeline == nil {
			return nil
		}
		return measure(&r, func() error { return finish(ctx, out.Pipeline, &r, o.Verify) })
	})
	return r, err
}

// script is the whole text of a query, and what removes its files.
func (o NexmarkOptions) script(q Query) (text string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "wadi-bench")
	if err != nil {
		return "", nil, fmt.Errorf("make a directory for files: %w", err)
	}
	var side strings.Builder
	for i := range sideRows {
		fmt.Fprintf(&side, "%d,%[1]d\n", i)
	}
	file := filepath.Join(dir, "side_input.csv")
	if err := os.WriteFile(file, []byte(side.String()), 0o600); err != nil {
		return "", nil, fmt.Errorf("write the side input: %w", err)
	}
	r := strings.NewReplacer("${sink}", fmt.Sprintf("'connector' = 'blackhole', 'verify' = '%t'", o.Verify),
		"${dir}", filepath.Join(dir, "out"), "${side}", file)
	return NexmarkTables(o.Events, o.Rate) + r.Replace(q.Script), func() { _ = os.RemoveAll(dir) }, nil
}

// sideRows is how many keys the side input of q13 has.
const sideRows = 10_000

// finish runs a job to its end and takes its counters.
func finish(ctx context.Context, p *wadi.Pipeline, r *Result, verified bool) error {
	run, err := p.Start(ctx, wadi.RestoreNone)
	if err != nil {
		return err
	}
	if _, err := run.Wait(); err != nil {
		return err
	}
	progress := run.Progress()
	if progress.Read < r.Events {
		return fmt.Errorf("%d events read: want %d", progress.Read, r.Events)
	}
	r.RowsOut = progress.Written
	if r.Checkpoints < 0 {
		r.Checkpoints = int64(progress.Epoch)
	}
	if !verified {
		return nil
	}
	var sum uint64
	for _, counters := range run.Counters() {
		sum += uint64(counters["checksum"])
	}
	r.Checksum = strconv.FormatUint(sum, 10)
	return nil
}
