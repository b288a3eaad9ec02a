package logical

import (
	"fmt"
	"strings"

	"github.com/wadi-engine/wadi/vector/expr"
)

// Tree prints a plan as Flink prints its abstract syntax tree: one node per
// line, inputs below it, columns by number.
func Tree(n Node) string { return TreeWith(n, func(Node) string { return "" }) }

// TreeWith is Tree with more behind each node.
func TreeWith(n Node, more func(n Node) string) string {
	var b strings.Builder
	tree(&b, n, "", "", more)
	return b.String()
}

func tree(b *strings.Builder, n Node, first, rest string, more func(n Node) string) {
	b.WriteString(first + Relation(n) + more(n) + "\n")
	in := n.Inputs()
	for i, x := range in {
		if i < len(in)-1 {
			tree(b, x, rest+":- ", rest+":  ", more)
		} else {
			tree(b, x, rest+"+- ", rest+"   ", more)
		}
	}
}

// numbers are the names $0, $1, … of a node's columns.
func numbers(s Schema) []string {
	out := make([]string, len(s))
	for i := range s {
		out[i] = fmt.Sprintf("$%d", i)
	}
	return out
}

// Relation prints one node in the words of relational algebra.
func Relation(n Node) string {
	switch n := n.(type) {
	case *Scan:
		return "LogicalTableScan(table=[[" + tableName(n) + "]])"
	case *Values:
		return "LogicalValues(tuples=[" + Tuples(n) + "])"
	case *Project:
		return "LogicalProject(" + assignments(n.Exprs, n.Output, n.Input.Schema()) + ")"
	case *Filter:
		return "LogicalFilter(condition=[" + Text(n.Cond, numbers(n.Input.Schema())) + "])"
	case *Watermark:
		s := n.Input.Schema()
		return "LogicalWatermarkAssigner(rowtime=[" + s[n.Column].Name + "], watermark=[" + Text(n.Expr, numbers(s)) + "])"
	case *Window:
		return "LogicalTableFunctionScan(invocation=[" + n.Spec.String(n.Input.Schema().Names()) + "])"
	case *Aggregate:
		return "LogicalAggregate(group=[" + group(n.Keys) + "]" + aggregates(n.Aggs, n.Output[len(n.Keys):], n.Input.Schema()) + ")"
	case *WindowAggregate:
		return "LogicalWindowAggregate(group=[" + group(n.Keys) + "], window=[" + n.Spec.String(n.Input.Schema().Names()) + "]" +
			aggregates(n.Aggs, n.Output[len(n.Keys):], n.Input.Schema()) + ")"
	case *Join:
		return joinTree(n)
	case *Unnest:
		return "Logical" + n.text()
	case *Changelog:
		return "LogicalTableFunctionScan(invocation=[" + n.Text(n.Input.Schema().Names()) + "])"
	case *Expand:
		return "Logical" + n.text()
	case *Union:
		return "LogicalUnion(all=[true])"
	case *Sort:
		return "LogicalSort(" + sortText(n, numbers(n.Input.Schema())) + ")"
	case *Over:
		return "LogicalWindow(" + strings.TrimPrefix(overOperator(n), "OverAggregate(")
	case *Rank:
		return "Logical" + rankOperator(n)
	case *Match:
		return "Logical" + matchOperator(n)
	case *Sink:
		return "LogicalSink(table=[" + identText(n.Table.Ident.Catalog, n.Table.Ident.Database, n.Table.Ident.Name) + "], fields=[" + strings.Join(n.Input.Schema().Names(), ", ") + "])"
	}
	return fmt.Sprintf("%T", n)
}

func assignments(exprs []expr.Expr, out, in Schema) string {
	names := numbers(in)
	parts := make([]string, len(exprs))
	for i, e := range exprs {
		parts[i] = out[i].Name + "=[" + Text(e, names) + "]"
	}
	return strings.Join(parts, ", ")
}

func group(keys []int) string {
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = fmt.Sprint(k)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func aggregates(aggs []AggCall, out, in Schema) string {
	var b strings.Builder
	for i, a := range aggs {
		b.WriteString(", " + out[i].Name + "=[" + AggText(a, numbers(in)) + "]")
	}
	return b.String()
}

func sortText(n *Sort, names []string) string {
	var parts []string
	if len(n.Keys) > 0 {
		parts = append(parts, "orderBy=["+OrderText(n.Keys, names)+"]")
	}
	if n.Offset > 0 {
		parts = append(parts, fmt.Sprintf("offset=[%d]", n.Offset))
	}
	if n.Limit >= 0 {
		parts = append(parts, fmt.Sprintf("fetch=[%d]", n.Limit))
	}
	return strings.Join(parts, ", ")
}

// OrderText prints sort keys: a ASC, b DESC.
func OrderText(keys []SortKey, names []string) string {
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = names[k.Column] + " ASC"
		if k.Desc {
			parts[i] = names[k.Column] + " DESC"
		}
		if k.NullsFirst == k.Desc {
			parts[i] += map[bool]string{true: " NULLS FIRST", false: " NULLS LAST"}[k.NullsFirst]
		}
	}
	return strings.Join(parts, ", ")
}

