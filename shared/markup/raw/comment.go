package raw

import (
	"strings"

	"github.com/yuin/goldmark/ast"
)

// An extent is a part of the source: source[from:to].
type extent struct{ from, to int }

// Uncomment takes the comments out of Markdown. What is in code stays. A comment
// ends at the next --> outside of code, also where blank lines are in it, which
// CommonMark reads as text: what was written as a comment is not for readers. A
// comment that is not closed goes to the end of its block of HTML, as CommonMark
// reads it. Behind text in its line it is text.
func Uncomment(source string) string {
	if !strings.Contains(source, commentOpen) {
		return source
	}

	var code, blocks []extent
	walk(source, func(n ast.Node) {
		switch n := n.(type) {
		case *ast.CodeSpan:
			code = append(code, spanOf(n))
		case *ast.CodeBlock, *ast.FencedCodeBlock:
			code = append(code, linesOf(n))
		case *ast.HTMLBlock:
			if n.HTMLBlockType == ast.HTMLBlockType2 {
				blocks = append(blocks, htmlLines(n))
			}
		}
	})

	c := commenter{source: source, code: code, blocks: blocks}

	return cut(source, c.comments())
}

// A commenter finds the comments of a source. Code and blocks are in their order.
type commenter struct {
	source       string
	code, blocks []extent
	at           int // the first code that may be behind the place looked at
}

func (c *commenter) comments() []extent {
	var found []extent
	closed := true // false: no --> follows
	for i := 0; ; {
		begin := c.next(commentOpen, i)
		if begin < 0 {
			return found
		}

		i = begin + len(commentOpen)
		if escaped(c.source, begin) {
			continue
		}

		end := begin + commentEnd(c.source[begin:min(len(c.source), begin+len("<!--->"))])
		if short := c.source[begin:end]; short != "<!-->" && short != "<!--->" {
			end = -1
			if closed {
				end = c.next(commentClose, i)
			}

			closed = end >= 0
			end += len(commentClose)
		}

		if !closed {
			block, ok := c.block(begin)
			if !ok {
				continue
			}
			end = block.to
		}

		found = append(found, c.widened(begin, end))
		i = end
	}
}

// next is where a sign stands next outside of code, from a place on that is never
// before the last one, or -1.
func (c *commenter) next(sign string, from int) int {
	for {
		i := strings.Index(c.source[from:], sign)
		if i < 0 {
			return -1
		}

		i += from
		for c.at < len(c.code) && c.code[c.at].to <= i {
			c.at++
		}

		if c.at == len(c.code) || i < c.code[c.at].from {
			return i
		}

		from = c.code[c.at].to
	}
}

// block is the block of comments that a place is in.
func (c *commenter) block(at int) (extent, bool) {
	for len(c.blocks) > 0 && c.blocks[0].to <= at {
		c.blocks = c.blocks[1:]
	}

	if len(c.blocks) == 0 || at < c.blocks[0].from {
		return extent{}, false
	}

	return c.blocks[0], true
}

// far is how much of a line before a comment is looked at. Looking further costs
// time, and people do not write so.
const far = 256

// widened takes the white space with a comment that would stand around it to no
// purpose: what follows it where white space or the begin of a line is before it,
// what is before it at the end of a line, where two spaces would break the line,
// and the whole line if nothing else is on it and the next one is blank.
func (c *commenter) widened(begin, end int) extent {
	line := max(0, begin-far)
	line += strings.LastIndexByte(c.source[line:begin], '\n') + 1
	before := c.source[line:begin]
	behind := strings.TrimLeft(c.source[end:], " \t")
	ends := behind == "" || behind[0] == '\n'
	if ends && strings.TrimSpace(before) != "" {
		return extent{line + len(strings.TrimRight(before, " \t")), end}
	}

	if strings.Trim(before, " \t>") == "" || strings.HasSuffix(before, " ") {
		end = len(c.source) - len(behind)
	}

	if ends && behind != "" && before == strings.Repeat(" ", len(before)) {
		next := strings.TrimLeft(behind[1:], " \t")
		if next == "" || next[0] == '\n' {
			end++
			above := c.source[:line]
			if next != "" && (above == "" || strings.HasSuffix(above, "\n\n")) {
				end = len(c.source) - len(next) + 1 // two blank lines are one
			}
			return extent{line, end}
		}
	}

	return extent{begin, end}
}

// escaped reports whether a backslash takes the meaning of the sign at i.
func escaped(source string, i int) bool {
	n := 0
	for n < i && source[i-1-n] == '\\' {
		n++
	}

	return n%2 == 1
}

// cut is the source without some parts, which are in their order.
func cut(source string, parts []extent) string {
	var out strings.Builder
	at := 0
	for _, p := range parts {
		if p.from < at {
			p.from = at
		}

		if p.to <= p.from {
			continue
		}

		out.WriteString(source[at:p.from])
		at = p.to
	}

	out.WriteString(source[at:])

	return out.String()
}
