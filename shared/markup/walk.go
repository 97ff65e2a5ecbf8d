package markup

import (
	"regexp"
	"strings"
)

// breaker is U+200B: it cannot be seen, and no reference goes over it.
const breaker = "\u200b"

// A dialect is what is dangerous in one provider's Markdown.
type dialect interface {
	// text disarms what is not certainly code: a line or a part of one.
	text(part string) string
	// code disarms a code span or a line of a code block.
	code(part string) string
	// language is what of a fence's info string may stay.
	language(info string) string
	// target reports whether a link's target, which has no scheme, may stay as it is.
	target(to string) bool
}

// walk disarms a whole text.
func walk(d dialect, text string) string {
	w := walker{dialect: d}
	for line := range strings.SplitSeq(Lines(text), "\n") {
		w.line(line)
	}

	w.flush()
	if w.inside {
		w.out = append(w.out, w.fence.String())
	}

	for range w.folds {
		w.out = append(w.out, "", detailsClose)
	}

	return strings.Join(w.out, "\n")
}

// A walker works through a text line by line.
type walker struct {
	dialect
	out    []string
	block  []string // lines since the last blank one
	fence  fence
	indent int // of the open fence, taken off its lines
	inside bool

	items items
	folds int  // how many details are open
	html  bool // the last line belongs to a block of HTML
}

func (w *walker) line(line string) {
	if w.inside {
		w.codeLine(line)
		return
	}

	if w.items.within(line) {
		w.out = append(w.out, w.text(line))
		return
	}

	if w.foldLine(line) {
		w.items = items{}
		return
	}

	w.endHTML(line)
	if begun, ok := w.items.opens(line); ok {
		w.flush()
		w.items.follow(line)
		w.out = append(w.out, line[:begun.at]+begun.fence.String()+w.language(begun.info))
		return
	}

	w.items.follow(line)
	// A fence may be indented by up to three spaces. Without them it is a fence
	// whatever is around it.
	bare := strings.TrimLeft(line, " ")
	indent := len(line) - len(bare)
	if f, info, ok := opening(bare); ok && indent <= 3 {
		if f.width > maxFence {
			w.block = append(w.block, breaker+bare)
			return
		}

		w.flush()
		w.items = items{}
		w.fence = f
		w.indent = indent
		w.inside = true
		w.out = append(w.out, f.String()+w.language(info))

		return
	}

	if strings.Trim(line, " \t") == "" {
		w.flush()
		w.out = append(w.out, line)
		return
	}

	w.block = append(w.block, line)
}

func (w *walker) codeLine(line string) {
	if w.fence.closes(line) {
		w.inside = false
		w.out = append(w.out, strings.TrimLeft(line, " "))
		return
	}

	text := line
	for range w.indent {
		text = strings.TrimPrefix(text, " ")
	}

	if w.fence.closes(text) {
		text = line // a fence that is too far in to close the block stays there
	}

	w.out = append(w.out, w.code(text))
}

// flush disarms the lines gathered: all of them, or all but their code spans
// and the tags that stay if there is no doubt about any.
func (w *walker) flush() {
	sure := certain(w.block)
	first := true // only definitions are before the line, indented as it is
	for _, line := range w.block {
		if !sure {
			w.out = append(w.out, w.text(line))
			continue
		}

		list, _ := spans(line)
		first = first && indentation(line) == indentation(w.block[0])
		w.out = append(w.out, w.tagged(line, list, w.targets(line, list, first)))
		first = first && definition.MatchString(line)
	}

	w.block = w.block[:0]
}

// indentation is how many spaces a line begins with.
func indentation(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// comment is how our marker begins: not even code may look like it.
var comment = regexp.MustCompile(`<!--(\s*integrations:)`)

func noMarker(code string) string { return comment.ReplaceAllString(code, "<"+breaker+"!--$1") }
