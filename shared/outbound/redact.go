package outbound

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Redacted stands where something secret was.
const Redacted = "[redacted]"

// maxDetail bounds vendor text in an error, in code points.
const maxDetail = 200

// tokens are the forms of all providers' credentials, open at their end: their
// lengths change without notice.
var tokens = regexp.MustCompile(strings.Join([]string{
	`gh[pousr]_[A-Za-z0-9._-]{20,}`, `github_pat_[A-Za-z0-9_]{20,}`,
	`[A-Za-z0-9-]*gl(?:pat|oas|dt|ptt|rt|cbt|soat|ft|agent|imt)-[A-Za-z0-9_.=-]{10,}`,
	`AT[A-Z]{2,4}T3[A-Za-z0-9_=.-]{20,}`, `ATSTT[A-Za-z0-9_=.-]{20,}`,
	`xox[a-z](?:\.xox[bp])?-[A-Za-z0-9-]{8,}`, `xapp-[A-Za-z0-9-]{8,}`,
	`https?://(?:[a-z]+\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/[^\s"'<>]+`,
	`https?://hooks\.slack(?:-gov)?\.com/[^\s"'<>]+`,
	`[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}`,
	`eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)?`,
	`(?i)\bsig=[A-Za-z0-9%_.~+/=-]+`,
	`(?i)\b(?:bearer|basic|token|hmac)\s+[A-Za-z0-9._~+/=-]{12,}`,
	`(?i)\b(?:authorization|private-token|x-api-key)\s*[:=]\s*\S+(?:\s+\S+)?`,
	`whsec_[A-Za-z0-9+/=]{8,}`,
	`-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`,
}, "|"))

// urls finds addresses, so that what may be secret in one is dropped.
var urls = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://[^\s"'<>]+`)

type redactor struct{ values *strings.Replacer }

func newRedactor(secrets []string) *redactor {
	var forms []string
	for _, secret := range secrets {
		forms = append(forms, spellings(secret)...)
		for _, line := range strings.Split(secret, "\n") {
			if line = strings.TrimSpace(line); len(line) >= 16 {
				forms = append(forms, spellings(line)...)
			}
		}
	}

	// The longest first: a form may begin with another one.
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, form := range forms {
		pairs = append(pairs, form, Redacted)
	}

	return &redactor{values: strings.NewReplacer(pairs...)}
}

// spellings are a secret's forms in URLs, JSON and encoded credentials.
func spellings(secret string) []string {
	if secret == "" {
		return nil
	}

	forms := []string{secret}
	if len(secret) < 6 {
		return forms
	}

	quoted, _ := json.Marshal(secret)
	escaped := []string{url.QueryEscape(secret), url.PathEscape(secret), strings.ReplaceAll(url.QueryEscape(secret), "+", "%20")}
	forms = append(forms, string(quoted[1:len(quoted)-1]), hex.EncodeToString([]byte(secret)))
	for _, form := range escaped {
		forms = append(forms, form, percent.ReplaceAllStringFunc(form, strings.ToLower))
	}

	return append(forms, encodings(secret)...)
}

var percent = regexp.MustCompile(`%[0-9A-F]{2}`)

// encodings are what base64 makes of a secret at each of the three places it
// can have behind other bytes, as in Basic user:secret. Digits at the ends that
// depend on the neighbours are left out.
func encodings(secret string) []string {
	var forms []string
	for shift := range 3 {
		text := append(make([]byte, shift), secret...)
		whole := text[:len(text)/3*3]
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			digits := enc.EncodeToString(whole)
			if shift > 0 {
				digits = digits[shift+1:]
			}

			if len(digits) >= 6 {
				forms = append(forms, digits)
			}
		}
	}

	return forms
}

// Clean makes foreign text fit for an error: one line without control
// characters, secrets and what could be one left out, at most 200 code points.
func (c *Client) Clean(text string) string { return c.redactor.clean(text) }

func (r *redactor) clean(text string) string {
	text = oneLine(text)
	text = r.values.Replace(text)
	text = tokens.ReplaceAllString(text, Redacted)
	text = urls.ReplaceAllStringFunc(text, bareURL)
	return cut(strings.Join(strings.Fields(text), " "))
}

// oneLine drops what is not to be seen, so that nothing can hide in it, nor a
// secret be broken up by it.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r):
			return -1
		}

		return r
	}, text)
}

// bareURL leaves scheme, host and path of an address.
func bareURL(text string) string {
	text, _, _ = strings.Cut(text, "?")
	text, _, _ = strings.Cut(text, "#")
	scheme, rest, _ := strings.Cut(text, "://")
	authority, path, slash := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		authority = authority[i+1:]
	}

	if slash {
		path = "/" + path
	}

	return scheme + "://" + authority + path
}

func cut(text string) string {
	if utf8.RuneCountInString(text) <= maxDetail {
		return text
	}
	return string([]rune(text)[:maxDetail-1]) + "…"
}
