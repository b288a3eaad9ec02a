package sql

import (
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/diag"
)

// What Flink has and this engine does not, with what to do instead.
const (
	noModels = "there are no models here: a call of one is a function in Go, registered with wadi.Options.Functions, " +
		"which is given whole columns and may ask a service about them at once"
	noMaterialized = "there are no materialized tables here: CREATE TABLE … AS runs their query once, and INSERT INTO, in streaming mode, " +
		"keeps a table up to date; run INSERT OVERWRITE from a scheduler to refresh one"
	noConnections = "there are no connections here: the options of a table, ${env:NAME} and ${file:PATH} in them, say how to reach its data"
)

// elsewhere answers statements about objects that are not there.
func elsewhere(stmt ast.Statement) error {
	words := strings.Fields(ast.SQL(stmt))
	text := " " + strings.Join(words[:min(len(words), 5)], " ") + " "
	for _, x := range []struct{ word, why string }{
		{" MATERIALIZED TABLE", noMaterialized}, {" MODEL", noModels}, {" CONNECTION", noConnections},
	} {
		if strings.Contains(text, x.word+" ") || strings.Contains(text, x.word+"S ") {
			return diag.At(stmt.Position(), "%s", x.why)
		}
	}
	return diag.Unsupported(stmt.Position(), kindOf(stmt))
}
