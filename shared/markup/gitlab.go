package markup

import (
	"html"
	"net/url"
	"regexp"
	"strings"
)

// GitLab disarms text for the GitLab at a host.
type GitLab struct{ host, port string }

// NewGitLab is for the GitLab whose pages are at host, with its port if it is
// an odd one, such as gitlab.com or git.example.org:8443.
func NewGitLab(host string) *GitLab {
	name, port, _ := strings.Cut(strings.ToLower(host), ":")
	if port == "443" {
		port = ""
	}
	return &GitLab{host: name, port: port}
}

// frontMatter finds what begins a block of metadata at the top of a text.
var frontMatter = regexp.MustCompile(`\A((?:[^\n]*coding:[^\n]*\n)?\s*)(---|\+\+\+|;;;)`)

// Disarm makes Markdown harmless and keeps its look: no user is mentioned,
// nothing is referred to or closed, no line is a quick action, nothing is
// included, no image is fetched, and there is no raw HTML. It is done
// everywhere but in what is certainly code, with signs that are as harmless in
// code as outside; quick actions are broken up even there, since older servers
// look for them in the source. The result leaves no code block open.
func (g *GitLab) Disarm(text string) string {
	return walk(g, frontMatter.ReplaceAllString(Lines(text), "$1"+breaker+"$2"))
}

// DisarmLine is Disarm for a single line, such as a title.
func (g *GitLab) DisarmLine(text string) string { return g.text(OneLine(text)) }

// What begins a line that GitLab carries out instead of showing it.
var (
	command     = regexp.MustCompile(`^[ \t]*/[A-Za-z]`)
	codeCommand = regexp.MustCompile(`^[ \t]*/[A-Za-z][A-Za-z0-9_-]*(?:[ \t]|$)`)
	include     = regexp.MustCompile(`^[ \t]*::include`)
	quotation   = regexp.MustCompile(`^ {0,3}>{3,}[ \t]*$`)
)

// code leaves code as it is but for lines that are carried out.
func (g *GitLab) code(line string) string {
	if codeCommand.MatchString(line) || include.MatchString(line) {
		line = breaker + line
	}
	return noMarker(line)
}

// diagrams are the languages GitLab draws or runs beyond those in rendered.
var diagrams = map[string]bool{
	"plantuml": true, "kroki": true, "actdiag": true, "blockdiag": true, "bpmn": true, "bytefield": true, "c4plantuml": true, "d2": true,
	"dbml": true, "diagramsnet": true, "ditaa": true, "dot": true, "erd": true, "excalidraw": true, "graphviz": true, "nomnoml": true,
	"nwdiag": true, "packetdiag": true, "pikchr": true, "rackdiag": true, "seqdiag": true, "structurizr": true, "svgbob": true, "symbolator": true,
	"tikz": true, "umlet": true, "vega": true, "vegalite": true, "wavedrom": true, "wireviz": true, "glql": true,
}

func (g *GitLab) language(info string) string {
	word := language(info)
	if diagrams[strings.ToLower(word)] {
		return ""
	}
	return word
}

// text disarms what is not certainly code.
func (g *GitLab) text(line string) string {
	if quotation.MatchString(line) {
		return breaker + line
	}

	var out strings.Builder
	i := 0
	if command.MatchString(line) {
		i = strings.IndexByte(line, '/') + 1
		out.WriteString(line[:i-1] + breaker + "/")
	}

	for i < len(line) {
		n, replacement := g.danger(line, i)
		if n == 0 {
			out.WriteByte(line[i])
			i++
			continue
		}

		out.WriteString(replacement)
		i += n
	}

	return out.String()
}

// prefixes are what GitLab's references begin with: the sign, and what must
// stand behind it.
var prefixes = map[byte]*regexp.Regexp{
	'#': regexp.MustCompile(`^[0-9]`),                           // issue
	'!': regexp.MustCompile(`^[0-9\[]`),                         // merge request; an image
	'~': regexp.MustCompile(`^[A-Za-z0-9_"?&.\\-]`),             // label
	'%': regexp.MustCompile(`^[^ \t\x{200b}]`),                  // milestone, placeholder
	'$': regexp.MustCompile(`^[0-9]`),                           // snippet
	'^': regexp.MustCompile(`^(?i:alert)`),                      // alert
	'*': regexp.MustCompile(`^(?i:iteration:)`),                 // iteration
	'[': regexp.MustCompile(`^(?i:\\?\[|toc\\?\]|[a-z_]+\\?:)`), // wiki page, table of contents, [issue:1]
	':': regexp.MustCompile(`^:(?i:include)`),                   // another file
}

var (
	dottedURL = regexp.MustCompile("^(?i:https?)://(?:[A-Za-z0-9_-]+\\.)+[A-Za-z0-9_-]+(?::[0-9]+)?(?:[/?#][^\\s<>`\"'()\\[\\]{}|\\\\\u200b]*)?")
	anyURL    = regexp.MustCompile(`^(?i:https?):[\\/]`)
	glDash    = regexp.MustCompile(`^(?i:gl)(\\?-)[0-9]`)
)

