package recording

import (
	"net/netip"
	"regexp"
	"strings"

	"example.com/integrations/shared/outbound"
)

// addresses match URLs in a text.
var addresses = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://[^\s"'<>\\]+`)

// at is an @ as it stands in texts, addresses, pages and scripts.
const at = `(?:@|%(?:25)?40|&#0*64;|&#x0*40;|&commat;|\\\\?u0040)`

// mails match e-mail addresses, plain and with the @ escaped. Letters are those of
// all languages.
var (
	mails = regexp.MustCompile(`(?i)[\p{L}\p{M}\p{N}._%+'-]*[\p{L}\p{M}\p{N}_%+-]` + at + `(?:[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?\.)+[\p{L}\p{M}]{2,}`)
	ats   = regexp.MustCompile(`(?i)` + at)
)

// fours and sixes match what may be an IP address.
var (
	fours = regexp.MustCompile(`\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b`)
	sixes = regexp.MustCompile(`(?i)[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}`)
)

// text is any text without what must not be in it.
func (c *cleaner) text(text string) string {
	if text == "" {
		return text
	}

	text = c.secrets.remove(text)

	// What stands in an address is replaced there, and not a second time.
	var clean strings.Builder
	from := 0
	for _, found := range addresses.FindAllStringIndex(text, -1) {
		clean.WriteString(c.words(text[from:found[0]]))
		clean.WriteString(c.address(text[found[0]:found[1]]))
		from = found[1]
	}

	clean.WriteString(c.words(text[from:]))

	return clean.String()
}

// words is a text in which addresses are done.
func (c *cleaner) words(text string) string {
	text = c.paths(text)
	text = outbound.TokenForms().ReplaceAllStringFunc(text, token)
	if ats.MatchString(text) { // the search for them is slow
		text = mails.ReplaceAllStringFunc(text, c.mail)
	}

	text = c.people.text(text)
	if c.hosts != nil {
		text = replaceHosts(c.hosts, text)
	}

	for _, tenant := range c.rules.Tenants {
		text = replaceHosts(tenant, text)
	}

	text = escapedAddresses.ReplaceAllStringFunc(text, c.escapedAddress)
	text = fours.ReplaceAllStringFunc(text, func(found string) string { return documentation(found, "192.0.2.1") })

	return sixes.ReplaceAllStringFunc(text, func(found string) string {
		if strings.Count(found, ":") < 3 && !strings.ContainsAny(found, "0123456789") {
			return found // such as std::a
		}

		return documentation(found, "2001:db8::1")
	})
}

// documentation is an address for documentation in the place of an IP address.
func documentation(found, instead string) string {
	if _, err := netip.ParseAddr(found); err != nil {
		return found
	}

	return instead
}

// token replaces what has the form of a credential. A word of letters alone
// behind "token" or "basic" is usual prose.
func token(found string) string {
	scheme, rest, behind := strings.Cut(found, " ")
	if behind && schemes.MatchString(scheme) && !strings.ContainsAny(rest, "0123456789") && strings.ToLower(rest) == rest {
		return found
	}

	return Redacted
}

// mail is the replacement of an e-mail address.
func (c *cleaner) mail(found string) string {
	plain := ats.ReplaceAllString(found, "@")
	if strings.HasSuffix(strings.ToLower(plain), "@"+Host) {
		return found
	}

	return c.people.value(email, plain)
}

// paths replaces the secret parts of paths.
func (c *cleaner) paths(text string) string {
	for _, form := range c.rules.Paths {
		text = replaceGroup(form, text)
	}

	return text
}

// replaceGroup replaces the second group of each match.
func replaceGroup(form *regexp.Regexp, text string) string {
	var clean strings.Builder
	from := 0
	for _, found := range form.FindAllStringSubmatchIndex(text, -1) {
		clean.WriteString(text[from:found[4]])
		clean.WriteString(Redacted)
		from = found[5]
	}

	clean.WriteString(text[from:])

	return clean.String()
}

// address is a URL: no user, the replaced host, a scrubbed path and query.
func (c *cleaner) address(found string) string {
	scheme, rest, _ := strings.Cut(found, "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}

	authority := rest[:end]
	behind := rest[end:]
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		authority = authority[at+1:]
	}

	behind, fragment, marked := strings.Cut(behind, "#")
	made := scheme + "://" + c.authority(authority) + c.pathAndQuery(behind)
	if marked {
		made += "#" + c.words(fragment)
	}

	return made
}
