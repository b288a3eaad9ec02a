package function

import "github.com/wadi-engine/wadi/sql/datatype"

// scalarLines is the catalogue: names (the first is the usual one), signature,
// kernel, and a rule for the result where the signature cannot say it. A name
// on several lines is overloaded; the first line that fits counts.
var scalarLines = []struct {
	names, sig, fn string
	with           rule
	volatile       bool
}{
	// Numbers.
	{names: "ABS", sig: "n > 0", fn: "abs"},
	{names: "SIGN", sig: "n > 0", fn: "sign"},
	{names: "CEIL CEILING", sig: "n > 0", fn: "ceil", with: wholeResult},
	{names: "FLOOR", sig: "n > 0", fn: "floor", with: wholeResult},
	{names: "ROUND", sig: "n i? > 0", fn: "round", with: roundResult},
	{names: "TRUNCATE", sig: "n i? > 0", fn: "truncate", with: roundResult},
	{names: "MOD", sig: "n n > n", fn: "mod", with: modResult},
	{names: "POWER POW", sig: "d d > d", fn: "power"},
	{names: "SQRT", sig: "d > d", fn: "sqrt"},
	{names: "EXP", sig: "d > d", fn: "exp"},
	{names: "LN", sig: "d > d", fn: "ln"},
	{names: "LOG", sig: "d > d", fn: "ln"},
	{names: "LOG", sig: "d d > d", fn: "log"},
	{names: "LOG10", sig: "d > d", fn: "log10"},
	{names: "LOG2", sig: "d > d", fn: "log2"},
	{names: "SIN", sig: "d > d", fn: "sin"},
	{names: "COS", sig: "d > d", fn: "cos"},
	{names: "TAN", sig: "d > d", fn: "tan"},
	{names: "COT", sig: "d > d", fn: "cot"},
	{names: "ASIN", sig: "d > d", fn: "asin"},
	{names: "ACOS", sig: "d > d", fn: "acos"},
	{names: "ATAN", sig: "d > d", fn: "atan"},
	{names: "SINH", sig: "d > d", fn: "sinh"},
	{names: "COSH", sig: "d > d", fn: "cosh"},
	{names: "TANH", sig: "d > d", fn: "tanh"},
	{names: "ATAN2", sig: "d d > d", fn: "atan2"},
	{names: "DEGREES", sig: "d > d", fn: "degrees"},
	{names: "RADIANS", sig: "d > d", fn: "radians"},
	{names: "PI", sig: "> d!", fn: "pi"},
	{names: "E", sig: "> d!", fn: "e"},
	{names: "RAND", sig: "i? > d!", fn: "rand", volatile: true},
	{names: "RAND_INTEGER", sig: "i i? > i", fn: "rand_integer", volatile: true},
	{names: "BIN", sig: "l > s", fn: "bin"},
	{names: "HEX", sig: "l > s", fn: "hex"},
	{names: "HEX", sig: "S > s", fn: "hex"},
	{names: "UNHEX", sig: "s > y~", fn: "unhex"},
	{names: "GREATEST", sig: "c c* > c", fn: "greatest"},
	{names: "LEAST", sig: "c c* > c", fn: "least"},

	// Conditions.
	{names: "IF", sig: "b c c > c", fn: "if", with: ifResult},
	{names: "IFNULL", sig: "c c > c", fn: "ifnull", with: coalesceResult},
	{names: "COALESCE", sig: "c c* > c", fn: "coalesce", with: coalesceResult},
	{names: "NULLIF", sig: "a a > 0~", fn: "nullif"},
	{names: "TYPEOF", sig: "a b? > s!", fn: "typeof"},

	// Strings.
	{names: "CHAR_LENGTH CHARACTER_LENGTH LENGTH", sig: "s > i", fn: "char_length"},
	{names: "UPPER UCASE", sig: "s > s", fn: "upper"},
	{names: "LOWER LCASE", sig: "s > s", fn: "lower"},
	{names: "INITCAP", sig: "s > s", fn: "initcap"},
	{names: "LTRIM", sig: "s s? > s", fn: "ltrim"},
	{names: "RTRIM", sig: "s s? > s", fn: "rtrim"},
	{names: "BTRIM", sig: "s s? > s", fn: "btrim"},
	{names: "TRIM", sig: "s > s", fn: "btrim"},
	{names: "SUBSTRING SUBSTR", sig: "s i i? > s", fn: "substring"},
	{names: "CONCAT", sig: "s s* > s", fn: "concat"},
	{names: "CONCAT_WS", sig: "s s* > s", fn: "concat_ws", with: firstNull(datatype.String)},
	{names: "POSITION", sig: "s s > i", fn: "position"},
	{names: "LOCATE", sig: "s s i? > i", fn: "locate"},
	{names: "INSTR", sig: "s s i? i? > i", fn: "instr"},
	{names: "REPLACE", sig: "s s s > s", fn: "replace"},
	{names: "TRANSLATE", sig: "s s s > s", fn: "translate"},
	{names: "REPEAT", sig: "s i > s", fn: "repeat"},
	{names: "REVERSE", sig: "s > s", fn: "reverse"},
	{names: "LEFT", sig: "s i > s", fn: "left"},
	{names: "RIGHT", sig: "s i > s", fn: "right"},
	{names: "LPAD", sig: "s i s > s~", fn: "lpad"},
	{names: "RPAD", sig: "s i s > s~", fn: "rpad"},
	{names: "OVERLAY", sig: "s s i i? > s", fn: "overlay"},
	{names: "ASCII", sig: "s > i", fn: "ascii"},
	{names: "COUNT_CHAR", sig: "s s > l!", fn: "count_char"},
	{names: "CHR", sig: "l > s", fn: "chr"},
	{names: "SPLIT_INDEX", sig: "s s i > s~", fn: "split_index"},
	{names: "SPLIT_INDEX", sig: "s i i > s~", fn: "split_index"},
	{names: "STR_TO_MAP", sig: "s > 0", fn: "str_to_map", with: always(datatype.MapOf(datatype.String, datatype.String))},
	{names: "STR_TO_MAP", sig: "s s s > 0", fn: "str_to_map", with: always(datatype.MapOf(datatype.String, datatype.String))},
	{names: "STARTSWITH", sig: "s s > b", fn: "startswith"},
	{names: "STARTSWITH", sig: "y y > b", fn: "startswith"},
	{names: "ENDSWITH", sig: "s s > b", fn: "endswith"},
	{names: "ENDSWITH", sig: "y y > b", fn: "endswith"},
	{names: "ELT", sig: "i s s* > s~", fn: "elt"},
	{names: "ELT", sig: "i y y* > y~", fn: "elt"},
	{names: "REGEXP", sig: "s s > b", fn: "regexp"},
	{names: "REGEXP_REPLACE", sig: "s s s > s~", fn: "regexp_replace"},
	{names: "REGEXP_EXTRACT", sig: "s s i? > s~", fn: "regexp_extract"},
	{names: "REGEXP_EXTRACT_ALL", sig: "s s i? > a~", fn: "regexp_extract_all", with: always(datatype.ArrayOf(datatype.String))},
	{names: "REGEXP_COUNT", sig: "s s > i~", fn: "regexp_count"},
	{names: "REGEXP_INSTR", sig: "s s > i~", fn: "regexp_instr"},
	{names: "REGEXP_SUBSTR", sig: "s s > s~", fn: "regexp_substr"},
	{names: "MD5", sig: "s > s", fn: "md5"},
	{names: "SHA1", sig: "s > s", fn: "sha1"},
	{names: "SHA224", sig: "s > s", fn: "sha224"},
	{names: "SHA256", sig: "s > s", fn: "sha256"},
	{names: "SHA384", sig: "s > s", fn: "sha384"},
	{names: "SHA512", sig: "s > s", fn: "sha512"},
	{names: "SHA2", sig: "s i > s~", fn: "sha2"},
	{names: "TO_BASE64", sig: "S > s", fn: "to_base64"},
	{names: "FROM_BASE64", sig: "s > s~", fn: "from_base64"},
	{names: "FROM_BASE64", sig: "y > s~", fn: "from_base64"},
	{names: "ENCODE", sig: "s s > y~", fn: "encode"},
	{names: "DECODE", sig: "y s > s~", fn: "decode"},
	{names: "UUID", sig: "> s!", fn: "uuid", volatile: true},
	{names: "PARSE_URL", sig: "s s s? > s~", fn: "parse_url"},
	{names: "URL_ENCODE", sig: "s > s~", fn: "url_encode"},
	{names: "URL_DECODE", sig: "s > s~", fn: "url_decode"},
	{names: "IS_ALPHA", sig: "s > b!", fn: "is_alpha"},
	{names: "IS_DIGIT", sig: "s > b!", fn: "is_digit"},
	{names: "IS_DECIMAL", sig: "s > b!", fn: "is_decimal"},
	{names: "PRINTF", sig: "s a* > s~", fn: "printf"},
	{names: "HASH_CODE", sig: "a > i", fn: "hash_code"},

	// Dates and times.
	{names: "NOW CURRENT_TIMESTAMP", sig: "> z!", fn: "current_timestamp", volatile: true},
	{names: "CURRENT_ROW_TIMESTAMP", sig: "> z!", fn: "current_row_timestamp", volatile: true},
	{names: "CURRENT_DATE", sig: "> D!", fn: "current_date", volatile: true},
	{names: "CURRENT_TIME", sig: "> T!", fn: "current_time", volatile: true},
	{names: "LOCALTIME", sig: "> T!", fn: "localtime", volatile: true},
	{names: "LOCALTIMESTAMP", sig: "> p!", fn: "localtimestamp", volatile: true},
	{names: "DATE_FORMAT", sig: "t s > s", fn: "date_format"},
	{names: "DATE_FORMAT", sig: "s s > s", fn: "date_format"},
	{names: "TO_DATE", sig: "s s? > D~", fn: "to_date"},
	{names: "TO_TIMESTAMP", sig: "s s? > p~", fn: "to_timestamp"},
	{names: "TO_TIMESTAMP_LTZ", sig: "n i? > z~", fn: "to_timestamp_ltz", with: ltzResult},
	{names: "TO_TIMESTAMP_LTZ", sig: "s s? s? > z~", fn: "to_timestamp_ltz"},
	{names: "FROM_UNIXTIME", sig: "l s? > s", fn: "from_unixtime"},
	{names: "UNIX_TIMESTAMP", sig: "> l!", fn: "unix_timestamp", volatile: true},
	{names: "UNIX_TIMESTAMP", sig: "s s? > l", fn: "unix_timestamp"},
	{names: "CONVERT_TZ", sig: "s s s > s~", fn: "convert_tz"},

	// Collections.
	{names: "CARDINALITY", sig: "A > i", fn: "cardinality"},
	{names: "CARDINALITY", sig: "M > i", fn: "cardinality"},
	{names: "ELEMENT", sig: "A > E~", fn: "element"},
	{names: "ARRAY_CONTAINS", sig: "L m > b", fn: "array_contains"},
	{names: "ARRAY_DISTINCT", sig: "A > 0", fn: "array_distinct"},
	{names: "ARRAY_POSITION", sig: "L m > i", fn: "array_position"},
	{names: "ARRAY_REVERSE", sig: "A > 0", fn: "array_reverse"},
	{names: "ARRAY_MAX", sig: "O > E~", fn: "array_max"},
	{names: "ARRAY_MIN", sig: "O > E~", fn: "array_min"},
	{names: "ARRAY_JOIN", sig: "J s s? > s", fn: "array_join"},
	{names: "ARRAY_APPEND", sig: "L m > L", fn: "array_append"},
	{names: "ARRAY_PREPEND", sig: "L m > L", fn: "array_prepend"},
	{names: "ARRAY_REMOVE", sig: "L m > L", fn: "array_remove"},
	{names: "ARRAY_CONCAT", sig: "L L* > L", fn: "array_concat"},
	{names: "ARRAY_UNION", sig: "L L > L", fn: "array_union"},
	{names: "ARRAY_EXCEPT", sig: "L L > L", fn: "array_except"},
	{names: "ARRAY_INTERSECT", sig: "L L > L", fn: "array_intersect"},
	{names: "ARRAY_SLICE", sig: "A i i? > 0", fn: "array_slice"},
	{names: "ARRAY_SORT", sig: "O b? b? > 0", fn: "array_sort"},
	{names: "MAP_ENTRIES", sig: "M > a", fn: "map_entries", with: entriesResult},
	{names: "MAP_FROM_ARRAYS", sig: "A A > a", fn: "map_from_arrays", with: func(a []Arg) datatype.Type { return datatype.MapOf(*a[0].Type.Elem, *a[1].Type.Elem) }},
	{names: "MAP_UNION", sig: "N N* > N", fn: "map_union"},
	{names: "MAP_KEYS", sig: "M > a", fn: "map_keys", with: func(a []Arg) datatype.Type { return datatype.ArrayOf(*a[0].Type.Key) }},
	{names: "MAP_VALUES", sig: "M > a", fn: "map_values", with: func(a []Arg) datatype.Type { return datatype.ArrayOf(*a[0].Type.Elem) }},
	{names: "SPLIT", sig: "s s > a", fn: "split", with: always(datatype.ArrayOf(datatype.String))},

	// JSON.
	{names: "JSON_VALUE", sig: "s s > s~", fn: "json_value"},
	{names: "JSON_QUERY", sig: "s s > s~", fn: "json_query"},
	{names: "JSON_EXISTS", sig: "s s > b~", fn: "json_exists"},
	{names: "JSON_STRING", sig: "V > s", fn: "variant_json"},
	{names: "JSON_STRING", sig: "a > s", fn: "json_string"},
	{names: "PARSE_JSON", sig: "s b? > V", fn: "parse_json"},
	{names: "TRY_PARSE_JSON", sig: "s b? > V~", fn: "try_parse_json"},
	{names: "JSON_QUOTE", sig: "s > s", fn: "json_quote"},
	{names: "JSON_UNQUOTE", sig: "s > s", fn: "json_unquote"},
}

