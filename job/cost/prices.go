package cost

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Prices are a list of prices, in US dollars.
type Prices struct {
	// Name, Region and Source say whose they are, and Date when the source said so.
	Name   string `json:"name"`
	Region string `json:"region"`
	Source string `json:"source"`
	Date   string `json:"date"`

	MillionInvocations float64 `json:"millionInvocations"` // of functions
	GBSecond           float64 `json:"gbSecond"`           // of their memory
	MillionPuts        float64 `json:"millionPuts"`        // requests that write or list
	MillionGets        float64 `json:"millionGets"`        // requests that read or look
	GBWritten          float64 `json:"gbWritten"`          // to storage, in the same region
	GBRead             float64 `json:"gbRead"`             // from storage, in the same region
	GBMonth            float64 `json:"gbMonth"`            // in storage
	CoreHour           float64 `json:"coreHour"`           // a worker's core, with its memory
	CoordinatorHour    float64 `json:"coordinatorHour"`    // a small process that coordinates
	// MemoryPerCore is how many bytes of memory give a function one core.
	MemoryPerCore int64 `json:"memoryPerCore"`
}

// tables are the lists that are built in. A worker's core comes with 2 GB; a
// coordinator has a quarter of a core and half a GB.
var tables = []Prices{
	{
		Name: "aws-arm64", Region: "us-east-1", Source: "AWS's public lists for Lambda, Fargate and S3 Standard, as quoted by cloudburn.io, wring.co, c3x.dev and cloudchipr.com", Date: "2026-03",
		MillionInvocations: 0.20, GBSecond: 0.0000133334, MillionPuts: 5, MillionGets: 0.4, GBMonth: 0.023,
		CoreHour: 0.03238 + 2*0.00356, CoordinatorHour: 0.25*0.03238 + 0.5*0.00356, MemoryPerCore: 1769 << 20,
	},
	{
		Name: "aws-amd64", Region: "us-east-1", Source: "AWS's public lists for Lambda, Fargate and S3 Standard, as quoted by cloudburn.io, wring.co, c3x.dev and cloudchipr.com", Date: "2026-03",
		MillionInvocations: 0.20, GBSecond: 0.0000166667, MillionPuts: 5, MillionGets: 0.4, GBMonth: 0.023,
		CoreHour: 0.04048 + 2*0.004445, CoordinatorHour: 0.25*0.04048 + 0.5*0.004445, MemoryPerCore: 1769 << 20,
	},
	{
		Name: "azure", Region: "East US", Source: "Microsoft's public lists for Functions (Flex Consumption), Container Apps and Blob Storage (hot, LRS), as quoted by modal.com and redkitecloud.com", Date: "2025",
		MillionInvocations: 0.40, GBSecond: 0.000026, MillionPuts: 5, MillionGets: 0.4, GBMonth: 0.018,
		CoreHour: 3600 * (0.000024 + 2*0.000003), CoordinatorHour: 3600 * (0.25*0.000024 + 0.5*0.000003), MemoryPerCore: 2048 << 20,
	},
}

// Table is a list of prices by its name.
func Table(name string) (Prices, error) {
	for _, p := range tables {
		if strings.EqualFold(p.Name, name) {
			return p, nil
		}
	}
	return Prices{}, fmt.Errorf("no table of prices %q: want %s", name, strings.Join(Tables(), ", "))
}

// Tables are the names of the lists that are built in.
func Tables() []string {
	names := make([]string, len(tables))
	for i, p := range tables {
		names[i] = p.Name
	}
	return names
}

// Bill is what a usage costs, item by item, in the order of Items.
type Bill struct {
	Items []Item `json:"items"`
}

// Item is a part of a bill.
type Item struct {
	What string  `json:"what"`
	USD  float64 `json:"usd"`
}

// The items of a bill.
const (
	ItemInvocations = "invocations"
	ItemDuration    = "duration of invocations"
	ItemPuts        = "requests that write or list"
	ItemGets        = "requests that read"
	ItemBytes       = "bytes to and from storage"
	ItemStored      = "bytes in storage"
	ItemWorkers     = "workers"
	ItemCoordinator = "coordinator"
)

const (
	million       = 1e6
	hour          = 3600
	hoursPerMonth = 730
)

// Of is what a usage costs. Items that cost nothing are left out.
func (p Prices) Of(u Usage) Bill {
	var b Bill
	for _, i := range []Item{
		{ItemInvocations, float64(u.Invocations) / million * p.MillionInvocations},
		{ItemDuration, u.GBSeconds * p.GBSecond},
		{ItemPuts, float64(u.Puts) / million * p.MillionPuts},
		{ItemGets, float64(u.Gets) / million * p.MillionGets},
		{ItemBytes, float64(u.Written)/1e9*p.GBWritten + float64(u.Read)/1e9*p.GBRead},
		{ItemStored, u.StoredGBHours / hoursPerMonth * p.GBMonth},
		{ItemWorkers, u.CoreSeconds / hour * p.CoreHour},
		{ItemCoordinator, u.CoordinatorSeconds / hour * p.CoordinatorHour},
	} {
		if i.USD > 0 {
			b.Items = append(b.Items, i)
		}
	}
	return b
}

// USD is the sum.
func (b Bill) USD() (sum float64) {
	for _, i := range b.Items {
		sum += i.USD
	}
	return sum
}

// Most is the item that costs most; the zero value when nothing costs anything.
func (b Bill) Most() Item {
	if len(b.Items) == 0 {
		return Item{}
	}
	return slices.MaxFunc(b.Items, func(x, y Item) int { return cmp.Compare(x.USD, y.USD) })
}

// PerMillionRows is what a million rows have cost, and false when there were none.
func (p Prices) PerMillionRows(u Usage) (usd float64, ok bool) {
	if u.Rows == 0 {
		return 0, false
	}
	return p.Of(u).USD() / float64(u.Rows) * million, true
}
