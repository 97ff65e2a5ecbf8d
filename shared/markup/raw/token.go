// Package raw rewrites Markdown source before a provider gets it as Markdown or as
// plain text. Rewrite takes comments and HTML tags out. Disarmer writes the address
// beside each link whose text names a host to which the link does not lead. Tokens
// splits HTML into tags, comments and text for packages that read it otherwise.
package raw

import (
	"html"
	"regexp"
	"strings"
)

// A Kind of token.
type Kind int

// The kinds. What is no whole tag and no comment is text.
const (
	Text Kind = iota
	Comment
	Tag
)

// A Token is a piece of HTML. Raw is the piece as it is written.
type Token struct {
	Kind Kind
	Raw  string

	// Name is a tag's name in lower case, Closing is true for </name>.
	Name       string
	Closing    bool
	attributes string
}

var (
	// openTag and closeTag are the tags of CommonMark
	// (https://spec.commonmark.org/0.31.2/#raw-html).
	openTag  = regexp.MustCompile("^<([A-Za-z][A-Za-z0-9-]*)((?:\\s+[A-Za-z_:][A-Za-z0-9:._-]*(?:\\s*=\\s*(?:[^\"'=<>`\\x00-\\x20]+|'[^']*'|\"[^\"]*\"))?)*)\\s*/?>")
	closeTag = regexp.MustCompile(`^</([A-Za-z][A-Za-z0-9-]*)\s*>`)

	attribute = regexp.MustCompile("([A-Za-z_:][A-Za-z0-9:._-]*)(?:\\s*=\\s*(?:([^\"'=<>`\\x00-\\x20]+)|'([^']*)'|\"([^\"]*)\"))?")
)

// maxTag is the most bytes a tag may have. A longer one is text.
const maxTag = 8 << 10

// Tokens splits HTML. The tokens' Raw members together are the text. A comment
// that is not closed goes to the end.
func Tokens(text string) []Token {
	var list []Token
	plain := 0
	for i := 0; i < len(text); {
		t, ok := tokenAt(text[i:])
		if !ok {
			i++
			continue
		}

		if plain < i {
			list = append(list, Token{Raw: text[plain:i]})
		}

		list = append(list, t)
		i += len(t.Raw)
		plain = i
	}

	if plain < len(text) {
		list = append(list, Token{Raw: text[plain:]})
	}

	return list
}

// tokenAt reads the tag or comment that text begins with.
func tokenAt(text string) (Token, bool) {
	if text[0] != '<' {
		return Token{}, false
	}
	if strings.HasPrefix(text, commentOpen) {
		return Token{Kind: Comment, Raw: text[:commentEnd(text)]}, true
	}

	text = text[:min(len(text), maxTag)]
	if m := closeTag.FindStringSubmatch(text); m != nil {
		return Token{Kind: Tag, Raw: m[0], Name: strings.ToLower(m[1]), Closing: true}, true
	}

	if m := openTag.FindStringSubmatch(text); m != nil {
		return Token{Kind: Tag, Raw: m[0], Name: strings.ToLower(m[1]), attributes: m[2]}, true
	}

	return Token{}, false
}

const (
	commentOpen  = "<!--"
	commentClose = "-->"
)

// commentEnd is where the comment that text begins with ends. The signs <!--> and
// <!---> are whole comments.
func commentEnd(text string) int {
	for _, short := range []string{"<!-->", "<!--->"} {
		if strings.HasPrefix(text, short) {
			return len(short)
		}
	}

	end := strings.Index(text[len(commentOpen):], commentClose)
	if end < 0 {
		return len(text)
	}

	return len(commentOpen) + end + len(commentClose)
}

// Attribute is the value of a tag's attribute, "" if it has none of that name.
func (t Token) Attribute(name string) string {
	for _, m := range attribute.FindAllStringSubmatch(t.attributes, -1) {
		if strings.EqualFold(m[1], name) {
			return strings.TrimSpace(html.UnescapeString(m[2] + m[3] + m[4]))
		}
	}

	return ""
}

// Bare reports whether an opening tag has no attributes. A type in the text of a
// program, such as List<P>, looks like one.
func (t Token) Bare() bool { return !t.Closing && t.attributes == "" }

// Paired reports for each token whether it is an opening or closing tag whose
// partner is in the list. Pairs that overlap are not all found: the inner tag of
// two that cross has no partner.
func Paired(list []Token) []bool {
	paired := make([]bool, len(list))
	open := map[string]int{}
	var stack []int
	for i, t := range list {
		switch {
		case t.Kind != Tag || void[t.Name]:
		case !t.Closing:
			stack = append(stack, i)
			open[t.Name]++
		case open[t.Name] > 0:
			stack = closeTo(list, stack, open, t.Name)
			partner := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			open[t.Name]--
			paired[partner] = true
			paired[i] = true
		}
	}

	return paired
}

// closeTo drops opening tags from the stack until one of a name is on top. The
// caller has made sure that there is one.
func closeTo(list []Token, stack []int, open map[string]int, name string) []int {
	for {
		top := list[stack[len(stack)-1]].Name
		if top == name {
			return stack
		}

		open[top]--
		stack = stack[:len(stack)-1]
	}
}

// void are the tags that have no partner.
var void = map[string]bool{"br": true, "hr": true, "img": true, "source": true, "wbr": true}

// A Role is what a tag does to the text around it.
type Role int

// The roles. A tag without one stays in the text as it is written.
const (
	Unknown   Role = iota
	Bold           // b, strong
	Italic         // i, em
	Strike         // del, s
	Code           // code, kbd
	Super          // sup
	Sub            // sub
	Plain          // a style that is not shown, such as u: its tags go
	Anchor         // a
	Image          // img
	Break          // br
	Rule           // hr
	Gone           // details: only its tags go
	Summary        // summary: a line of its own in bold
	Block          // p: its text stands apart
	Heading        // h1 to h6
	ListItem       // li
	Row            // tr
	Cell           // td, th
	Preformed      // pre
)

var roles = map[string]Role{
	"b": Bold, "strong": Bold, "i": Italic, "em": Italic, "del": Strike, "s": Strike, "strike": Strike,
	"code": Code, "kbd": Code, "tt": Code, "samp": Code, "sup": Super, "sub": Sub,
	"u": Plain, "ins": Plain, "small": Plain, "big": Plain, "mark": Plain, "span": Plain, "font": Plain, "picture": Plain,
	"a": Anchor, "img": Image, "br": Break, "hr": Rule, "source": Gone, "wbr": Gone, "details": Gone, "summary": Summary,
	"p": Block, "div": Block, "center": Block, "blockquote": Block, "ul": Block, "ol": Block, "dl": Block, "dt": Block, "dd": Block,
	"table": Block, "thead": Block, "tbody": Block, "tfoot": Block, "figure": Block, "figcaption": Block,
	"h1": Heading, "h2": Heading, "h3": Heading, "h4": Heading, "h5": Heading, "h6": Heading,
	"li": ListItem, "tr": Row, "td": Cell, "th": Cell, "pre": Preformed,
}

// Role is the tag's role.
func (t Token) Role() Role {
	if t.Kind != Tag {
		return Unknown
	}

	return roles[t.Name]
}

// NeedsPartner reports whether a tag of this role means something only together
// with its partner. Without it, it is text: List<S> is the name of a type.
func (r Role) NeedsPartner() bool { return r >= Bold && r <= Anchor }
