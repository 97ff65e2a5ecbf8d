package discord

import "strings"

// uncoded is a text without its code, because code contains no mentions and no links.
// Line ends stay, so that each line keeps its place. As in Discord's client a backslash
// escapes a backtick, and a run of backticks ends at the next run of the same length. A
// block begins and ends with three.
func uncoded(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); {
		if text[i] == '\\' && i+1 < len(text) {
			out.WriteString(text[i : i+2])
			i += 2
			continue
		}

		if text[i] != '`' {
			out.WriteByte(text[i])
			i++
			continue
		}

		size := run(text[i:])
		length := codeLength(text[i:], size)
		if length == 0 {
			out.WriteString(text[i : i+size])
			i += size
			continue
		}

		code := text[i : i+length]
		out.WriteString(" " + strings.Repeat("\n", strings.Count(code, "\n")))
		i += length
	}

	return out.String()
}

// run is how many backticks a text begins with.
func run(text string) int { return len(text) - len(strings.TrimLeft(text, "`")) }

// codeLength is the length of the code that begins with a number of backticks,
// including them, 0 if it never ends.
func codeLength(text string, size int) int {
	if size >= 3 {
		end := strings.Index(text[3:], "```")
		if end > 0 && strings.Trim(text[3:3+end], "\n") != "" {
			return 3 + end + 3
		}
	}

	for i := size; i < len(text); i++ {
		if text[i] != '`' {
			continue
		}

		next := run(text[i:])
		if next == size {
			return i + next
		}

		i += next
	}

	return 0
}
