package ast_test

import (
	"testing"

	"github.com/wadi-engine/wadi/sql/ast"
)

func num(s string) ast.Expr { return &ast.Number{Text: s} }

func bin(op ast.BinaryOp, l, r ast.Expr) ast.Expr { return &ast.Binary{Op: op, Left: l, Right: r} }

// Trees built by hand print with the parentheses that they need, and no others.
func TestSQL(t *testing.T) {
	a, b, c := ast.Col("a"), ast.Col("b"), ast.Col("c")
	minus := func(x ast.Expr) ast.Expr { return &ast.Unary{Op: ast.Minus, X: x} }
	not := func(x ast.Expr) ast.Expr { return &ast.Unary{Op: ast.Not, X: x} }
	sel := func(from string) *ast.Select {
		return &ast.Select{Items: []ast.SelectItem{{Expr: &ast.Star{}}}, From: &ast.Table{Name: ast.NewName(from)}}
	}
	for _, tc := range []struct {
		node ast.Node
		want string
	}{
		{bin(ast.Sub, bin(ast.Sub, a, b), c), "a - b - c"},
		{bin(ast.Sub, a, bin(ast.Sub, b, c)), "a - (b - c)"},
		{bin(ast.Mul, bin(ast.Add, a, b), c), "(a + b) * c"},
		{bin(ast.Add, a, bin(ast.Concat, b, c)), "a + b || c"},
		{bin(ast.Or, bin(ast.And, a, b), bin(ast.And, b, c)), "a AND b OR b AND c"},
		{minus(minus(num("1"))), "-(-1)"},
		{bin(ast.Sub, a, minus(num("1"))), "a - -1"},
		{not(bin(ast.Eq, a, b)), "NOT a = b"},
		{bin(ast.Eq, not(a), b), "(NOT a) = b"},
		{&ast.Is{X: bin(ast.Eq, a, b), What: ast.IsNull}, "a = b IS NULL"},
		{bin(ast.Eq, a, &ast.Is{X: b, What: ast.IsTrue, Not: true}), "a = (b IS NOT TRUE)"},
		{&ast.Between{X: a, Low: b, High: bin(ast.And, b, c)}, "a BETWEEN b AND (b AND c)"},
		{&ast.Field{X: &ast.Item{X: a, Index: num("1")}, Name: "b"}, "a[1].b"},
		{&ast.Field{X: bin(ast.Add, a, b), Name: "b"}, "(a + b).b"},
		{ast.Fn("COUNT", &ast.Star{}), "COUNT(*)"},
		{ast.Fn("select", a), "`select`(a)"},
		{ast.Fn("EXTRACT", &ast.Symbol{Keyword: "DAY"}, a), "EXTRACT(DAY FROM a)"},
		{ast.Fn("POSITION", a, b), "POSITION(a IN b)"},
		{ast.Col("order", "b`c", "ü"), "`order`.`b``c`.`ü`"},
		{&ast.Text{Value: "it's"}, "'it''s'"},
		{&ast.Interval{Value: &ast.Text{Value: "5"}, Unit: ast.IntervalUnit{From: ast.Day, To: ast.Second, Fraction: 3}}, "INTERVAL '5' DAY TO SECOND(3)"},
		{
			&ast.SetOp{Op: ast.Union, Left: sel("a"), Right: &ast.SetOp{Op: ast.Intersect, Left: sel("b"), Right: sel("c")}},
			"SELECT * FROM a UNION SELECT * FROM b INTERSECT SELECT * FROM c",
		},
		{
			&ast.SetOp{Op: ast.Except, All: true, Left: sel("a"), Right: &ast.Ordered{Body: sel("b"), Limit: num("1")}},
			"SELECT * FROM a EXCEPT ALL (SELECT * FROM b LIMIT 1)",
		},
		{
			&ast.CreateTable{
				IfNotExists: true, Name: ast.NewName("db", "t"),
				Schema: ast.Schema{
					Columns: []ast.ColumnDef{{Name: ast.NewName("id"), Type: &ast.DataType{
						Kind: ast.DecimalType, Null: ast.NotNullType, Precision: 10, Scale: 2,
					}}},
					Constraints: []ast.Constraint{{Columns: []ast.Ident{{Name: "id"}}, Enforced: ast.NotEnforced}},
				},
				Options: []ast.Option{{Key: "connector", Value: "print"}},
			},
			"CREATE TABLE IF NOT EXISTS db.t (id DECIMAL(10, 2) NOT NULL, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'print')",
		},
	} {
		if got := ast.SQL(tc.node); got != tc.want {
			t.Errorf("got  %s\nwant %s", got, tc.want)
		}
	}
}

func TestQuote(t *testing.T) {
	for name, want := range map[string]string{
		"price": "price", "_a1": "_a1", "1a": "`1a`", "": "``", "Select": "`Select`", "a b": "`a b`",
	} {
		if got := ast.Quote(name); got != want {
			t.Errorf("Quote(%q) = %s, want %s", name, got, want)
		}
	}
}

func TestLayout(t *testing.T) {
	id := ast.Ident{Name: "id"}
	table := &ast.CreateTable{
		Name: ast.NewName("c", "d", "t"), Comment: &ast.Text{Value: "it's"}, Partitioned: []ast.Ident{id},
		Schema: ast.Schema{
			Columns: []ast.ColumnDef{
				{Name: ast.NewName("id"), Type: ast.NewType(ast.BigIntType)},
				{Name: ast.NewName("p"), Kind: ast.ComputedColumn, Expr: ast.Fn("PROCTIME")},
			},
			Constraints: []ast.Constraint{{Name: ast.Ident{Name: "PK_id"}, Columns: []ast.Ident{id}, Enforced: ast.NotEnforced}},
			Watermark:   &ast.Watermark{Column: ast.NewName("ts"), Expr: ast.Col("ts")},
		},
		Options: []ast.Option{{Key: "connector", Value: "datagen"}, {Key: "a", Value: "b"}},
	}
	want := "CREATE TABLE `c`.`d`.`t` (\n  `id` BIGINT,\n  `p` AS PROCTIME(),\n  WATERMARK FOR `ts` AS `ts`,\n" +
		"  CONSTRAINT `PK_id` PRIMARY KEY (`id`) NOT ENFORCED\n)\nCOMMENT 'it''s'\nPARTITIONED BY (`id`)\n" +
		"WITH (\n  'connector' = 'datagen',\n  'a' = 'b'\n)"
	if got := ast.Layout(table); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	view := &ast.CreateView{Name: ast.NewName("v"), Columns: []ast.Ident{id}, As: &ast.Select{
		Items: []ast.SelectItem{{Expr: ast.Col("id")}}, From: &ast.Table{Name: ast.NewName("t")}, Where: ast.Col("ok"),
	}}
	if got, want := ast.Layout(view), "CREATE VIEW `v` (\n  `id`\n)\nAS SELECT `id`\nFROM `t`\nWHERE `ok`"; got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
