package main

import (
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"strings"
)

// largeTypes are types with more methods than allowed.
func largeTypes(files []*source, allowed int) []string {
	count := map[string]int{}
	for _, f := range files {
		for _, declared := range f.tree.Decls {
			function, ok := declared.(*ast.FuncDecl)
			if ok && function.Recv.NumFields() > 0 {
				count[f.folder+"."+receiver(function)]++
			}
		}
	}

	var large []string
	for _, name := range slices.Sorted(maps.Keys(count)) {
		if count[name] > allowed {
			large = append(large, fmt.Sprintf("%s: %d methods", name, count[name]))
		}
	}

	return large
}

// receiver is the name of the type that a method belongs to.
func receiver(function *ast.FuncDecl) string {
	kind := function.Recv.List[0].Type
	if pointer, ok := kind.(*ast.StarExpr); ok {
		kind = pointer.X
	}

	switch generic := kind.(type) {
	case *ast.IndexExpr:
		kind = generic.X
	case *ast.IndexListExpr:
		kind = generic.X
	}

	if name, ok := kind.(*ast.Ident); ok {
		return name.Name
	}

	return "?"
}

// wideStructs are structs with more fields than allowed. A type on the wire, all of
// whose fields have a tag, mirrors a document that others define.
func wideStructs(files []*source, allowed int) []string {
	var wide []string
	for _, f := range files {
		ast.Inspect(f.tree, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}

			fields, ok := spec.Type.(*ast.StructType)
			if !ok || onTheWire(fields) {
				return true
			}

			n2 := fields.Fields.NumFields()
			reason := wideFor[f.folder+"."+spec.Name.Name]
			if n2 > allowed && reason == "" {
				wide = append(wide, fmt.Sprintf("%s %s: %d fields", f.at(spec), spec.Name.Name, n2))
			}

			return true
		})
	}

	return wide
}

func onTheWire(fields *ast.StructType) bool {
	for _, field := range fields.Fields.List {
		if field.Tag == nil && len(field.Names) > 0 {
			return false
		}
	}

	return true
}

// wideFor says of structs why they may have more fields than others: each is a
// record of the table or a document, whose members are its fields.
var wideFor = map[string]string{}

// undocumented are exported names at the top of a file without a comment. A comment
// above a group of constants or variables counts for all of them.
func undocumented(files []*source) []string {
	var found []string
	for _, f := range files {
		if f.tree.Name.Name == "main" {
			continue
		}

		for _, declared := range f.tree.Decls {
			switch d := declared.(type) {
			case *ast.FuncDecl:
				hidden := d.Recv.NumFields() > 0 && !ast.IsExported(receiver(d))
				if d.Name.IsExported() && d.Doc == nil && !hidden && !implied(d) {
					found = append(found, f.at(d)+" "+d.Name.Name)
				}

			case *ast.GenDecl:
				found = append(found, undocumentedSpecs(f, d)...)
			}
		}
	}

	return found
}

// implied reports whether the name of a method implies what it does, because an
// interface of the standard library asks for it.
func implied(method *ast.FuncDecl) bool {
	known := []string{"Error", "Unwrap", "Is", "String", "MarshalJSON", "UnmarshalJSON", "Len", "Less", "Swap", "ServeHTTP", "Read", "Write", "Close"}

	return method.Recv.NumFields() > 0 && slices.Contains(known, method.Name.Name)
}

func undocumentedSpecs(f *source, group *ast.GenDecl) []string {
	var found []string
	for _, spec := range group.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc == nil && group.Doc == nil {
				found = append(found, f.at(s)+" "+s.Name.Name)
			}
		case *ast.ValueSpec:
			if s.Doc != nil || s.Comment != nil || group.Doc != nil {
				continue
			}

			for _, name := range s.Names {
				if name.IsExported() {
					found = append(found, f.at(name)+" "+name.Name)
				}
			}
		}
	}

	return found
}

// rooms are the packages of one part of the house from the ground up. None may
// import one that stands behind it.
var rooms = [][]string{}

// upward are imports from a lower to a higher room.
func upward(files []*source) []string {
	var found []string
	for _, house := range rooms {
		floor := map[string]int{}
		for i, room := range house {
			floor[room] = i + 1
		}

		for _, f := range files {
			for _, imported := range f.tree.Imports {
				path := strings.Trim(imported.Path.Value, `"`)
				for room, at := range floor {
					if floor[f.folder] > 0 && strings.HasSuffix(path, "/"+room) && at > floor[f.folder] {
						found = append(found, f.path+" imports "+room)
					}
				}
			}
		}
	}

	slices.Sort(found)

	return found
}
