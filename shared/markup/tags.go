package markup

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// tags are the tags that stay tags in Markdown that Disarm has seen: GitHub and
// GitLab show them, they have no attributes, and none of them begins a block of
// HTML behind other text. All other tags become text.
var tags = regexp.MustCompile(`<(/?)(b|i|del|ins|code|sub|sup)>|<br>`)

// liveTags finds the tags of a line that stay, in their order. A style stays if both of its tags
// are on the line, outside of code: else it would go on behind the line, up to the
// end of the page.
func liveTags(line string, code []span) []span {
	if !strings.Contains(line, "<") {
		return nil
	}

	type open struct {
		name string
		at   span
	}
	var live []span
	var stack []open
	for _, m := range tags.FindAllStringSubmatchIndex(line, -1) {
		at := span{m[0], m[1]}
		for len(code) > 0 && code[0].to <= at.from {
			code = code[1:]
		}

		if len(code) > 0 && code[0].from < at.to || at.from > 0 && line[at.from-1] == '\\' {
			continue
		}

		name := ""
		if m[4] >= 0 {
			name = line[m[4]:m[5]]
		}

		switch {
		case name == "":
			live = append(live, at)
		case m[2] == m[3]:
			stack = append(stack, open{name, at})
		case len(stack) > 0 && stack[len(stack)-1].name == name:
			live = append(live, stack[len(stack)-1].at, at)
			stack = stack[:len(stack)-1]
		default:
			stack = nil // tags that cross are text
		}
	}

	slices.SortFunc(live, func(a, b span) int { return cmp.Compare(a.from, b.from) })

	return live
}

// opened is the tag as it may stand behind what is before it: where it could be
// the first sign of a line, it would begin a block of HTML, so an invisible sign
// is put before it.
func opened(before, tag string) string {
	word := before != "" && (alnum(before[len(before)-1]) || strings.HasSuffix(before, breaker))
	if word || strings.HasPrefix(tag, "</") {
		return tag
	}

	return breaker + tag
}

const (
	detailsOpen  = "<details>"
	detailsClose = "</details>"

	// maxFolds is how deep details may be in one another.
	maxFolds = 8
)

// summary is a line that is a summary.
var summary = regexp.MustCompile(`^<summary>(.*)</summary>$`)

// foldLine writes a line that begins or ends details, or is their summary, and
// reports whether it is one. In the first column such a line begins a block of
// HTML whatever is before it. The block ends at the next blank line, so one
// follows: what comes behind is Markdown again.
func (w *walker) foldLine(line string) bool {
	text := line
	switch m := summary.FindStringSubmatch(line); {
	case line == detailsOpen && w.folds < maxFolds:
	case line == detailsClose && w.folds > 0:
	case m != nil && w.folds > 0:
		text = "<summary>" + w.tagged(m[1], nil, nil) + "</summary>"
	default:
		return false
	}

	w.flush()
	w.out = append(w.out, text)
	w.html = true
	switch line {
	case detailsOpen:
		w.folds++
	case detailsClose:
		w.folds--
	}

	return true
}

// endHTML puts a blank line behind a block of HTML if there is none.
func (w *walker) endHTML(next string) {
	if w.html && strings.Trim(next, " \t") != "" {
		w.out = append(w.out, "")
	}
	w.html = false
}

// A part of a line is a code span, a tag that stays, or a link's target.
type part struct {
	span
	kind int
}

const (
	codePart = iota
	tagPart
	targetPart
)

// tagged disarms a line but for its code spans, the tags that stay and the targets
// of links.
func (w *walker) tagged(line string, code, targets []span) string {
	var parts []part
	for kind, list := range [][]span{codePart: code, tagPart: liveTags(line, code), targetPart: targets} {
		for _, at := range list {
			parts = append(parts, part{at, kind})
		}
	}

	slices.SortFunc(parts, func(a, b part) int { return cmp.Compare(a.from, b.from) })

	var out strings.Builder
	at := 0
	for _, p := range parts {
		text := line[p.from:p.to]
		out.WriteString(w.text(line[at:p.from]))
		switch p.kind {
		case codePart:
			out.WriteString(w.code(text))
		case tagPart:
			out.WriteString(opened(line[:p.from], text))
		case targetPart:
			out.WriteString(text)
		}

		at = p.to
	}

	out.WriteString(w.text(line[at:]))

	return out.String()
}

// wholeTags is how much of a line may stay when it is cut at a place, so that no
// tag is cut and none is without its partner.
func wholeTags(line string, code []span, cut int) int {
	var open []int // where the tags begin whose partner is behind the place
	for _, at := range liveTags(line, code) {
		if at.from >= cut {
			break
		}

		tag := line[at.from:at.to]
		closes := strings.HasPrefix(tag, "</")
		switch {
		case at.to > cut && !closes && len(open) == 0:
			return at.from
		case at.to > cut:
		case closes:
			open = open[:len(open)-1]
		case tag != "<br>":
			open = append(open, at.from)
		}
	}

	if len(open) > 0 {
		return open[0]
	}

	return cut
}

// openFolds is how many details text leaves open.
func openFolds(text string) int {
	n := 0
	var open fence
	inside := false
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case inside && open.closes(line):
			inside = false
		case inside:
		case line == detailsOpen:
			n++
		case line == detailsClose:
			n--
		default:
			open, _, inside = opening(line)
		}
	}

	return max(n, 0)
}
