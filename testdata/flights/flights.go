// Package flights holds a cut of real flights, for the demo.
package flights

import _ "embed"

// Parquet is the file flights.parquet: 60,000 rows with the columns date,
// delay, distance, origin and destination.
//
//go:embed flights.parquet
var Parquet []byte
