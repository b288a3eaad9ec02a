package sql

import (
	"maps"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/function"
)

// knownClasses are classes of Java whose functions are built in.
var knownClasses = map[string]string{"com.github.nexmark.flink.udf.CountChar": "COUNT_CHAR"}

// Define adds a function of the user, under its own name.
func (s *Session) Define(name string, u function.User) error {
	if err := s.functions.Define(name, u); err != nil {
		return err
	}
	s.goFunctions[strings.ToUpper(name)] = true
	return nil
}

// createFunction gives a function that is registered in Go, or one of a class
// that is known here, a name of the user's.
func (s *Session) createFunction(q *ast.CreateFunction) (Result, error) {
	name := strings.ToUpper(q.Name.Last())
	if _, there := s.created[name]; there {
		if q.IfNotExists {
			return ok()
		}
		return nil, diag.At(q.Name.Pos, "there is a function %s already", name)
	}
	of, err := s.functionOf(q.Pos, q.Class, q.Language, q.Jars)
	if err != nil {
		return nil, err
	}
	if err := s.functions.Alias(name, of); err != nil {
		if q.IfNotExists {
			return ok()
		}
		return nil, diag.Wrap(q.Name.Pos, err)
	}
	s.created[name] = q.Class.Value
	return ok()
}

// functionOf is the function behind a class or a name of Go.
func (s *Session) functionOf(pos ast.Pos, class ast.Text, language string, jars []ast.Text) (string, error) {
	if of, ok := knownClasses[class.Value]; ok {
		return of, nil
	}
	if s.goFunctions[strings.ToUpper(class.Value)] && (language == "" || language == "GO") {
		return class.Value, nil
	}
	registered := slices.Sorted(maps.Keys(s.goFunctions))
	there := "none is registered"
	if len(registered) > 0 {
		there = "registered are " + strings.Join(registered, ", ")
	}
	if len(jars) > 0 {
		return "", diag.At(pos, "code of Java does not run here, and no JAR is read: write the function in Go, register it with wadi.Options.Functions, and name it with AS 'name' LANGUAGE GO; %s", there)
	}
	return "", diag.At(pos, "'%s' is no function here: code of Java, Scala and Python does not run; write it in Go, register it with wadi.Options.Functions, and name it with AS 'name' LANGUAGE GO; %s", class.Value, there)
}

// alterFunction gives a created name another function.
func (s *Session) alterFunction(q *ast.AlterFunction) (Result, error) {
	name := strings.ToUpper(q.Name.Last())
	if _, there := s.created[name]; !there {
		if q.IfExists {
			return ok()
		}
		return nil, diag.At(q.Name.Pos, "no function %s was created", name)
	}
	of, err := s.functionOf(q.Pos, q.Class, q.Language, nil)
	if err != nil {
		return nil, err
	}
	s.functions.Remove(name)
	if err := s.functions.Alias(name, of); err != nil {
		return nil, diag.Wrap(q.Name.Pos, err)
	}
	s.created[name] = q.Class.Value
	return ok()
}

// dropFunction forgets a created name; what is built in stays.
func (s *Session) dropFunction(q *ast.Drop) (Result, error) {
	name := strings.ToUpper(q.Name.Last())
	if _, there := s.created[name]; !there {
		if q.IfExists {
			return ok()
		}
		if s.functions.Has(name) {
			return nil, diag.At(q.Name.Pos, "function %s is built in, and stays", name)
		}
		return nil, diag.At(q.Name.Pos, "no function %s was created", name)
	}
	delete(s.created, name)
	s.functions.Remove(name)
	return ok()
}

// userFunctions are the functions of the user, sorted.
func (s *Session) userFunctions() []string {
	names := append(slices.Collect(maps.Keys(s.created)), slices.Collect(maps.Keys(s.goFunctions))...)
	slices.Sort(names)
	return slices.Compact(names)
}

// noJar answers ADD JAR and REMOVE JAR.
func noJar(pos ast.Pos) error {
	return diag.At(pos, "code of Java does not run here, and no JAR is read: connectors and formats are built in, and functions are written in Go, registered with wadi.Options.Functions")
}
