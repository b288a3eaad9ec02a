package bind

import (
	"context"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/stream"
)

// changelogArgs are the arguments of FROM_CHANGELOG and TO_CHANGELOG.
var changelogArgs = map[string][]string{
	"FROM_CHANGELOG": {"INPUT", "OP", "OP_MAPPING", "INVALID_OP_HANDLING"},
	"TO_CHANGELOG":   {"INPUT", "OP", "OP_MAPPING"},
}

// changelogFunc binds FROM_CHANGELOG(TABLE t, DESCRIPTOR(op), MAP[…], 'SKIP') and
// TO_CHANGELOG.
func (b *Binder) changelogFunc(ctx context.Context, f *ast.TableFunc, env *ctes) (logical.Node, *scope, error) {
	name := strings.ToUpper(f.Call.Name.Last())
	args, err := namedArguments(f.Call, name, changelogArgs[name])
	if err != nil {
		return nil, nil, err
	}
	table, ok := args["INPUT"].(*ast.TableArg)
	if q, is := args["INPUT"].(*ast.Subquery); is {
		table, ok = &ast.TableArg{Pos: q.Pos, Query: q.Query}, true
	}
	if !ok {
		return nil, nil, diag.At(f.Call.Pos, "the first argument of %s is a table: TABLE t", name)
	}
	if len(table.OrderBy) > 0 {
		return nil, nil, diag.At(table.Pos, "%s takes a table without ORDER BY", name)
	}
	node, err := b.tableArg(ctx, table, env)
	if err != nil {
		return nil, nil, err
	}
	n := &logical.Changelog{Input: node, To: name == "TO_CHANGELOG"}
	if n.Codes, err = changeCodes(name, args["OP_MAPPING"], n.To); err != nil {
		return nil, nil, err
	}
	op, err := descriptor(f.Call, name, args["OP"])
	if err != nil {
		return nil, nil, err
	}
	if n.To {
		err = toChangelog(n, op)
	} else {
		err = fromChangelog(f.Call, n, op, args["INVALID_OP_HANDLING"])
	}
	if err != nil {
		return nil, nil, err
	}
	keys, err := changelogKeys(n, name, table)
	if err != nil {
		return nil, nil, err
	}
	out := keysFirst(n, keys)
	return aliased(out, scopeOf("", out.Schema()), f.Alias)
}

// keysFirst puts the columns of PARTITION BY before the others, as Flink does.
func keysFirst(n *logical.Changelog, keys []int) logical.Node {
	order := slices.Clone(keys)
	for i := range n.Output {
		if !slices.Contains(keys, i) {
			order = append(order, i)
		}
	}
	if slices.IsSorted(order) {
		return n
	}
	p := &logical.Project{Input: n}
	for _, i := range order {
		p.Exprs, p.Output = append(p.Exprs, n.Output.Ref(i)), append(p.Output, n.Output[i])
	}
	return p
}

// namedArguments gives the arguments of a function their names.
func namedArguments(c *ast.Call, name string, names []string) (map[string]ast.Expr, error) {
	out := map[string]ast.Expr{}
	for i, a := range c.Args {
		key, e := "", a
		switch n, ok := a.(*ast.NamedArg); {
		case ok:
			if key, e = strings.ToUpper(n.Name), n.Value; !slices.Contains(names, key) {
				return nil, diag.At(n.Pos, "%s has no argument %s%s", name, n.Name, meant(key, names))
			}
		case i < len(names):
			key = names[i]
		default:
			return nil, diag.At(a.Position(), "%s takes at most %d arguments: %s", name, len(names), strings.Join(names, ", "))
		}
		if out[key] != nil {
			return nil, diag.At(a.Position(), "argument %s of %s is given twice", key, name)
		}
		out[key] = e
	}
	return out, nil
}

// descriptor is the column that DESCRIPTOR(op) names, or op.
func descriptor(c *ast.Call, name string, e ast.Expr) (ast.Ident, error) {
	if e == nil {
		return ast.Ident{Pos: c.Pos, Name: "op"}, nil
	}
	d, ok := e.(*ast.Descriptor)
	if !ok || len(d.Columns) != 1 {
		return ast.Ident{}, diag.At(e.Position(), "the argument op of %s names one column: DESCRIPTOR(op)", name)
	}
	return d.Columns[0].Ident, nil
}