// Tuples prints the rows of VALUES.
func Tuples(n *Values) string {
	rows := make([]string, 0, len(n.Rows))
	for i, r := range n.Rows {
		if i == 20 {
			rows = append(rows, fmt.Sprintf("… %d rows", len(n.Rows)))
			break
		}
		parts := make([]string, len(r))
		for j, e := range r {
			parts[j] = Text(e, nil)
		}
		rows = append(rows, "{ "+strings.Join(parts, ", ")+" }")
	}
	return "[" + strings.Join(rows, ", ") + "]"
}

func tableName(n *Scan) string {
	id := n.Table.Ident
	return identText(id.Catalog, id.Database, id.Name)
}

func identText(catalog, database, name string) string {
	var parts []string
	for _, p := range []string{catalog, database, name} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ", ")
}

// Operator prints one node as an operator of Flink's execution plan.
func Operator(n Node) string {
	switch n := n.(type) {
	case *Scan:
		return scanText(n)
	case *Values:
		return "Values(tuples=[" + Tuples(n) + "])"
	case *Project:
		return calcText(n.Exprs, n.Output, nil, n.Input.Schema())
	case *Filter:
		s := n.Input.Schema()
		return calcText(s.Refs(), s, n.Cond, s)
	case *Aggregate:
		s := n.Input.Schema()
		return "GroupAggregate(" + groupText(n.Keys, s) + "select=[" + aggItems(n.Keys, n.Aggs, n.Output, s) + "]" + n.TTL.text() + ")"
	case *WindowAggregate:
		return windowText(n)
	case *Window:
		return "WindowTableFunction(window=[" + n.Spec.String(n.Input.Schema().Names()) + "])"
	case *Join:
		return joinText(n)
	case *Unnest:
		return n.text()
	case *Changelog:
		return n.operator()
	case *Expand:
		return n.text()
	case *Union:
		return "Union(all=[true], union=[" + strings.Join(n.Output.Names(), ", ") + "])"
	case *Sort:
		return sortOperator(n)
	case *Over:
		return overOperator(n)
	case *Rank:
		return rankOperator(n)
	case *Match:
		return matchOperator(n)
	case *Sink:
		id := n.Table.Ident
		conflict := ""
		if n.OnConflict {
			conflict = ", conflictStrategy=[DEDUPLICATE]"
		}
		return "Sink(table=[" + strings.ReplaceAll(identText(id.Catalog, id.Database, id.Name), ", ", ".") + "], fields=[" + strings.Join(n.Input.Schema().Names(), ", ") + "]" + conflict + ")"
	case *Watermark:
	}
	return Relation(n)
}

// CalcText prints a projection over a filter as the one operator that they
// become.
func CalcText(p *Project, f *Filter) string {
	return calcText(p.Exprs, p.Output, f.Cond, f.Input.Schema())
}

func calcText(exprs []expr.Expr, out Schema, cond expr.Expr, in Schema) string {
	names := in.Names()
	text := "Calc(select=[" + Items(exprs, out, names) + "]"
	if cond != nil {
		text += ", where=[" + Text(cond, names) + "]"
	}
	return text + ")"
}

func scanText(n *Scan) string {
	text := "TableSourceScan(table=[[" + tableName(n)
	if n.Filter != nil {
		text += ", filter=[" + Text(n.Filter, n.Output.Names()) + "]"
	}
	if n.Columns != nil {
		parts := make([]string, len(n.Columns))
		for i, p := range n.Columns {
			parts[i] = strings.Join(p, ".")
		}
		text += ", project=[" + strings.Join(parts, ", ") + "]"
	}
	if n.Limit > 0 {
		text += fmt.Sprintf(", limit=[%d]", n.Limit)
	}
	if n.Watermark != nil {
		text += ", watermark=[" + Text(n.Watermark, n.Output.Names()) + "]"
	}
	return text + "]], fields=[" + strings.Join(n.Output.Names(), ", ") + "])"
}

func groupText(keys []int, s Schema) string {
	if len(keys) == 0 {
		return ""
	}
	return "groupBy=[" + strings.Join(KeyNames(keys, s), ", ") + "], "
}

// KeyNames are the names of key columns.
func KeyNames(keys []int, s Schema) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = s[k].Name
	}
	return out
}

func aggItems(keys []int, aggs []AggCall, out, in Schema) string {
	parts := KeyNames(keys, in)
	for i, a := range aggs {
		text := AggText(a, in.Names())
		if name := out[len(keys)+i].Name; name != text {
			text += " AS " + name
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func windowText(n *WindowAggregate) string {
	s := n.Input.Schema()
	text := "WindowAggregate(" + groupText(n.Keys, s) + "window=[" + n.Spec.String(s.Names()) + "], select=[" +
		aggItems(n.Keys, n.Aggs, n.Output, s)
	for _, p := range n.Properties {
		text += ", " + p.String() + "('w$) AS " + p.Column()
	}
	return text + "])"
}

func sortOperator(n *Sort) string {
	text := sortText(n, n.Input.Schema().Names())
	switch {
	case len(n.Keys) == 0:
		return "Limit(" + text + ")"
	case n.Limit >= 0:
		return "SortLimit(" + text + ")"
	}
	return "Sort(" + text + ")"
}
