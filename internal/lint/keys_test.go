package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/internal/config"
)

// readers are the names by which the code outside of tests and of the table
// reads keys: literals, and constants that are used. Keys are read by whole names.
func readers(t *testing.T) map[string]bool {
	t.Helper()
	literals := make(map[string]bool)
	constants := make(map[string][]string) // names by value
	used := make(map[string]int)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"testdata", "config", "conformance", "golden", "bench", "bin", ".git"}, d.Name()):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		constant := make(map[*ast.BasicLit]bool)
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GenDecl:
				for _, s := range n.Specs {
					v, ok := s.(*ast.ValueSpec)
					if !ok || n.Tok != token.CONST {
						continue
					}
					for i, e := range v.Values {
						if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
							constant[lit] = true
							text, _ := strconv.Unquote(lit.Value)
							constants[text] = append(constants[text], v.Names[i].Name)
						}
					}
				}
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && !constant[n] {
					literals[text] = true
				}
			case *ast.Ident:
				used[n.Name]++
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for text, names := range constants {
		for _, n := range names {
			if used[n] > 1 {
				literals[text] = true
			}
		}
	}
	return literals
}

// TestHonouredKeysAreRead: whoever says that a key is honoured reads it, and a key
// that is said to have no meaning is not read.
func TestHonouredKeysAreRead(t *testing.T) {
	read := readers(t)
	for _, k := range config.Keys() {
		switch {
		case k.Fate == config.Honoured && !read[k.Name]:
			t.Errorf("%s is honoured, and nobody reads it", k.Name)
		case k.Fate == config.Unread && len(k.Words) == 0 && read[k.Name]:
			t.Errorf("%s is read, and is not in honoured.go", k.Name)
		}
	}
}