// changeCodes reads op_mapping: MAP['c, r', 'INSERT', …] of FROM_CHANGELOG, and
// MAP['INSERT, UPDATE_AFTER', 'upsert', …] of TO_CHANGELOG. Keys may list several
// names.
func changeCodes(name string, e ast.Expr, to bool) ([]logical.ChangeCode, error) {
	names := logical.ChangeNames()
	if e == nil {
		codes := make([]logical.ChangeCode, len(names))
		for i, n := range names {
			codes[i] = logical.ChangeCode{Text: n, Kind: stream.RowKind(i)}
		}
		return codes, nil
	}
	m, ok := e.(*ast.Map)
	if !ok || m.Query != nil || len(m.Entries) == 0 {
		return nil, diag.At(e.Position(), "op_mapping of %s is a map of texts: MAP['c', 'INSERT', 'd', 'DELETE']", name)
	}
	var codes []logical.ChangeCode
	var kinds, texts []string
	for i := 0; i+1 < len(m.Entries); i += 2 {
		key, value, err := changeEntry(name, m.Entries[i], m.Entries[i+1])
		if err != nil {
			return nil, err
		}
		for _, k := range strings.Split(key, ",") {
			text, kind := strings.TrimSpace(k), value
			if to {
				text, kind = value, text
			}
			at := slices.Index(names, strings.ToUpper(kind))
			if at < 0 {
				return nil, diag.At(m.Entries[i].Position(), "op_mapping of %s has '%s' for a change; they are %s%s", name, kind, strings.Join(names, ", "), nearest.Hint(strings.ToUpper(kind), names, "'"))
			}
			if to && slices.Contains(kinds, names[at]) || !to && slices.Contains(texts, text) {
				return nil, diag.At(m.Entries[i].Position(), "op_mapping of %s has '%s' twice", name, strings.TrimSpace(k))
			}
			kinds, texts = append(kinds, names[at]), append(texts, text)
			codes = append(codes, logical.ChangeCode{Text: text, Kind: stream.RowKind(at)})
		}
		if !to && slices.Contains(kinds[:len(kinds)-len(strings.Split(key, ","))], kinds[len(kinds)-1]) {
			return nil, diag.At(m.Entries[i+1].Position(), "op_mapping of %s has %s twice; list the codes in one key: 'c, r'", name, kinds[len(kinds)-1])
		}
	}
	return codes, nil
}

func changeEntry(name string, key, value ast.Expr) (k, v string, err error) {
	kt, ok := key.(*ast.Text)
	vt, is := value.(*ast.Text)
	if !ok || !is {
		return "", "", diag.At(key.Position(), "op_mapping of %s is a map of constant texts", name)
	}
	return kt.Value, vt.Value, nil
}

// toChangelog puts the column of the changes before those of the input.
func toChangelog(n *logical.Changelog, op ast.Ident) error {
	in := n.Input.Schema()
	if in.Index(op.Name) >= 0 {
		return diag.At(op.Pos, "the input of TO_CHANGELOG has a column %q already; op => DESCRIPTOR(name) names the new one", op.Name)
	}
	n.Output = append(logical.Schema{{Name: op.Name, Type: datatype.String.WithNull(false)}}, in...)
	return nil
}

// fromChangelog takes the column of the changes out of the input.
func fromChangelog(c *ast.Call, n *logical.Changelog, op ast.Ident, invalid ast.Expr) error {
	in := n.Input.Schema()
	if n.Column = in.Index(op.Name); n.Column < 0 {
		return diag.At(op.Pos, "the input of FROM_CHANGELOG has no column %q%s; op => DESCRIPTOR(name) names the one with the changes", op.Name, meant(op.Name, in.Names()))
	}
	if !in[n.Column].Type.IsString() {
		return diag.At(op.Pos, "column %q, which says what the changes are, is of type %s, not STRING", op.Name, in[n.Column].Type.Text())
	}
	if len(in) == 1 {
		return diag.At(c.Pos, "the input of FROM_CHANGELOG has no column beside %q", op.Name)
	}
	if invalid != nil {
		s, ok := invalid.(*ast.Text)
		if !ok || s.Value != "FAIL" && s.Value != "SKIP" {
			return diag.At(invalid.Position(), "invalid_op_handling is 'FAIL' or 'SKIP'")
		}
		n.Skip = s.Value == "SKIP"
	}
	n.Output = slices.Delete(slices.Clone(in), n.Column, n.Column+1)
	return nil
}

// changelogKeys reads PARTITION BY, as columns of the result: the keys by which
// updates may come without what was before.
func changelogKeys(n *logical.Changelog, name string, table *ast.TableArg) (keys []int, err error) {
	for _, e := range table.PartitionBy {
		c, ok := e.(*ast.Column)
		if !ok {
			return nil, diag.At(e.Position(), "PARTITION BY of %s takes columns", name)
		}
		v, err := scopeOf("", n.Input.Schema()).find(c)
		if err != nil {
			return nil, err
		}
		at := columnOf(v)
		switch {
		case at < 0 || !n.To && at == n.Column:
			return nil, diag.At(e.Position(), "PARTITION BY of %s takes columns of its result", name)
		case n.To:
			at++
		case at > n.Column:
			at--
		}
		if !slices.Contains(keys, at) {
			keys = append(keys, at)
		}
	}
	if n.To || !n.Has(stream.UpdateAfter) || n.Has(stream.UpdateBefore) {
		return keys, nil
	}
	if keys == nil {
		return nil, diag.At(table.Pos, "op_mapping has UPDATE_AFTER and no UPDATE_BEFORE, so a key must say which row is updated: TABLE t PARTITION BY key")
	}
	n.Keys = keys
	return keys, nil
}
