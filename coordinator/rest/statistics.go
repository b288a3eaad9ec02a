package rest

import (
	"math"
	"slices"
)

// Statistics are those of whole numbers; percentiles may lie between two.
type Statistics struct {
	Min  int64   `json:"min"`
	Max  int64   `json:"max"`
	Avg  int64   `json:"avg"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
}

// statistics are those of v, all 0 when it is empty.
func statistics(v []int64) Statistics {
	if len(v) == 0 {
		return Statistics{}
	}
	v = slices.Sorted(slices.Values(v))
	s := Statistics{Min: v[0], Max: v[len(v)-1]}
	var sum int64
	for _, n := range v {
		sum += n
	}
	s.Avg = sum / int64(len(v))
	s.P50, s.P90, s.P95 = percentile(v, 0.5), percentile(v, 0.9), percentile(v, 0.95)
	s.P99, s.P999 = percentile(v, 0.99), percentile(v, 0.999)
	return s
}

// percentile is the value below which a part of sorted lies, between two
// numbers in proportion.
func percentile(sorted []int64, part float64) float64 {
	at := part * float64(len(sorted)-1)
	low := int(math.Floor(at))
	high := min(low+1, len(sorted)-1)
	return float64(sorted[low]) + (at-float64(low))*float64(sorted[high]-sorted[low])
}

// whole are the statistics of v in whole numbers, by name, with their sum.
func whole(v []int64) map[string]int64 {
	s := statistics(v)
	m := map[string]int64{
		"min": s.Min, "max": s.Max, "avg": s.Avg, "median": int64(s.P50), "p25": 0, "p75": 0, "p95": int64(s.P95), "sum": 0,
	}
	if len(v) == 0 {
		return m
	}
	sorted := slices.Sorted(slices.Values(v))
	m["p25"], m["p75"] = int64(percentile(sorted, 0.25)), int64(percentile(sorted, 0.75))
	for _, n := range v {
		m["sum"] += n
	}
	return m
}
