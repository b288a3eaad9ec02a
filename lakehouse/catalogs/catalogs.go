// Package catalogs adds kinds of Iceberg catalogs: REST servers, the Hive
// Metastore, AWS Glue and PostgreSQL. It is a package of its own so that a
// program that needs none of them links none of their clients:
//
//	env, err := wadi.Local(wadi.Options{Catalogs: catalogs.Openers()})
package catalogs

import (
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
)

// Openers are the values of 'catalog-type' and what opens them; under
// "jdbc:<database>", those of a jdbc catalog's 'uri'.
func Openers() map[string]catalog.Opener {
	return map[string]catalog.Opener{
		"rest": openREST, "hive": openHive, "glue": openGlue,
		"jdbc:postgresql": openPostgres,
	}
}
