package raw

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

var (
	// named is what looks like the name of a host: labels with dots between, the
	// last one without digits, or encoded for DNS. What follows the name may be a
	// path, which names no host.
	named = regexp.MustCompile(`(?i)([\pL\pM\pN_-]+(?:\.[\pL\pM\pN_-]+)*\.(?:xn--[a-z0-9-]+|\pL[\pL\pM]+)\.?)(?::[0-9]+)?` + anyPath)

	// numbered is an IPv4 address.
	numbered = regexp.MustCompile(`\b([0-9]{1,3}(?:\.[0-9]{1,3}){3})\b(?::[0-9]+)?` + anyPath)

	// addressed is an address with its scheme. Its host may be a single word.
	addressed = regexp.MustCompile(`(?i)\bhttps?:[/\\]{2,}(\[[0-9a-f:.]+\]|[^\s/\\?#:\[\]()<>,;"']+)(?::[0-9]+)?` + anyPath)

	// mailAddress is an address for mail, and mailbox what stands before the host in
	// one.
	mailAddress = regexp.MustCompile(`(?i)^mailto:`)
	mailbox     = regexp.MustCompile(`[^\s@/]+@`)

	// explicit is what begins an address in a text.
	explicit = regexp.MustCompile(`(?i)https?:[/\\]{2}|\bwww\.`)
)

// anyPath is the path, query and fragment behind a host.
const anyPath = "(?:[/?#][A-Za-z0-9._~:/?#@!$&'()*+,;=%-]*)?"

// files are endings of names of files that are no top-level domains. Endings such
// as md, py and sh are both: a name with one of them counts as a host.
var files = endings(`bat bmp cfg class cmd conf cpp crt css csv cxx dart deb diff dll dmg doc docx dockerfile
	ear env exe gif go gradle gz hpp htm html ico ini ipynb jar java jpeg jpg js json jsonl jsx key kt lock log lua
	mdx mjs odt pdf pem php png ppt pptx proto psd rb rpm rst scss sql svelte svg swift tar tex tgz tmpl toml ts tsv tsx
	txt vim vue war wasm wav webm webp xls xlsx xml yaml yml`)

func endings(list string) map[string]bool {
	set := map[string]bool{}
	for _, ending := range strings.Fields(list) {
		set[ending] = true
	}

	return set
}

// Hides reports whether a link's text names a host to which the link does not
// lead. Hosts are compared as a whole, but for www. before them: who may write
// below a subdomain is not known here. An address that leads to no other page's
// host, such as a path, is hidden only by a text that is itself an address with a
// scheme or www. An address whose host is in doubt is hidden by each host named.
func Hides(text, address string) bool {
	text = plain(text)
	to, known := leadsTo(address)
	if known && to == "" && !explicit.MatchString(text) {
		return false
	}

	if mailAddress.MatchString(address) {
		text = mailbox.ReplaceAllString(text, "")
	}

	// An address in the text names its host alone, so it is read before the rest.
	for _, m := range addressed.FindAllStringSubmatch(text, -1) {
		if bare(m[1]) != to {
			return true
		}
	}

	rest := addressed.ReplaceAllString(text, " ")
	for _, m := range numbered.FindAllStringSubmatch(rest, -1) {
		if m[1] != to {
			return true
		}
	}

	for _, m := range named.FindAllStringSubmatch(rest, -1) {
		name := bare(m[1])
		ending := name[strings.LastIndexByte(name, '.')+1:]
		if name != to && !files[ending] {
			return true
		}
	}

	return false
}

// bare is a host's name in the form in which names are compared.
func bare(host string) string {
	host = strings.Trim(strings.ToLower(host), "[].")

	return strings.TrimPrefix(host, "www.")
}

// leadsTo is the host to which an address leads, "" if it stays on its page's
// host. It is not known where programs differ in reading the address.
func leadsTo(address string) (host string, known bool) {
	u, err := url.Parse(strings.TrimSpace(address))
	switch {
	case err != nil:
		return "", false
	case strings.EqualFold(u.Scheme, "mailto"):
		_, domain, _ := strings.Cut(u.Opaque, "@")
		return bare(domain), domain != ""
	case u.Hostname() != "":
		return bare(u.Hostname()), true
	case u.Scheme != "" || strings.HasPrefix(address, "//"):
		return "", false
	}

	return "", true
}

// dots are the signs that browsers, or readers, take as the dot of a name.
var dots = strings.NewReplacer("。", ".", "．", ".", "｡", ".", "․", ".")

// plain is a text as it is seen: without invisible characters, wide forms of ASCII
// as ASCII.
func plain(text string) string {
	return dots.Replace(strings.Map(func(r rune) rune {
		switch {
		case r >= '！' && r <= '～' && r != '．':
			return r - '！' + '!'
		case unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
			return -1
		}

		return r
	}, text))
}
