// Package markup turns item text into what a provider shows: cut to its
// limits, on one line where it wants one, and disarmed, so that text can never
// mention, notify, link or command anything there.
package markup

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Count is a text's length as providers count it: in code points.
func Count(text string) int { return utf8.RuneCountInString(text) }

// Cut shortens text to at most max code points, the suffix included, between
// two characters as people see them. Text that fits stays as it is; a suffix
// that does not fit at all is left out.
func Cut(text string, max int, suffix string) string {
	if Count(text) <= max {
		return text
	}

	room := max - Count(suffix)
	if room < 0 {
		room = max
		suffix = ""
	}

	return head(text, room) + suffix
}

// head is the longest beginning of text of at most max code points that ends
// between two grapheme clusters.
func head(text string, max int) string {
	used := 0
	end := 0
	state := -1
	for rest := text; rest != ""; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if used += Count(cluster); used > max {
			break
		}

		end += len(cluster)
	}

	return text[:end]
}

// OneLine is text without line breaks, control characters and the invisible
// characters that turn the direction of writing round, each run of white space
// a single space.
func OneLine(text string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\t', r == '\u2028', r == '\u2029', r == '\u0085', r == '\v', r == '\f':
			return ' '
		}
		return visible(r)
	}, text)), " ")
}

// Lines is text in valid UTF-8 with every line ending "\n" and no control
// characters but tabs.
func Lines(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch r {
		case '\r', '\u2028', '\u2029', '\u0085', '\v', '\f':
			return '\n'
		case '\n', '\t':
			return r
		}

		return visible(r)
	}, text)
}

// visible drops control characters and bidirectional controls. An invalid byte
// becomes U+FFFD, which is what strings.Map hands in for it.
func visible(r rune) rune {
	switch {
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\ufeff':
		return -1
	}
	return r
}

// IsBlank reports whether nothing of text can be seen.
func IsBlank(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r)
	})
}

// WebURL gives an address back if it is one a reader may be sent to: http or
// https, with a host, nothing in it that could end a link in any markup.
func WebURL(text string) (string, bool) {
	lower := strings.ToLower(text)
	rest, ok := strings.CutPrefix(lower, "https://")
	if !ok {
		rest, ok = strings.CutPrefix(lower, "http://")
	}

	host := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host = rest[:i]
	}

	if !ok || len(text) > 2000 || !isHost(host) {
		return "", false
	}

	return escapeURL(text), true
}

// isHost reports whether there can be such a host, maybe with a port. Letters of
// any writing may stand in a name, encoded too; signs of ASCII may not.
func isHost(text string) bool {
	u, err := url.Parse("http://" + escapeURL(text))
	if err != nil {
		return false
	}

	name := u.Hostname()
	port, _ := strconv.Atoi(u.Port()) // one too large for an int is the largest
	return strings.Trim(name, ".") != "" && port <= 65535 && !strings.ContainsFunc(name, unnamable)
}

// unnamable are the characters that no host's name has.
func unnamable(r rune) bool {
	if r < utf8.RuneSelf {
		return r != '.' && r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}
	return r == utf8.RuneError || unicode.IsControl(r) || unicode.IsSpace(r)
}

// escapeURL percent-encodes whatever has no business in an address or means
// something in a markup. What is encoded already stays.
func escapeURL(text string) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(text) {
		c := text[i]
		if c <= ' ' || c > '~' || strings.IndexByte("\"'()<>@[\\]^`{|}", c) >= 0 {
			out.WriteByte('%')
			out.WriteByte(hex[c>>4])
			out.WriteByte(hex[c&15])
			continue
		}

		out.WriteByte(c)
	}

	return out.String()
}