func always(t datatype.Type) rule { return func([]Arg) datatype.Type { return t } }

// firstNull gives t the nullability of the first argument alone.
func firstNull(t datatype.Type) rule { return always(t) }

// entriesResult is the type of MAP_ENTRIES.
func entriesResult(args []Arg) datatype.Type {
	m := args[0].Type
	return datatype.ArrayOf(datatype.RowOf(datatype.Field{Name: "key", Type: *m.Key}, datatype.Field{Name: "value", Type: *m.Elem}))
}

// wholeResult is the type of CEIL and FLOOR: DECIMAL loses its scale.
func wholeResult(args []Arg) datatype.Type {
	t := args[0].Type
	if t.Kind == datatype.Decimal {
		return datatype.DecimalOf(t.Precision, 0)
	}
	return t
}

// roundResult is the type of ROUND and TRUNCATE: the digits of a DECIMAL
// follow a constant second argument.
func roundResult(args []Arg) datatype.Type {
	t := args[0].Type
	if t.Kind != datatype.Decimal {
		return t
	}
	if len(args) == 1 {
		return datatype.Round(t, 0)
	}
	if digits, ok := args[1].Literal.(int64); ok {
		return datatype.Round(t, int(digits))
	}
	return t
}

// modResult is the type of MOD: for integers that of the divisor, as in SQL.
func modResult(args []Arg) datatype.Type {
	a, b := args[0].Type, args[1].Type
	if a.IsInteger() && b.IsInteger() {
		return b
	}
	return datatype.Arithmetic('%', a, b)
}

// ifResult ignores the nullability of the condition.
func ifResult(args []Arg) datatype.Type {
	t, _ := datatype.Common(args[1].Type, args[2].Type)
	return t
}

// coalesceResult is the common type.
func coalesceResult(args []Arg) datatype.Type {
	t := args[0].Type
	for _, a := range args[1:] {
		t, _ = datatype.Common(t, a.Type)
	}
	return t
}

// ltzResult is TIMESTAMP_LTZ(3), or (0) when the number counts seconds.
func ltzResult(args []Arg) datatype.Type {
	if len(args) == 2 {
		if p, ok := args[1].Literal.(int64); ok && p == 0 {
			return datatype.TimestampLTZOf(3)
		}
	}
	return datatype.TimestampLTZOf(3)
}
