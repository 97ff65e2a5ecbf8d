package answers

import (
	"bytes"
	"html"
	"strings"
)

// maxMarkup bounds what is read of a page, in bytes.
const maxMarkup = 64 << 10

// markup reports whether a body is HTML or XML, whatever its media type says.
func markup(body []byte) bool {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	body = bytes.TrimLeft(body, " \t\r\n")

	return len(body) > 0 && body[0] == '<'
}

// page is the beginning of a page as text, and the same in lower case. Both
// have the same length, so that positions in one hold in the other.
func page(body []byte) (text, lower string) {
	text = strings.ToValidUTF8(string(head(body, maxMarkup)), "?")

	return text, strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// pageWords is the title of a page, or else its first visible words.
func pageWords(body []byte) string {
	text, lower := page(body)
	if title := titleOf(text, lower); title != "" {
		return title
	}

	return visible(text, lower)
}

// titleOf is the content of the first title element.
func titleOf(text, lower string) string {
	start := strings.Index(lower, "<title")
	if start < 0 {
		return ""
	}

	opened := strings.IndexByte(lower[start:], '>')
	if opened < 0 {
		return ""
	}

	start += opened + 1

	end := strings.IndexByte(lower[start:], '<')
	if end < 0 {
		end = len(lower) - start
	}

	return oneLine(html.UnescapeString(text[start : start+end]))
}

// hidden are elements whose content is not shown.
var hidden = []string{"script", "style", "noscript", "template", "svg"}

// visible is the text of a page without its tags, as far as it is needed.
func visible(text, lower string) string {
	var out strings.Builder
	for at := 0; at < len(text) && out.Len() < maxWords; {
		open := strings.IndexByte(text[at:], '<')
		if open < 0 {
			out.WriteString(text[at:])
			break
		}

		out.WriteString(text[at : at+open])
		out.WriteByte(' ')
		at = afterTag(lower, at+open)
	}

	return oneLine(html.UnescapeString(out.String()))
}

// afterTag is the place behind a tag, a comment, or an element that is not
// shown.
func afterTag(lower string, at int) int {
	rest := lower[at:]
	until := ">"
	if strings.HasPrefix(rest, "<!--") {
		until = "-->"
	}

	for _, name := range hidden {
		if strings.HasPrefix(rest, "<"+name) {
			until = "</" + name + ">"
		}
	}

	end := strings.Index(rest, until)
	if end < 0 {
		return len(lower)
	}

	return at + end + len(until)
}

// signs of a page that asks a person to log in.
var (
	loginFields = []string{`type="password"`, `type='password'`, `type=password`, `name="samlrequest"`, `name="samlresponse"`, "loginform", "login-form"}
	loginTitles = []string{"log in", "login", "log on", "logon", "sign in", "signin", "sign on", "single sign", "anmeld", "connexion", "iniciar sesi", "authenticat"}
)

// login reports whether a page asks a person to log in.
func login(body []byte) bool {
	text, lower := page(body)
	title := strings.ToLower(titleOf(text, lower))
	for _, sign := range loginTitles {
		if strings.Contains(title, sign) {
			return true
		}
	}

	for _, sign := range loginFields {
		if strings.Contains(lower, sign) {
			return true
		}
	}

	return false
}
