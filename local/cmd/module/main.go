// Command module gives the Go module another path: in go.mod and in all imports.
// Use it to publish the module under a path of your own.
package main

import (
	"errors"
	"fmt"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: module example.com/integrations")
		os.Exit(2)
	}
	if err := rename(".", os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "module:", err)
		os.Exit(1)
	}
}

// skipped are folders without code of ours.
var skipped = []string{"node_modules", "build", "cdk.out", ".git", ".local"}

// rename changes the path of the module in root. Nothing is written if the new path
// is not one that can be imported.
func rename(root, to string) error {
	if err := module.CheckPath(to); err != nil {
		return err
	}
	gomod := filepath.Join(root, "go.mod")
	text, err := os.ReadFile(gomod)
	if err != nil {
		return err
	}
	from := modfile.ModulePath(text)
	if from == "" {
		return errors.New("go.mod names no module")
	}

	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(skipped, entry.Name()):
			return filepath.SkipDir
		case entry.IsDir(), filepath.Ext(path) != ".go":
			return nil
		}

		return imports(path, from, to)
	})
	if err != nil {
		return err
	}

	return writeModule(gomod, text, to)
}

// writeModule comes last: what was interrupted before can be done again.
func writeModule(path string, text []byte, to string) error {
	file, err := modfile.Parse(path, text, nil)
	if err != nil {
		return err
	}
	if err := file.AddModuleStmt(to); err != nil {
		return err
	}
	text, err = file.Format()
	if err != nil {
		return err
	}

	return os.WriteFile(path, text, 0o644)
}

// imports changes the imports of one file, and leaves it alone if it has none of the
// module.
func imports(path, from, to string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, text, parser.ImportsOnly)
	if err != nil {
		return err
	}

	var changed []byte
	at := 0
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		rest, own := strings.CutPrefix(imported, from)
		if !own || rest != "" && rest[0] != '/' {
			continue
		}
		changed = append(changed, text[at:set.Position(spec.Path.Pos()).Offset]...)
		changed = append(changed, strconv.Quote(to+rest)...)
		at = set.Position(spec.Path.End()).Offset
	}
	if at == 0 {
		return nil
	}

	// Another path may sort elsewhere among the imports.
	formatted, err := format.Source(append(changed, text[at:]...))
	if err != nil {
		return err
	}

	return os.WriteFile(path, formatted, 0o644)
}
