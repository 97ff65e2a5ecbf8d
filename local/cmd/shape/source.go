package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A source is a Go file.
type source struct {
	path   string // below the root, with slashes
	folder string
	test   bool
	lines  []string
	code   []bool // by line: holds more than a comment
	set    *token.FileSet
	tree   *ast.File
}

// skipped are folders without code of ours.
var skipped = []string{"node_modules", "build", "cdk.out", "testdata", ".git", ".local"}

// load reads all Go files of a module.
func load(root string) ([]*source, error) {
	var files []*source
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains(skipped, entry.Name()) {
			return filepath.SkipDir
		}
		if entry.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}

		f, err := read(root, path)
		if err != nil {
			return err
		}

		files = append(files, f)

		return nil
	})

	return files, err
}

func read(root, path string) (*source, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}

	below, err := filepath.Rel(root, path)
	if err != nil {
		return nil, err
	}

	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, path, text, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", below, err)
	}

	f := &source{
		path:   filepath.ToSlash(below),
		folder: filepath.ToSlash(filepath.Dir(below)),
		test:   strings.HasSuffix(path, "_test.go"),
		lines:  strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"),
		set:    set,
		tree:   tree,
	}

	f.code = f.codeLines()

	return f, nil
}

// codeLines says of each line whether it holds code.
func (f *source) codeLines() []bool {
	code := make([]bool, len(f.lines))
	for i, line := range f.lines {
		code[i] = strings.TrimSpace(line) != ""
	}

	for _, group := range f.tree.Comments {
		for _, comment := range group.List {
			from := f.set.Position(comment.Pos())
			to := f.set.Position(comment.End())
			for line := from.Line; line <= to.Line; line++ {
				alone := line > from.Line || strings.TrimSpace(f.lines[line-1][:from.Column-1]) == ""
				if alone {
					code[line-1] = false
				}
			}
		}
	}

	return code
}

// at says where a node is.
func (f *source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.path, f.line(n.Pos()))
}

func (f *source) line(p token.Pos) int { return f.set.Position(p).Line }
