package recording

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
)

// Redacted stands where a secret was. It needs no escape in a path, in JSON or in
// a header.
const Redacted = "redacted"

// shortest is the length of the shortest secret that can be found in a text, in
// bytes.
const shortest = 6

// nested is how many encodings inside one another are undone.
const nested = 3

// secrets finds declared secrets in texts, in whatever encoding.
type secrets struct {
	plain  []string          // as declared, and each long line of them
	folded []string          // plain in lower case: the name of a header changes its case
	inner  []string          // what base64 makes of their inside, wherever they begin
	simple *strings.Replacer // their spellings that are whole words
}

func newSecrets(declared []string) (*secrets, error) {
	s := &secrets{}
	for i, secret := range declared {
		if len(secret) < shortest {
			return nil, fmt.Errorf("secret %d of %d is shorter than %d bytes: it cannot be distinguished from other text", i+1, len(declared), shortest)
		}

		s.plain = append(s.plain, secret)
		for line := range strings.Lines(secret) {
			if line = strings.TrimSpace(line); len(line) >= 16 && line != secret {
				s.plain = append(s.plain, line)
			}
		}
	}

	var forms []string
	for _, secret := range s.plain {
		forms = append(forms, spellings(secret)...)
		s.inner = append(s.inner, insides(secret)...)
		s.folded = append(s.folded, strings.ToLower(secret))
	}

	// The longest first: a spelling may begin with another one.
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })

	var pairs []string
	for _, form := range forms {
		pairs = append(pairs, form, Redacted)
	}

	s.simple = strings.NewReplacer(pairs...)

	return s, nil
}

// spellings are a secret's forms in texts, addresses and JSON.
func spellings(secret string) []string {
	quoted, err := json.Marshal(secret)
	if err != nil {
		panic(err) // a string always marshals
	}

	forms := []string{
		secret, string(quoted[1 : len(quoted)-1]), html.EscapeString(secret),
		hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))),
	}
	for _, escaped := range []string{url.QueryEscape(secret), url.PathEscape(secret)} {
		forms = append(forms, escaped, lowerPercent(escaped))
	}

	return forms
}

var percentCode = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

func lowerPercent(text string) string { return percentCode.ReplaceAllStringFunc(text, strings.ToLower) }

// insides are what base64 makes of a secret at each of the three places it can
// have behind other bytes. Digits that depend on the neighbours are left out.
func insides(secret string) []string {
	var forms []string
	for shift := range 3 {
		text := append(make([]byte, shift), secret...)
		whole := text[:len(text)/3*3]
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			digits := encoding.EncodeToString(whole)
			if shift > 0 {
				digits = digits[shift+1:]
			}

			if len(digits) >= shortest {
				forms = append(forms, digits)
			}
		}
	}

	return forms
}

// holds reports whether a secret is in a text, in up to depth encodings.
func (s *secrets) holds(text string, depth int) bool {
	if len(text) < shortest || len(s.plain) == 0 {
		return false
	}
	if containsAny(text, s.inner) || containsAny(strings.ToLower(text), s.folded) {
		return true
	}
	if depth == 0 {
		return false
	}

	for _, undone := range readings(text) {
		if s.holds(undone, depth-1) {
			return true
		}
	}

	return false
}

func containsAny(text string, parts []string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
}

// readings are what a text is with one encoding undone.
func readings(text string) []string {
	var all []string
	seen := map[string]bool{text: true}
	add := func(undone string) {
		if len(undone) >= shortest && !seen[undone] {
			seen[undone] = true
			all = append(all, undone)
		}
	}

	if strings.ContainsRune(text, '%') {
		plain := unpercent(text)
		add(plain)
		add(strings.ReplaceAll(plain, "+", " "))
	}

	if strings.ContainsRune(text, '+') {
		add(strings.ReplaceAll(text, "+", " "))
	}

	if strings.ContainsRune(text, '\\') {
		add(unescape(text))
	}

	if strings.ContainsRune(text, '&') {
		add(html.UnescapeString(text))
	}

	if strings.ContainsAny(text, "\r\n") {
		add(lineEnds.Replace(text)) // base64 in lines
	}

	for _, run := range runs(text, 10, &upperThirtyTwo, &lowerThirtyTwo) {
		for from := range min(8, len(run)) {
			part := strings.ToUpper(run[from:])
			if odd := len(part) % 8; odd == 1 || odd == 3 || odd == 6 {
				part = part[:len(part)-1]
			}

			if plain, err := thirtyTwo.DecodeString(part); err == nil {
				add(string(plain))
			}
		}
	}

	for _, run := range runs(text, 8, &sixtyFour) {
		for _, decoded := range decodings(run) {
			add(decoded)
		}
	}

	for _, run := range runs(text, 12, &hexDigits) {
		for _, decoded := range hexDecodings(run) {
			add(decoded)
		}
	}

	return all
}

