package main

import (
	"fmt"
	"slices"
	"strings"
)

// A place is a line of a file without blank lines and comments.
type place struct {
	file *source
	line int // its index among the lines with code
}

// copies are runs of equal lines in two packages below a folder. Blank lines,
// comments and indentation do not count.
func copies(files []*source, folder string, least int) []string {
	text := map[*source][]string{}
	number := map[*source][]int{}
	windows := map[string][]place{}
	for _, f := range files {
		if !below(f.folder, folder) {
			continue
		}

		for i, line := range f.lines {
			if f.code[i] {
				text[f] = append(text[f], strings.TrimSpace(line))
				number[f] = append(number[f], i+1)
			}
		}

		for i := 0; i+least <= len(text[f]); i++ {
			window := strings.Join(text[f][i:i+least], "\n")
			windows[window] = append(windows[window], place{f, i})
		}
	}

	var found []string
	for _, places := range windows {
		for i, a := range places {
			for _, b := range places[i+1:] {
				follows := a.line > 0 && b.line > 0 && text[a.file][a.line-1] == text[b.file][b.line-1]
				if a.file.folder == b.file.folder || follows {
					continue
				}

				length := least
				for a.line+length < len(text[a.file]) && b.line+length < len(text[b.file]) && text[a.file][a.line+length] == text[b.file][b.line+length] {
					length++
				}

				found = append(found, fmt.Sprintf("%d lines: %s:%d and %s:%d", length, a.file.path, number[a.file][a.line], b.file.path, number[b.file][b.line]))
			}
		}
	}

	slices.Sort(found)

	return found
}
