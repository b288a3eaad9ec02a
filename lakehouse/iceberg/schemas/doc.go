// Package schemas maps between Iceberg's types, partition specs and sort orders
// and what the engine and SQL have for them: columns of Arrow, and texts such as
// 'day(ts), bucket(16, id)' and 'ts DESC NULLS LAST'.
package schemas
