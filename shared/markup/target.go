package markup

import (
	"regexp"
	"strings"
)

var (
	// inlineLink is a link that is one whatever is around it, where no code span is
	// in doubt: its text has no sign that binds tighter than a link.
	inlineLink = regexp.MustCompile("\\[[^\\[\\]\\\\<>`|^$]*\\]\\(([^\\s()<>\\[\\]\\\\`\"'|&$:]+)\\)")

	// definition is a line that names the target of links, where it begins a
	// paragraph.
	definition = regexp.MustCompile("^ {0,3}\\[[^\\[\\]\\\\<>`|^$]*[^\\[\\]\\\\<>`|^$\\s][^\\[\\]\\\\<>`|^$]*\\]:[ \\t]+([^\\s()<>\\[\\]\\\\`\"'|&$:]+)[ \\t]*$")
)

// targets are the targets of links that lead into the same page or to a file
// beside it, and that the dialect lets stay as they are.
func (w *walker) targets(line string, code []span, first bool) []span {
	var list []span
	if m := definition.FindStringSubmatchIndex(line); first && m != nil {
		list = append(list, span{m[2], m[3]})
	} else if strings.Contains(line, "](") {
		for _, m := range inlineLink.FindAllStringSubmatchIndex(line, -1) {
			if escaped := m[0] > 0 && line[m[0]-1] == '\\'; !escaped {
				list = append(list, span{m[2], m[3]})
			}
		}
	}

	var kept []span
	for _, at := range list {
		for len(code) > 0 && code[0].to <= at.from {
			code = code[1:]
		}

		inCode := len(code) > 0 && code[0].from < at.to
		if !inCode && w.target(line[at.from:at.to]) {
			kept = append(kept, at)
		}
	}

	return kept
}

// wholeLink is how much of a line may stay when it is cut at a place: a target that
// stays as it is refers to something once its link is cut.
func wholeLink(line string, cut int) int {
	if definition.MatchString(line) && cut < len(line) {
		return 0
	}

	for _, m := range inlineLink.FindAllStringIndex(line, -1) {
		if m[0] < cut && cut < m[1] {
			return m[0]
		}
	}

	return cut
}

// away is an address that leaves the server.
var away = regexp.MustCompile(`^(?i://|www\.)`)

// target lets every target stay that does not leave the server: GitHub looks for
// references in text alone.
func (g *GitHub) target(to string) bool { return !away.MatchString(to) }

// inPage is a fragment with the address of a file before it, or none.
var inPage = regexp.MustCompile(`^[A-Za-z0-9_./-]*(?:#[A-Za-z0-9_.-]*)?$`)

// wholeReference is a target that is a reference to an issue, a commit or a range
// of commits: GitLab makes a reference of a link that leads to one.
var wholeReference = regexp.MustCompile(`(?i)#[0-9]+$|^gl-[0-9]+$|^[0-9a-f]{7,40}(?:\.{2,3}[0-9a-f]{7,40})?$`)

// target lets a target stay that GitLab does not read as a reference.
func (g *GitLab) target(to string) bool {
	return !away.MatchString(to) && inPage.MatchString(to) && !wholeReference.MatchString(to)
}
