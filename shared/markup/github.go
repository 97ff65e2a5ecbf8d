package markup

import (
	"html"
	"regexp"
	"strings"
)

// GitHub disarms text for the GitHub at a host.
type GitHub struct {
	host  string
	links *regexp.Regexp
	bare  *regexp.Regexp // addresses of the host that begin with www.
}

// NewGitHub is for the GitHub whose pages are at host, such as github.com.
func NewGitHub(host string) *GitHub {
	return &GitHub{host: strings.ToLower(host), links: links(host), bare: regexp.MustCompile(`^(?i:www\\?\.` + hostName(host) + `)`)}
}

// Disarm makes Markdown harmless and keeps its look: no user is mentioned, no
// issue, pull request or commit is referred to or closed, and there is no raw
// HTML. It is done everywhere but in what is certainly code, with signs that
// are as harmless in code as outside, so nothing hangs on how GitHub reads the
// rest. The result leaves no code block open.
func (g *GitHub) Disarm(text string) string { return walk(g, text) }

// DisarmLine is Disarm for a single line, such as a title.
func (g *GitHub) DisarmLine(text string) string {
	return g.text(OneLine(text))
}

func (g *GitHub) code(line string) string { return noMarker(line) }

func (g *GitHub) language(info string) string { return language(info) }

// What text disarms, each at a place where it begins.
var (
	autolink  = regexp.MustCompile("^<(?i:https?)://[^\\s<>`\\\\]+>")
	bareURL   = regexp.MustCompile("^(?i:https?://|//[a-z0-9-]+\\.|www\\.)[^\\s<>`\"'()\\[\\]{}|\\\\\u200b]+")
	email     = regexp.MustCompile(`^(@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24})(?:[^A-Za-z0-9@_-]|$)`)
	reference = regexp.MustCompile(`^&(?:#[0-9]{1,8}|#[xX][0-9A-Fa-f]{1,8}|[A-Za-z][A-Za-z0-9]{1,40});`)
	ghDash    = regexp.MustCompile(`^(?i:gh)(\\?-)[0-9]`)
	commit    = regexp.MustCompile(`^[0-9a-fA-F]{7,40}`)
)

// text disarms what is not certainly code.
func (g *GitHub) text(line string) string {
	var out strings.Builder
	for i := 0; i < len(line); {
		n, replacement := g.danger(line, i)
		if n == 0 {
			out.WriteByte(line[i])
			i++
			continue
		}

		out.WriteString(replacement)
		i += n
	}

	return g.issueLinks(out.String())
}

// danger gives what begins at i and its harmless form, or 0.
func (g *GitHub) danger(line string, i int) (int, string) {
	rest := line[i:]
	switch c := line[i]; {
	case c == '<':
		return tag(rest, address)
	case c == '&':
		if ref := reference.FindString(rest); ref != "" && decodesToDanger(ref) {
			return 1, "&" + breaker
		}
	case c == '@':
		if n := mail(line, i); n > 0 {
			return n, rest[:n]
		}

		if len(rest) > 1 && rest[1] != ' ' && rest[1] != '\t' && !strings.HasPrefix(rest[1:], breaker) {
			return 1, "@" + breaker
		}

	case c == '#':
		if len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9' {
			return 1, "#" + breaker
		}
	case c == '/' || c == 'h' || c == 'H' || c == 'w' || c == 'W':
		if u := bareURL.FindString(rest); u != "" && !wordBefore(line, i) {
			if g.leadsHome(line, i) {
				return len(u), "https://" + address(u)
			}
			return len(u), address(u)
		}

	case (c == 'g' || c == 'G') && !wordBefore(line, i):
		if m := ghDash.FindStringSubmatch(rest); m != nil {
			return 2 + len(m[1]), rest[:2+len(m[1])] + breaker
		}
	}

	if sha := hash(line, i); sha > 0 {
		return 1, rest[:1] + breaker
	}

	return 0, ""
}

// tag breaks what could be a tag, a comment or an instruction. Addresses in
// angle brackets stay: no tag's name has a colon.
func tag(rest string, address func(string) string) (int, string) {
	if link := autolink.FindString(rest); link != "" {
		return len(link), "<" + address(link[1:len(link)-1]) + ">"
	}

	if len(rest) > 1 && (letter(rest[1]) || rest[1] == '/' || rest[1] == '!' || rest[1] == '?') {
		return 1, "<" + breaker
	}

	return 0, ""
}

func letter(c byte) bool { return alnum(c) && c > '9' }

func wordBefore(line string, i int) bool { return i > 0 && alnum(line[i-1]) }

// mail is the length of a mail address from its @ at i on, 0 if it is not a
// plain one: a letter or digit before it, a dotted domain behind it. GitHub
// mentions no user there.
func mail(line string, i int) int {
	m := email.FindStringSubmatch(line[i:])
	if m == nil || !wordBefore(line, i) {
		return 0
	}
	return len(m[1])
}

