package lower

import (
	"github.com/wadi-engine/wadi/vector/agg"
	"github.com/wadi-engine/wadi/vector/expr"
)

// The kinds of operators, as they are registered.
const (
	kindCalc      = "calc"
	kindWindowAgg = "window-agg"
	kindGroupAgg  = "group-agg"
	kindSort      = "sort-limit"
	kindLimit     = "limit"
	kindUnion     = "union"
)

type calcConfig struct {
	Filter *expr.Doc  `json:"filter,omitempty"`
	Exprs  []expr.Doc `json:"exprs"`
}

type windowConfig struct {
	Time         int        `json:"time"`
	SizeMillis   int64      `json:"sizeMillis"`
	SlideMillis  int64      `json:"slideMillis,omitempty"`
	OffsetMillis int64      `json:"offsetMillis,omitempty"`
	Zone         string     `json:"zone,omitempty"`
	Keys         []int      `json:"keys,omitempty"`
	Aggs         []agg.Spec `json:"aggs"`
	Properties   []string   `json:"properties,omitempty"`
	Changelog    bool       `json:"changelog,omitempty"`
}

type groupConfig struct {
	Keys         []int      `json:"keys,omitempty"`
	Aggs         []agg.Spec `json:"aggs,omitempty"`
	UpdateBefore bool       `json:"updateBefore,omitempty"`
	FinalOnly    bool       `json:"finalOnly,omitempty"`
	Changelog    bool       `json:"changelog,omitempty"`
}

type sortKey struct {
	Column     int  `json:"column"`
	Desc       bool `json:"desc,omitempty"`
	NullsFirst bool `json:"nullsFirst,omitempty"`
}

type sortConfig struct {
	Keys   []sortKey `json:"keys"`
	Offset int64     `json:"offset,omitempty"`
	Limit  int64     `json:"limit"`
}

type limitConfig struct {
	Offset int64 `json:"offset,omitempty"`
	Limit  int64 `json:"limit"`
}
