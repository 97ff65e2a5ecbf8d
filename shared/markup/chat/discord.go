package chat

import (
	"net/url"
	"path"
	"regexp"
	"strings"

	"example.com/integrations/shared/markup/document"
)

// Discord is its Markdown (https://discord.com/developers/docs/reference#message-formatting).
// Signs are escaped with backslashes. Mentions, in which the server may see
// more than what is shown, are broken up by an invisible character as well, in
// code too.
type Discord struct{}

var (
	discordEscape = strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "~", `\~`, "`", "\\`", "|", `\|`, "<", `\<`, "[", `\[`, "]", `\]`)
	// everyone is a mention wherever it stands.
	everyone = regexp.MustCompile(`(?i)@(everyone|here)`)
	// tagged are mentions, commands, times and emoji in angle brackets.
	tagged = regexp.MustCompile(`<([@#:/&]|[A-Za-z]{1,2}:)`)
	invite = regexp.MustCompile(`(?i)(discord\.(?:gg|new|gift)|discord(?:app)?\.com/(?:invite|gifts|template)|dsc\.gg|discord\.me)/`)
	// web is an address as Discord finds one in text: its host, and its path.
	web     = regexp.MustCompile(`(?i)https?:[/\\]{2,}(?:[^\s/?#\\<>]*@)?([^\s/?#\\<>:@]*)(?::[0-9]*)?([/\\][^\s?#<>]*)?`)
	encoded = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	// begins is what makes a heading, a list, a quotation or small print of a line.
	begins  = regexp.MustCompile(`^(\s*)(#|>|-|\+)`)
	ordered = regexp.MustCompile(`^(\s*[0-9]+)\.`)
)

// Text escapes text.
func (Discord) Text(text string) string { return discordEscape.Replace(unmentioned(text)) }

// unmentioned breaks mentions, commands and invitations up.
func unmentioned(text string) string {
	var out strings.Builder
	for i := range len(text) {
		out.WriteByte(text[i])
		if text[i] == '@' && !wordEnds(text[:i]) && i+1 < len(text) && text[i+1] != ' ' { // else a mail address, or nothing
			out.WriteString(breaker)
		}
	}

	return unpinged(out.String())
}

// unpinged is unmentioned for code, where names behind an @ are often none.
func unpinged(text string) string {
	text = everyone.ReplaceAllString(text, "@"+breaker+"$1")
	text = tagged.ReplaceAllString(text, "<"+breaker+"$1")
	text = web.ReplaceAllStringFunc(text, func(address string) string {
		if invites(address) {
			return strings.Replace(address, ":", ":"+breaker, 1)
		}
		return address
	})

	return invite.ReplaceAllString(text, "$1"+breaker+"/")
}

// invites reports whether a browser that opens an address asks for an
// invitation, however the address spells it.
func invites(address string) bool {
	groups := web.FindStringSubmatch(address)
	if groups == nil {
		return false
	}

	host := strings.TrimRight(strings.ReplaceAll(decoded(groups[1]), breaker, ""), ".")
	way := path.Clean("/" + strings.ReplaceAll(decoded(groups[2]), `\`, "/"))
	return invite.MatchString(host + way + "/")
}

// decoded is a part of an address with what percent signs stand for. Those that
// stand for nothing stay: an address need not be a good one to be opened.
func decoded(text string) string {
	return encoded.ReplaceAllStringFunc(text, func(sign string) string {
		plain, _ := url.PathUnescape(sign)
		return plain
	})
}

// Link shows the address, without a preview. An invitation is no link.
func (d Discord) Link(address string) string {
	if invite.MatchString(address) || invites(address) {
		return d.Text(address)
	}
	return "<" + address + ">"
}

func (Discord) style(s document.Span, text string) string {
	return within(text, signs(s, "**", "*", "~~")...)
}

func (d Discord) code(text string) string {
	if strings.Contains(text, "`") {
		return d.Text(text)
	}
	return "`" + unpinged(text) + "`"
}

func (Discord) block(text, language string) string {
	return "```" + document.Language(language) + "\n" + unpinged(ticks(text)) + "\n```"
}

func (Discord) start(line string) string {
	line = begins.ReplaceAllString(line, `$1\$2`)
	return ordered.ReplaceAllString(line, `$1\.`)
}

func (Discord) quote() string { return "> " }
