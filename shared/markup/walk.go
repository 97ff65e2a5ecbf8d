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
}

func (w *walker) line(line string) {
	if w.inside {
		w.codeLine(line)
		return
	}
	// A fence may be indented by up to three spaces. Without them it is a fence
	// whatever is around it.
	bare := strings.TrimLeft(line, " ")
	indent := len(line) - len(bare)
	if f, info, ok := opening(bare); ok && indent <= 3 {
		w.flush()
		if f.width > maxFence {
			w.out = append(w.out, breaker+w.text(bare))
			return
		}
		w.fence, w.indent, w.inside = f, indent, true
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
	for range w.indent {
		line = strings.TrimPrefix(line, " ")
	}
	w.out = append(w.out, w.code(line))
}

// flush disarms the lines gathered: all of them, or all but their code spans
// if there is no doubt about any.
func (w *walker) flush() {
	sure := certain(w.block)
	for _, line := range w.block {
		var list []span
		if sure {
			list, _ = spans(line)
		}
		var out strings.Builder
		at := 0
		for _, s := range list {
			out.WriteString(w.text(line[at:s.from]))
			out.WriteString(w.code(line[s.from:s.to]))
			at = s.to
		}
		out.WriteString(w.text(line[at:]))
		w.out = append(w.out, out.String())
	}
	w.block = w.block[:0]
}

// comment is how our marker begins: not even code may look like it.
var comment = regexp.MustCompile(`<!--(\s*integrations:)`)

func noMarker(code string) string { return comment.ReplaceAllString(code, "<"+breaker+"!--$1") }
