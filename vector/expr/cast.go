package expr

import (
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
)

// castFunctions convert between types by Flink's rules:
//
//	cast(x [, to [, from]])    fails for a value that cannot be converted
//	try_cast(x [, to [, from]])   makes it NULL
//
// The result has the Arrow type of the Call. Where that says less than Flink's
// type, string literals say the rest: to and from are Flink's names of the
// types, such as 'VARCHAR(5)', 'CHAR(3)', 'TIMESTAMP(2)' or 'TIME(0)'.
//
// Numbers narrow as in Java: integers and decimals wrap around, floats stop at
// the limits of INT and BIGINT. A number that a DECIMAL cannot hold is NULL.
func castFunctions() map[string]maker {
	return map[string]maker{"cast": makeCast(false), "try_cast": makeCast(true)}
}

// casting is one conversion.
type casting struct {
	from, to arrow.DataType
	try      bool
	shape    typeName // of the target
	source   typeName
	env      *Env
}

func makeCast(try bool) maker {
	return func(c *compiler, e *Call) (node, error) {
		if len(e.Args) < 1 || len(e.Args) > 3 {
			return nil, nil
		}
		k := casting{from: e.Args[0].Type(), to: e.Of, try: try, env: c.env}
		k.shape, k.source = noName, noName
		for i, name := range []*typeName{&k.shape, &k.source} {
			if len(e.Args) <= i+1 {
				break
			}
			l, ok := e.Args[i+1].(*Literal)
			text, isText := "", false
			if ok {
				text, isText = l.Value.(string)
			}
			if !isText {
				return nil, fmt.Errorf("argument %d of %s must be a string literal: the name of a type", i+2, e.Func)
			}
			var err error
			if *name, err = parseTypeName(text); err != nil {
				return nil, err
			}
		}
		if k.from.ID() == arrow.NULL {
			return c.node(&Literal{Of: k.to})
		}
		run := k.kernel()
		if run == nil {
			return nil, nil
		}
		n, err := c.call(e, run, e.Args[0])
		if err != nil {
			return nil, err
		}
		n.total = isNumeric(k.from) && isNumeric(k.to)
		return n, nil
	}
}

// kernel returns the loop for a conversion, or nil when Flink has none.
func (k casting) kernel() kernel {
	if sameLayout(k.from, k.to) {
		return k.sameType()
	}
	switch {
	case isNumeric(k.to) && (isNumeric(k.from) || isBool(k.from)):
		return k.number()
	case isBool(k.to) && isNumeric(k.from):
		return k.numberToBool()
	case isText(k.from):
		return k.fromText()
	case isText(k.to):
		return k.toText()
	case isText(k.to) && isBytes(k.from), isBytes(k.to) && isText(k.from):
		return k.bytes()
	}
	if isTemporal(k.from) && isTemporal(k.to) {
		return k.temporal()
	}
	if isInterval(k.from) || isInterval(k.to) {
		return k.interval()
	}
	if classOf(k.from) == classOf(k.to) {
		return k.nested()
	}
	return nil
}

// sameType changes only what the Arrow type does not say.
func (k casting) sameType() kernel {
	switch {
	case (isText(k.to) || isBytes(k.to)) && k.shape.n >= 0:
		return k.bytes()
	case k.shape.n >= 0 && (isTimestamp(k.to) || k.to.ID() == arrow.TIME32):
		return k.temporal()
	case len(k.shape.members) > 0, !arrow.TypeEqual(k.from, k.to): // the latter: members that may be NULL, or other names of fields
		return k.nested()
	}
	return func(_ *frame, args []value) (value, error) {
		args[0].Retain()
		return args[0], nil
	}
}

// errCast is wrapped by errors of values that cannot be converted.
var errCast = errors.New("cannot cast")

// bad is the error of a value that has no conversion, or NULL for TRY_CAST.
func (k casting) bad(text string, why error) error {
	if k.try {
		return errNull
	}
	to := k.shape.String()
	if to == "" {
		to = TypeName(k.to)
	}
	if len(text) > 64 {
		text = text[:64] + "…"
	}
	if why == nil {
		return fmt.Errorf("%w '%s' to %s", errCast, text, to)
	}
	return fmt.Errorf("%w '%s' to %s: %w", errCast, text, to, why)
}
