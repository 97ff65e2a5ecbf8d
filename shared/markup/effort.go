package markup

import "strings"

// Reading Markdown takes time that grows with the square of what must be paired.
// A caller of the parser removes what is beyond these bounds: people do not write
// it.
const (
	// MaxNesting is how deep quotations and lists may be in one another.
	MaxNesting = 24
	// MaxSigns is how many brackets, signs of emphasis and tags a paragraph may
	// have.
	MaxSigns = 1000
)

// PairedSigns are the signs that MaxSigns counts.
const PairedSigns = "[]*_~<"

// Signs counts the PairedSigns of a line.
func Signs(line string) int {
	n := 0
	for i := range len(line) {
		if strings.IndexByte(PairedSigns, line[i]) >= 0 {
			n++
		}
	}

	return n
}

// Nesting is about how many quotations and list items a line opens, each four
// columns of indentation counting as one.
func Nesting(line string) int {
	n := 0
	spaces := 0
	for i := range len(line) {
		switch c := line[i]; {
		case c == ' ':
			spaces++
		case c == '\t':
			spaces += 4
		case strings.IndexByte(">-+*.)", c) >= 0:
			n++
		case c < '0' || c > '9':
			return n + spaces/4
		}
	}

	return n + spaces/4
}