// hash is the length of a commit's hash at i, 0 if there is none. A run of
// decimal digits or of letters alone is a number or a word.
func hash(line string, i int) int {
	if !alnum(line[i]) || i > 0 && (alnum(line[i-1]) || strings.IndexByte("_-", line[i-1]) >= 0) || strings.HasSuffix(line[:i], breaker) {
		return 0
	}

	run := commit.FindString(line[i:])
	end := i + len(run)
	if run == "" || end < len(line) && (alnum(line[end]) || strings.IndexByte("_-", line[end]) >= 0) {
		return 0
	}
	if len(run) < 40 && (!strings.ContainsAny(run, "0123456789") || !strings.ContainsAny(run, "abcdefABCDEF")) {
		return 0
	}

	return len(run)
}

// decodesToDanger reports whether a character reference stands for something
// that references are made of: GitHub looks for them in decoded text.
func decodesToDanger(ref string) bool {
	for _, r := range html.UnescapeString(ref) {
		if r < 0x80 && (alnum(byte(r)) || strings.ContainsRune("@#-/_.:\\", r)) || r == '\u200b' {
			return true
		}
	}
	return false
}

// What an address may hold that would refer to something, were it none.
var (
	fragment = regexp.MustCompile(`#([0-9])`)
	dashed   = regexp.MustCompile(`(?i)(^|[^a-z0-9])(gh-)([0-9])`)
	entity   = regexp.MustCompile(`&(?:#[0-9]{1,8}|#[xX][0-9A-Fa-f]{1,8}|[A-Za-z][A-Za-z0-9]{1,40});`)
)

// address keeps an address working: what is dangerous in text is written
// percent-encoded, which means the same there.
func address(u string) string {
	u = entity.ReplaceAllStringFunc(u, func(ref string) string {
		if decodesToDanger(ref) {
			return "%26" + ref[1:]
		}
		return ref
	})

	u = strings.ReplaceAll(u, "@", "%40")
	u = dashed.ReplaceAllString(u, "$1$2%3$3")

	return fragment.ReplaceAllString(u, "#%3$1")
}

// leads are the kinds of page a link to which leaves a trace there.
var leads = regexp.MustCompile(`(?i)(issues|pull|discussions|commit|compare)`)

// links finds a host at the beginning of an address, in whatever spelling
// Markdown would decode.
func links(host string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)/(?:[^\s/@]*(?:@|%40))?(?:www\\?\.)?` + hostName(host))
}

// hostName is the pattern of a host with the slash behind it.
func hostName(host string) string {
	name := strings.ReplaceAll(regexp.QuoteMeta(strings.ToLower(host)), `\.`, `\\?\.`)
	return name + `(?:\\?\.)?(?::[0-9]*)?(?:\\?/)`
}

// leadsHome reports whether an address without a scheme, www.github.com/…, begins
// at i and leads to a page where a link leaves a trace. GitHub makes a link of it.
func (g *GitHub) leadsHome(line string, i int) bool {
	if i > 0 && strings.IndexByte("/.-", line[i-1]) >= 0 || !g.bare.MatchString(line[i:]) {
		return false
	}

	return leads.MatchString(pathEnd(line[i:]))
}

// pathEnd is an address up to its end, and no more of it than is looked at:
// owner, repository and kind follow at once, and looking further costs time.
func pathEnd(text string) string {
	text = text[:min(len(text), 512)]
	if i := strings.IndexAny(text, " \t<>"); i >= 0 {
		return text[:i]
	}
	return text
}

// issueLinks sends such links round by redirect.github.com, which GitHub keeps
// for this, or, on another host, writes them so that only a browser sees what
// they lead to.
func (g *GitHub) issueLinks(line string) string {
	if !strings.Contains(line, "/") {
		return line
	}

	var out strings.Builder
	for {
		at := g.links.FindStringIndex(line)
		if at == nil {
			out.WriteString(line)
			return out.String()
		}

		end := at[1] + len(pathEnd(line[at[1]:]))
		switch path := line[at[1]:end]; {
		case !leads.MatchString(path):
			out.WriteString(line[:at[1]])
		case g.host == "github.com":
			out.WriteString(line[:at[0]] + "/redirect.github.com/")
		default:
			out.WriteString(line[:at[0]] + "/" + g.host + "/")
			line = line[:at[1]] + leads.ReplaceAllStringFunc(path, percentFirst) + line[end:]
		}

		line = line[at[1]:]
	}
}

func percentFirst(word string) string {
	const hex = "0123456789ABCDEF"
	return "%" + string(hex[word[0]>>4]) + string(hex[word[0]&15]) + word[1:]
}
