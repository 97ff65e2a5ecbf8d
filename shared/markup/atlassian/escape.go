package atlassian

import (
	"regexp"
	"strings"
)

// breaker is U+200B: it cannot be seen, and nothing is recognised over it.
const breaker = "\u200b"

// special are the signs that a backslash before them makes plain.
const special = "{}[]!|*_-~^+?#"

var (
	// emoticon is one that none of special is in.
	emoticon = regexp.MustCompile(`^\((?:[ynix/]|on|off|flag|flagoff)\)`)
	// reference is what is shown as another character.
	reference = regexp.MustCompile(`^&(?:#[0-9]{1,8}|#[xX][0-9A-Fa-f]{1,8}|[A-Za-z][A-Za-z0-9]{1,40});`)
)

// escape makes text plain. A backslash of its own is written as a character
// reference, since two of them break the line.
func escape(text string) string {
	var out strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\\':
			out.WriteString("&#92;")
		case c == '-' && key(text, i):
			out.WriteString(`\-` + breaker)
		case strings.IndexByte(special, c) >= 0:
			out.WriteString(`\` + text[i:i+1])
		case c == '&' && reference.MatchString(text[i:]):
			out.WriteString("&amp;")
		case c == ':' && i+1 < len(text) && text[i+1] != ' ': // an address or an emoticon
			out.WriteString("&#58;")
		case c == ';' && i+1 < len(text) && text[i+1] == ')':
			out.WriteString("&#59;")
		case c == '(' && emoticon.MatchString(text[i:]):
			out.WriteString("&#40;")
		default:
			out.WriteByte(c)
		}
	}

	return www.ReplaceAllString(out.String(), "${1}"+breaker+".")
}

// www begins what becomes a link without a scheme.
var www = regexp.MustCompile(`(?i)\b(www)\.`)

// key reports whether the hyphen at i is that of an issue's key, as ABC-1.
func key(text string, i int) bool {
	if i == 0 || i+1 == len(text) || text[i+1] < '0' || text[i+1] > '9' {
		return false
	}
	c := text[i-1]
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_'
}
