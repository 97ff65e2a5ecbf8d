package raw

import (
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"example.com/integrations/shared/markup"
)

// An end is where a link ends: where the bracket behind its text is, and where
// what follows the link begins.
type end struct{ tail, to int }

// ends is where the parser puts the ends of links, which the nodes do not have.
var ends = parser.NewContextKey()

// A linkParser reads links and notes their ends.
type linkParser struct{ parser.InlineParser }

// Parse reads a link.
func (p linkParser) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	_, at := block.PeekLine()
	n := p.InlineParser.Parse(parent, block, pc)
	if n == nil || n.Kind() != ast.KindLink && n.Kind() != ast.KindImage {
		return n
	}

	_, behind := block.Position()
	if all, ok := pc.Get(ends).(map[ast.Node]end); ok {
		all[n] = end{at.Start, behind.Start}
	}

	return n
}

// CloseBlock ends a paragraph.
func (p linkParser) CloseBlock(parent ast.Node, block text.Reader, pc parser.Context) {
	if closer, ok := p.InlineParser.(parser.CloseBlocker); ok {
		closer.CloseBlock(parent, block, pc)
	}
}

// linkMarkdown finds links. Bare addresses are text to it: what stands in one may be
// part of a link for a server.
var linkMarkdown = goldmark.New(
	goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.TaskList),
	goldmark.WithParserOptions(parser.WithInlineParsers(util.Prioritized(linkParser{parser.NewLinkParser()}, 150))),
).Parser()

// parse reads Markdown. Positions are those of the source.
func parse(source string) (ast.Node, map[ast.Node]end) {
	all := map[ast.Node]end{}
	pc := parser.NewContext()
	pc.Set(ends, all)

	return linkMarkdown.Parse(text.NewReader([]byte(maskLinks(source))), parser.WithContext(pc)), all
}

// long finds the lines that take long to read.
func long(lines []string) []bool {
	found := make([]bool, len(lines))
	signs := 0
	for i, line := range lines {
		if strings.TrimSpace(line) == "" || item.MatchString(line) {
			signs = 0
		}

		signs += markup.Signs(line)
		if markup.Nesting(line) > markup.MaxNesting {
			signs = markup.MaxSigns + 1 // what begins on this line may go on in the next one
		}

		found[i] = signs > markup.MaxSigns
	}

	return found
}

// item is a line that begins a list item, whatever is before it.
var item = regexp.MustCompile(`^ {0,3}[-+*] +[^ ]`)

// breakLong breaks the links of lines that take long to read, and the definitions
// that links there could use.
func breakLong(source string) string {
	lines := strings.Split(source, "\n")
	broken := false
	for i, is := range long(lines) {
		if is && strings.ContainsAny(lines[i], "[]") {
			lines[i] = BreakLinks(lines[i])
			broken = true
		}
	}

	if !broken {
		return source
	}

	return definition.ReplaceAllString(strings.Join(lines, "\n"), "]"+breaker+":")
}

var definition = regexp.MustCompile(`\]:`)

// maskLinks is the source with other signs in the place of those that take long to
// read. Its length is the same.
func maskLinks(source string) string {
	lines := strings.Split(source, "\n")
	for i, is := range long(lines) {
		if is {
			lines[i] = maskLine(lines[i])
		}
	}

	return strings.Join(lines, "\n")
}

// maskLine hides all signs of a line that could be read, but for the fence that it may
// be.
func maskLine(line string) string {
	fence := strings.TrimLeft(line, " ")
	if strings.HasPrefix(fence, "~~~") || strings.HasPrefix(fence, "```") {
		return line
	}

	out := []byte(line)
	for i, c := range out {
		if strings.IndexByte("[]*_~<>+-.)", c) >= 0 {
			out[i] = 'x'
		}
	}

	return string(out)
}
