package logical

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wadi-engine/wadi/sql/datatype"
)

// BoundKind is one end of a frame, in the order in which the ends can lie.
type BoundKind uint8

// The ends of frames.
const (
	UnboundedPreceding BoundKind = iota
	Preceding
	CurrentRow
	Following
	UnboundedFollowing
)

// Bound is one end of a frame. Offset counts rows; of a RANGE it is
// milliseconds where the order is by time, and else steps of the order key's
// last digit; Float is that of an order by floating-point numbers.
type Bound struct {
	Kind   BoundKind
	Offset int64
	Float  float64
}

// Frame is the rows around a row over which a function is computed.
type Frame struct {
	Range      bool
	Start, End Bound
}

// OverCall is one function of a window: an aggregate over a frame, or one of
// row_number, rank, dense_rank, percent_rank, cume_dist, ntile, lag, lead.
type OverCall struct {
	AggCall
	Frame Frame
	// Offset is that of lag and lead, and the number of buckets of ntile.
	Offset int64
	// Shifts says that the last argument of lag or lead is the offset, which
	// differs from row to row.
	Shifts bool
}

// Over appends the results of window functions to its input's columns. All its
// functions share a partition and an order.
type Over struct {
	Input     Node
	Partition []int
	Order     []SortKey
	Calls     []OverCall
	Output    Schema
}

// RankKind is the function that numbers the rows of a Rank.
type RankKind uint8

// The ranking functions.
const (
	RowNumber RankKind = iota
	RankWithGaps
	DenseRank
)

func (k RankKind) String() string { return [...]string{"ROW_NUMBER", "RANK", "DENSE_RANK"}[k] }

// Rank keeps the rows whose rank within their partition is between From and To:
// Top-N, and deduplication where N is 1 and the order is that of time. The rank
// is its last column when Number is set.
type Rank struct {
	Input     Node
	Kind      RankKind
	Partition []int
	Order     []SortKey
	From, To  int64
	// Limit is the column of the input that gives To, or -1.
	Limit int
	// Window is the column of the input that holds the end of the row's window,
	// when the partition is within windows, or -1.
	Window int
	Number bool
	Output Schema
}

// RankColumn is the type of a rank.
var RankColumn = datatype.Of(datatype.BigInt).WithNull(false)

// Latest reports that n keeps the first or the last row of each partition by a
// time attribute, and which.
func (n *Rank) Latest() (last, ok bool) {
	if n.Kind != RowNumber || n.From != 1 || n.To != 1 || n.Limit >= 0 || n.Number || len(n.Order) != 1 || len(n.Partition) == 0 {
		return false, false
	}
	return n.Order[0].Desc, n.Input.Schema()[n.Order[0].Column].Time != NoTime
}

// Schema implements Node.
func (n *Over) Schema() Schema { return n.Output }

// Schema implements Node.
func (n *Rank) Schema() Schema { return n.Output }

// Inputs implements Node.
func (n *Over) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Rank) Inputs() []Node { return []Node{n.Input} }

// With implements Node.
func (n *Over) With(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// With implements Node.
func (n *Rank) With(in []Node) Node { c := *n; c.Input = in[0]; return &c }

func (*Over) node() {}
func (*Rank) node() {}

func (b Bound) String() string {
	distance := strconv.FormatInt(b.Offset, 10)
	if b.Float != 0 {
		distance = strconv.FormatFloat(b.Float, 'g', -1, 64)
	}
	switch b.Kind {
	case UnboundedPreceding:
		return "UNBOUNDED PRECEDING"
	case Preceding:
		return distance + " PRECEDING"
	case CurrentRow:
		return "CURRENT ROW"
	case Following:
		return distance + " FOLLOWING"
	case UnboundedFollowing:
	}
	return "UNBOUNDED FOLLOWING"
}

// String prints a frame: ROWS BETWEEN 2 PRECEDING AND CURRENT ROW.
func (f Frame) String() string {
	mode := "ROWS"
	if f.Range {
		mode = "RANGE"
	}
	return mode + " BETWEEN " + f.Start.String() + " AND " + f.End.String()
}

// OverText prints a window function without its window: SUM(a), LAG(a, 2).
func OverText(c OverCall, names []string) string {
	text := AggText(c.AggCall, names)
	switch c.Func {
	case "row_number", "rank", "dense_rank", "percent_rank", "cume_dist":
		return strings.ToUpper(c.Func) + "()"
	case "ntile":
		return fmt.Sprintf("NTILE(%d)", c.Offset)
	case "lag", "lead":
		parts := []string{names[c.Args[0]], strconv.FormatInt(c.Offset, 10)}
		if c.Shifts {
			parts[1] = names[c.Args[2]]
		}
		if len(c.Args) > 1 {
			parts = append(parts, names[c.Args[1]])
		}
		return strings.ToUpper(c.Func) + "(" + strings.Join(parts, ", ") + ")"
	}
	return text
}

func overOperator(n *Over) string {
	names := n.Input.Schema().Names()
	parts := []string{"*"}
	for i, c := range n.Calls {
		parts = append(parts, OverText(c, names)+" AS "+n.Output[len(names)+i].Name)
	}
	text := "OverAggregate("
	if len(n.Partition) > 0 {
		text += "partitionBy=[" + strings.Join(KeyNames(n.Partition, n.Input.Schema()), ", ") + "], "
	}
	if len(n.Order) > 0 {
		text += "orderBy=[" + OrderText(n.Order, names) + "], "
	}
	var frames []string
	for i, c := range n.Calls {
		if i == 0 || c.Frame != n.Calls[i-1].Frame {
			frames = append(frames, c.Frame.String())
		}
	}
	return text + "window=[" + strings.Join(frames, "; ") + "], select=[" + strings.Join(parts, ", ") + "])"
}

func rankOperator(n *Rank) string {
	s := n.Input.Schema()
	names := s.Names()
	order := OrderText(n.Order, names)
	partition := strings.Join(KeyNames(n.Partition, s), ", ")
	if last, ok := n.Latest(); ok && n.Window < 0 {
		keep := "FirstRow"
		if last {
			keep = "LastRow"
		}
		kind := "ROWTIME"
		if s[n.Order[0].Column].Time == Proctime {
			kind = "PROCTIME"
		}
		return "Deduplicate(keep=[" + keep + "], key=[" + partition + "], order=[" + kind + "])"
	}
	name := "Rank"
	if n.Window >= 0 {
		name = "WindowRank"
	}
	limit := fmt.Sprintf("rankStart=%d, rankEnd=%d", n.From, n.To)
	if n.Limit >= 0 {
		limit = "rankEnd=" + names[n.Limit]
	}
	return fmt.Sprintf("%s(rankType=[%s], rankRange=[%s], partitionBy=[%s], orderBy=[%s], select=[%s])",
		name, n.Kind, limit, partition, order, strings.Join(n.Output.Names(), ", "))
}
