package main

import (
	"fmt"
	"go/ast"
	"strings"
)

// body is what was found in the functions of all files.
type body struct {
	lengths []int
	lines   int // of all bodies, without the lines of their braces
	blank   int
	long    []string // over the limit of lines
	triples []string // assignments of three values or more
	wide    []string // too many parameters or results
}

// bodies goes through all functions with a name.
func bodies(files []*source) body {
	var b body
	for _, f := range files {
		for _, declared := range f.tree.Decls {
			function, ok := declared.(*ast.FuncDecl)
			if ok && function.Body != nil {
				b.add(f, function)
			}
		}
	}

	return b
}

func (b *body) add(f *source, function *ast.FuncDecl) {
	length := f.line(function.End()) - f.line(function.Pos()) + 1
	b.lengths = append(b.lengths, length)
	if length > mostLength {
		b.long = append(b.long, fmt.Sprintf("%s %s: %d lines", f.at(function), function.Name.Name, length))
	}

	parameters := function.Type.Params.NumFields()
	results := function.Type.Results.NumFields()
	if parameters > mostParameters || results > mostResults {
		b.wide = append(b.wide, fmt.Sprintf("%s %s: %d parameters, %d results", f.at(function), function.Name.Name, parameters, results))
	}

	for line := f.line(function.Body.Lbrace) + 1; line < f.line(function.Body.Rbrace); line++ {
		b.lines++
		if strings.TrimSpace(f.lines[line-1]) == "" {
			b.blank++
		}
	}

	ast.Inspect(function.Body, func(n ast.Node) bool {
		assigned, ok := n.(*ast.AssignStmt)
		if ok && len(assigned.Lhs) >= 3 && len(assigned.Rhs) == len(assigned.Lhs) {
			b.triples = append(b.triples, f.at(n))
		}

		return true
	})
}

// codeIn counts the lines below a folder that are neither blank nor comments.
func codeIn(files []*source, folder string) int {
	n := 0
	for _, f := range files {
		if !below(f.folder, folder) {
			continue
		}

		for _, code := range f.code {
			if code {
				n++
			}
		}
	}

	return n
}

// below reports whether a folder is another one or is in it.
func below(folder, other string) bool {
	return folder == other || strings.HasPrefix(folder, other+"/")
}
