package markup

import (
	"regexp"
	"strings"
)

// MantisBT disarms text for MantisBT, which shows it as it stands, but makes
// links of addresses, issues (#1) and notes (~1), tells people who are
// mentioned, and lets some HTML through. Plugins may read it as Markdown.
type MantisBT struct{}

// Disarm makes text harmless and keeps its look. It is done everywhere: a
// server without Markdown knows no code. For those that have it, the result
// leaves no code block open.
func (MantisBT) Disarm(text string) string {
	var out []string
	var open fence
	var list items
	inside := false
	for line := range strings.SplitSeq(Lines(text), "\n") {
		if !inside && list.within(line) {
			out = append(out, mantisLine(line))
			continue
		}

		if !inside {
			_, begun := list.opens(line)
			list.follow(line)
			if begun {
				out = append(out, mantisLine(line))
				continue
			}
		}

		bare := strings.TrimLeft(line, " ")
		f, _, opens := opening(bare)
		switch near := len(line)-len(bare) <= 3; {
		case inside && open.closes(line):
			inside = false
			line = bare
		case !inside && opens && near && f.width > maxFence:
			line = breaker + bare
		case !inside && opens && near:
			open = f
			inside = true
			line = bare
			list = items{}
		}

		out = append(out, mantisLine(line))
	}

	if inside {
		out = append(out, open.String())
	}

	return strings.Join(out, "\n")
}

// DisarmLine is Disarm for a single line, such as a summary.
func (MantisBT) DisarmLine(text string) string { return mantisLine(OneLine(text)) }

func mantisLine(line string) string {
	var out strings.Builder
	for i := 0; i < len(line); {
		n, replacement := mantisDanger(line, i)
		if n == 0 {
			n = 1
			replacement = line[i : i+1]
		}

		out.WriteString(replacement)
		i += n
	}

	return out.String()
}

// mantisDanger gives what begins at i and its harmless form, or 0.
func mantisDanger(line string, i int) (int, string) {
	rest := line[i:]
	if len(rest) < 2 {
		return 0, ""
	}

	next := rest[1]
	switch c := rest[0]; {
	case c == '@':
		if n := mail(line, i); n > 0 {
			return n, rest[:n]
		}

		if next != ' ' && next != '\t' && !strings.HasPrefix(rest[1:], breaker) {
			return 1, "@" + breaker
		}

	case (c == '#' || c == '~') && next >= '0' && next <= '9':
		return 1, rest[:1] + breaker
	case c == '<' && (letter(next) || next == '/' || next == '!' || next == '?'):
		return 1, "<" + breaker
	case c == '/' || c == 'h' || c == 'H' || c == 'w' || c == 'W':
		if u := bareURL.FindString(rest); u != "" && !wordBefore(line, i) {
			return len(u), mantisAddress(u)
		}
	}

	return 0, ""
}

var mantisRef = regexp.MustCompile(`([#~])([0-9])`)

// mantisAddress keeps an address working: what is dangerous in text is written
// percent-encoded, which means the same there.
func mantisAddress(u string) string {
	u = strings.ReplaceAll(u, "@", "%40")
	return mantisRef.ReplaceAllString(u, "$1%3$2")
}
