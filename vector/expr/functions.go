package expr

import "maps"

// functions returns how each function is compiled, by name. What a function
// does, and for which types, stands where its family is.
func functions() map[string]maker {
	all := make(map[string]maker, 256)
	for _, family := range []map[string]maker{
		logicFunctions(), choiceFunctions(), compareFunctions(), arithmeticFunctions(), castFunctions(),
		mathFunctions(), textFunctions(), patternFunctions(), codecFunctions(), timeFunctions(), collectionFunctions(),
		arrayFunctions(), jsonFunctions(), variantFunctions(), constraintFunctions(),
	} {
		maps.Copy(all, family)
	}
	return all
}