// danger gives what begins at i and its harmless form, or 0.
func (g *GitLab) danger(line string, i int) (int, string) {
	rest := line[i:]
	c := line[i]
	if behind := prefixes[c]; behind != nil && behind.MatchString(rest[1:]) {
		return 1, rest[:1] + breaker
	}

	switch {
	case c == '<':
		return tag(rest, g.address)
	case c == '&':
		return g.ampersand(line, i)
	case c == '@':
		if n := mail(line, i); n > 0 {
			return n, rest[:n]
		}

		if len(rest) > 1 && rest[1] != ' ' && rest[1] != '\t' && !strings.HasPrefix(rest[1:], breaker) {
			return 1, "@" + breaker
		}

	case c == '>' && pathBefore(line, i): // project>
		return 1, breaker + ">"
	case c == '\\' && strings.HasPrefix(rest, `\>`) && pathBefore(line, i):
		return 1, breaker + `\`
	case c == 'h' || c == 'H':
		return g.link(line, i)
	case (c == 'w' || c == 'W') && strings.HasPrefix(g.host, "www.") && !wordBefore(line, i):
		return g.bareLink(line, i)
	case (c == 'g' || c == 'G') && !wordBefore(line, i):
		if m := glDash.FindStringSubmatch(rest); m != nil {
			return 2 + len(m[1]), rest[:2+len(m[1])] + breaker
		}
	}

	if hash(line, i) > 0 {
		return 1, rest[:1] + breaker
	}

	return 0, ""
}

// pathBefore reports whether the name of a project may end before i.
func pathBefore(line string, i int) bool {
	return i > 0 && (alnum(line[i-1]) || strings.IndexByte("_.-", line[i-1]) >= 0)
}

// ampersand disarms an epic's reference and character references for what
// references are made of: GitLab looks for them in decoded text, and for a few
// in what is not.
func (g *GitLab) ampersand(line string, i int) (int, string) {
	rest := line[i:]
	ref := reference.FindString(rest)
	if ref == "" {
		if len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9' {
			return 1, "&" + breaker
		}
		return 0, ""
	}

	behind := rest[len(ref):]
	switch text := html.UnescapeString(ref); {
	case text == ">" && pathBefore(line, i):
		return len(ref), breaker + ref
	case text == "&" && behind != "" && behind[0] >= '0' && behind[0] <= '9':
		return len(ref), ref + breaker
	case text != "&" && strings.ContainsFunc(text, meaningful):
		return 1, "&" + breaker
	}

	return len(ref), ref
}

// meaningful reports whether a character may be part of a reference.
func meaningful(r rune) bool {
	return r == '\u200b' || r > ' ' && r < 0x7f && !strings.ContainsRune(`<>"'`, r)
}

// link disarms an address, and what looks like one but is read in more than
// one way.
func (g *GitLab) link(line string, i int) (int, string) {
	rest := line[i:]
	if u := dottedURL.FindString(rest); u != "" && !wordBefore(line, i) {
		_, behind, _ := strings.Cut(u, "://")
		if strings.ContainsAny(behind, "/?#") || !strings.HasPrefix(rest[len(u):], `\`) {
			return len(u), g.address(u)
		}
	}

	if anyURL.MatchString(rest) && (wordBefore(line, i) || !plainURL(rest)) {
		return 4, rest[:4] + breaker
	}

	return 0, ""
}

// bareLink disarms an address of this GitLab without a scheme. Only a host whose
// name begins with www. has such links.
func (g *GitLab) bareLink(line string, i int) (int, string) {
	before := i > 0 && strings.IndexByte("/.-", line[i-1]) >= 0
	if !before && len(line) >= i+len(g.host) && strings.EqualFold(line[i:i+len(g.host)], g.host) {
		return len("www"), line[i:i+len("www")] + breaker
	}
	return 0, ""
}

// plainURL reports whether an address's host is what it looks like: nothing
// behind its name is decoded to more of it.
func plainURL(rest string) bool {
	_, host, ok := strings.Cut(rest, "://")
	end := strings.IndexFunc(host, func(r rune) bool { return r >= 0x80 || !alnum(byte(r)) && r != '-' && r != '_' })
	if !ok || end < 0 || strings.HasPrefix(host[end:], breaker) {
		return ok
	}
	return host[end] < 0x80 && strings.IndexByte("\\&%@", host[end]) < 0
}

// What an address may hold that would refer to something, were it none. Most
// of it may be written percent-encoded, which means the same there.
var inAddressOnly = regexp.MustCompile(`@|~|[#&][0-9]|[!$][0-9]|\^(?i:alert)|\*(?i:iteration:)`)

// address keeps an address working.
func (g *GitLab) address(u string) string {
	u = g.own(u)
	u = entity.ReplaceAllStringFunc(u, func(ref string) string {
		if strings.ContainsFunc(html.UnescapeString(ref), meaningful) {
			return "%26" + ref[1:]
		}
		return ref
	})

	return inAddressOnly.ReplaceAllStringFunc(u, func(found string) string {
		if found[0] == '#' || found[0] == '&' {
			return found[:1] + percentFirst(found[1:])
		}
		return percentFirst(found)
	})
}

var authority = regexp.MustCompile(`^((?i:(https?)://))([^/?#:@]+)(?::([0-9]*))?([/?#]|$)`)

// own writes the port of this GitLab into addresses there, or a zero before
// it. To a browser it is the same address. GitLab, which compares with its own
// spelling, treats it as foreign and leaves no trace where it leads to.
func (g *GitLab) own(u string) string {
	m := authority.FindStringSubmatchIndex(u)
	if m == nil {
		return u
	}

	host, err := url.PathUnescape(u[m[6]:m[7]])
	if err != nil || strings.TrimSuffix(strings.ToLower(host), ".") != g.host {
		return u
	}

	port := ""
	if m[8] >= 0 {
		port = u[m[8]:m[9]]
	}

	usual := map[bool]string{true: "443", false: "80"}[strings.EqualFold(u[m[4]:m[5]], "https")]
	switch port {
	case "":
		port = usual
	case g.port:
		port = "0" + port
	}

	return u[:m[3]] + g.host + ":" + port + u[m[10]:]
}