// unpercent undoes what can be undone of percent codes.
func unpercent(text string) string {
	return percentCode.ReplaceAllStringFunc(text, func(code string) string {
		b, err := hex.DecodeString(code[1:])
		if err != nil {
			return code
		}

		return string(b)
	})
}

var jsonEscape = regexp.MustCompile(`(?:\\u[0-9A-Fa-f]{4})+|\\["\\/bfnrt]`)

// unescape undoes what can be undone of JSON's escapes.
func unescape(text string) string {
	return jsonEscape.ReplaceAllStringFunc(text, func(code string) string {
		var plain string
		if err := json.Unmarshal([]byte(`"`+code+`"`), &plain); err != nil {
			return code
		}

		return plain
	})
}

// digitRuns matches what may be base64.
var digitRuns = regexp.MustCompile(`[A-Za-z0-9+/_-]{8,}={0,2}`)

var lineEnds = strings.NewReplacer("\r", "", "\n", "")

var thirtyTwo = base32.StdEncoding.WithPadding(base32.NoPadding)

// decodings are what a run of digits may stand for. Other characters may touch the
// encoded text, so each of the four places where it can begin is tried.
func decodings(run string) []string {
	standard := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(run, "="))

	var all []string
	for from := range min(4, len(standard)) {
		part := standard[from:]
		if len(part)%4 == 1 {
			part = part[:len(part)-1]
		}

		if plain, err := base64.RawStdEncoding.DecodeString(part); err == nil {
			all = append(all, string(plain), sixteen(plain))
		}
	}

	return all
}

// hexDecodings are what a run of hex digits may stand for.
func hexDecodings(run string) []string {
	var all []string
	for from := range 2 {
		part := run[from:]
		if plain, err := hex.DecodeString(part[:len(part)/2*2]); err == nil {
			all = append(all, string(plain))
		}
	}

	return all
}

// sixteen reads bytes as UTF-16, low byte first, as some tools encode a
// credential.
func sixteen(plain []byte) string {
	units := make([]uint16, 0, len(plain)/2)
	for i := 0; i+1 < len(plain); i += 2 {
		units = append(units, uint16(plain[i])|uint16(plain[i+1])<<8)
	}

	return string(utf16.Decode(units))
}

// words matches what stands between blanks, quotes and brackets.
var words = regexp.MustCompile(`[^\s"'<>(){}\[\],;]+`)

// remove takes secrets out of a text: their spellings, then each run of base64
// that holds one, then each word, then the whole text.
func (s *secrets) remove(text string) string {
	if !s.holds(text, nested) {
		return text
	}

	text = s.simple.Replace(text)
	text = digitRuns.ReplaceAllStringFunc(text, s.removeRun)
	if !s.holds(text, nested) {
		return text
	}

	text = words.ReplaceAllStringFunc(text, func(word string) string {
		if s.holds(word, nested) {
			return Redacted
		}

		return word
	})
	if !s.holds(text, nested) {
		return text
	}

	return Redacted
}

// removeRun takes a secret out of a run of digits: only the part between slashes
// that holds it, if there is one, as the run may be a path.
func (s *secrets) removeRun(run string) string {
	if !s.holds(run, nested) {
		return run
	}

	parts := strings.Split(run, "/")
	for i, part := range parts {
		if s.holds(part, nested) {
			parts[i] = Redacted
		}
	}

	run = strings.Join(parts, "/")
	if s.holds(run, nested) {
		return Redacted
	}

	return run
}
