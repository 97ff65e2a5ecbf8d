package markup

import "strings"

// A fence is an open fenced code block.
type fence struct {
	mark  byte
	width int
}

// opening reads a line that certainly opens a code block: its fence begins in
// the first column, where no list, quotation or paragraph can swallow it.
// Fences further in are not believed to hold code, because where they end
// depends on what they are in.
func opening(line string) (f fence, info string, ok bool) {
	if line == "" || (line[0] != '`' && line[0] != '~') {
		return fence{}, "", false
	}

	f = fence{mark: line[0], width: run(line, 0)}
	info = strings.Trim(line[f.width:], " \t")
	if f.width < 3 || (f.mark == '`' && strings.ContainsRune(info, '`')) {
		return fence{}, "", false
	}

	return f, info, true
}

// closes reports whether a line ends the block.
func (f fence) closes(line string) bool {
	text := strings.TrimLeft(line, " ")
	if len(line)-len(text) > 3 || text == "" || text[0] != f.mark {
		return false
	}

	width := run(text, 0)
	return width >= f.width && strings.Trim(text[width:], " \t") == ""
}

func (f fence) String() string { return strings.Repeat(string(f.mark), f.width) }

// run is how often the byte at i stands there in a row.
func run(text string, i int) int {
	end := i
	for end < len(text) && text[end] == text[i] {
		end++
	}
	return end - i
}

// openAtEnd gives the fence that text leaves open.
func openAtEnd(text string) (open fence, ok bool) {
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case ok && open.closes(line):
			ok = false
		case !ok:
			open, _, ok = opening(line)
		}
	}

	return open, ok
}

// maxFence is the widest fence a cut keeps room to close.
const maxFence = 64

// CutMarkdown is Cut for Markdown that Disarm has seen. What the cut goes
// through must not come to life: a code block or details left open are closed, a
// code span, a link or a tag gone through is left out. The suffix stands in a paragraph
// of its own.
func CutMarkdown(text string, max int, suffix string) string {
	if Count(text) <= max {
		return text
	}

	if suffix != "" {
		suffix = "\n\n" + suffix
	}

	room := max - Count(suffix)
	if room < 2*maxFence {
		room = max
		suffix = ""
	}

	kept := safeHead(text, room)
	_, open := openAtEnd(kept)
	folds := openFolds(kept)
	if !open && folds == 0 {
		return strings.TrimRight(kept, " \t\n") + suffix
	}

	room = max - Count(suffix) - maxFence - 1
	if strings.Contains(kept, detailsOpen) {
		room -= maxFolds * len("\n\n"+detailsClose)
	}

	kept = safeHead(text, room)
	if f, open := openAtEnd(kept); open {
		kept = strings.TrimRight(kept, "\n") + "\n" + f.String()
	}

	kept = strings.TrimRight(kept, " \t\n")
	for range openFolds(kept) {
		kept += "\n\n" + detailsClose
	}

	return kept + suffix
}

// safeHead is head without a fence, a code span, a link or a tag that is only half
// there.
func safeHead(text string, max int) string {
	kept := head(text, max)
	start := strings.LastIndexByte(kept, '\n') + 1
	last := strings.TrimLeft(kept[start:], " ")
	if last != "" && (last[0] == '`' || last[0] == '~' || last[0] == '<') {
		return kept[:start]
	}

	line, _, _ := strings.Cut(text[start:], "\n")
	list, _ := spans(line)
	for _, s := range list {
		if at := len(kept) - start; s.from < at && at < s.to {
			return kept[:start+s.from]
		}
	}

	cut := wholeLink(line, len(kept)-start)

	return kept[:start+wholeTags(line, list, cut)]
}

// rendered are the languages GitHub draws instead of showing them.
var rendered = map[string]bool{"mermaid": true, "geojson": true, "topojson": true, "stl": true, "math": true, "suggestion": true}

// language is the info string's language if it is a plain one.
func language(info string) string {
	word, _, _ := strings.Cut(strings.TrimLeft(info, " \t{."), " ")
	word = strings.TrimRight(word, "}\t")
	if len(word) > 30 || rendered[strings.ToLower(word)] {
		return ""
	}

	for i := range len(word) {
		if c := word[i]; !alnum(c) && strings.IndexByte("+-._#", c) < 0 {
			return ""
		}
	}

	return word
}

func alnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
