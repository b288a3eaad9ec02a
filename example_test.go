package wadi_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/wadi-engine/wadi"
)

const flightsFile = "testdata/flights/flights.parquet"

func local() *wadi.Env {
	env, err := wadi.Local(wadi.Options{})
	if err != nil {
		log.Fatal(err)
	}
	return env
}

// The airports with the most flights that left late.
func Example() {
	env := local()
	defer env.Close()
	late := env.ReadParquet(flightsFile).
		Filter(wadi.Col("delay").Gt(0)).
		GroupBy(wadi.Col("origin")).
		Agg(wadi.Count().As("n"), wadi.Avg("delay").As("delay")).
		Sort(wadi.Col("n").Desc()).
		Limit(3)
	if err := late.Show(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output:
	// +--------+------+-------+
	// | origin |    n | delay |
	// +--------+------+-------+
	// |    DFW | 2132 |    37 |
	// |    ORD | 1929 |    34 |
	// |    ATL | 1639 |    32 |
	// +--------+------+-------+
	// 3 rows in set
}

// Rows as structs, from windows over event time.
func ExampleRows() {
	env := local()
	defer env.Close()
	type day struct {
		Start   time.Time `wadi:"window_start"`
		Flights int64
		Longest int64
	}
	days := env.ReadParquet(flightsFile).
		Watermark("date", time.Hour).
		GroupBy(wadi.Tumble("date", 24*time.Hour)).
		Agg(wadi.Count().As("flights"), wadi.Max("delay").As("longest")).
		Sort(wadi.Col("window_start"))
	for d, err := range wadi.Rows[day](context.Background(), days) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(d.Start.Format(time.DateOnly), d.Flights, d.Longest)
	}
	// Output:
	// 2001-01-01 14828 1191
	// 2001-01-02 16850 867
	// 2001-01-03 16948 1087
	// 2001-01-04 11374 702
}

// A Frame written to an Iceberg table, and read back with SQL.
func ExampleFrame_WriteIceberg() {
	dir, err := os.MkdirTemp("", "wadi-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	env := local()
	defer env.Close()
	ctx := context.Background()
	lake := wadi.Iceberg{Warehouse: "file://" + filepath.ToSlash(dir), Table: "flights"}
	if _, err := env.ReadParquet(flightsFile).WriteIceberg(lake).Run(ctx); err != nil {
		log.Fatal(err)
	}
	q := env.SQL("SELECT COUNT(*) AS flights, COUNT(DISTINCT origin) AS airports FROM lake.`default`.flights")
	if err := q.Show(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output:
	// +---------+----------+
	// | flights | airports |
	// +---------+----------+
	// |   60000 |      223 |
	// +---------+----------+
	// 1 row in set
}

// The plan of a query.
func ExampleFrame_Explain() {
	env := local()
	defer env.Close()
	plan, err := env.SQL("SELECT origin FROM read_parquet('" + flightsFile + "') WHERE delay > 60").Explain(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(plan) > 0)
	// Output: true
}
