package ast

// JSONValue is JSON_VALUE(input, path [RETURNING type] [… ON EMPTY] [… ON ERROR]).
type JSONValue struct {
	Pos
	Input     Expr
	Path      Expr
	Returning *DataType // nil if not given
	OnEmpty   JSONFallback
	OnError   JSONFallback
}

// JSONQuery is JSON_QUERY(input, path [RETURNING type] [wrapper WRAPPER] [… ON EMPTY] [… ON ERROR]).
type JSONQuery struct {
	Pos
	Input     Expr
	Path      Expr
	Returning *DataType // nil if not given
	Wrapper   JSONWrapper
	OnEmpty   JSONFallback
	OnError   JSONFallback
}

// JSONExists is JSON_EXISTS(input, path [TRUE | FALSE | UNKNOWN | ERROR ON ERROR]).
type JSONExists struct {
	Pos
	Input   Expr
	Path    Expr
	OnError JSONFallback
}

// JSONObject is JSON_OBJECT(KEY k VALUE v, …) or, with Aggregate set,
// JSON_OBJECTAGG(KEY k VALUE v), which has one entry.
type JSONObject struct {
	Pos
	Aggregate bool
	Entries   []JSONEntry
	Nulls     JSONNulls
	Filter    Expr // of the aggregate
	Over      *Window
}

// JSONEntry is one pair of a JSONObject.
type JSONEntry struct {
	Key   Expr
	Value Expr
}

// JSONArray is JSON_ARRAY(a, b) or, with Aggregate set, JSON_ARRAYAGG(a), which has one element.
type JSONArray struct {
	Pos
	Aggregate bool
	Elems     []Expr
	OrderBy   []OrderItem // of the aggregate
	Nulls     JSONNulls
	Filter    Expr // of the aggregate
	Over      *Window
}

// JSONNulls is what a constructor does with NULL.
type JSONNulls uint8

// The treatments of NULL by JSON constructors. The default is NULL ON NULL for
// objects and ABSENT ON NULL for arrays.
const (
	JSONNullsDefault JSONNulls = iota
	JSONNullOnNull
	JSONAbsentOnNull
)

// JSONWrapper is what JSON_QUERY puts around its result.
type JSONWrapper uint8

// The wrappers of JSON_QUERY.
const (
	JSONWrapperDefault JSONWrapper = iota
	JSONWithoutWrapper
	JSONWithConditionalWrapper
	JSONWithUnconditionalWrapper
)

// JSONFallback is what stands before ON EMPTY and ON ERROR.
type JSONFallback struct {
	Kind    JSONFallbackKind
	Default Expr // of JSONDefault
}

// JSONFallbackKind is the kind of a JSONFallback.
type JSONFallbackKind uint8

// The answers to an empty result or an error.
const (
	JSONUnset JSONFallbackKind = iota
	JSONNull
	JSONError
	JSONEmptyArray
	JSONEmptyObject
	JSONTrue
	JSONFalse
	JSONUnknown
	JSONDefault
)

func (k JSONFallbackKind) String() string {
	return [...]string{"", "NULL", "ERROR", "EMPTY ARRAY", "EMPTY OBJECT", "TRUE", "FALSE", "UNKNOWN", "DEFAULT"}[k]
}
