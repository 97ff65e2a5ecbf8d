// Package answers reads what a provider answered: proof that it did what the
// request asked for, or why it refused.
//
// Read gives the words of a refusal and how long it asks to wait. ProofOf gives
// the documented successes of an operation: a success of any other form may come
// from a proxy or a login page. FindRefusal says which refusals of a write concern
// a whole integration.
package answers

import (
	"bytes"
	"math"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/integrations/shared/outbound"
)

// maxWords bounds the words of a body before they are cleaned, in bytes.
const maxWords = 4 << 10

// maxQuoted bounds the words that a summary quotes, in code points.
const maxQuoted = 150

// A Problem is what an answer says besides its status.
type Problem struct {
	// Words are the provider's own words in one line, cleaned and cut: the text
	// members of a JSON body, a plain text, the title or the first visible words
	// of a page, the reason phrase of an answer without a body. They are "" where
	// the body holds none.
	Words string
	// Summary is never empty: status, media type and the first words of the
	// body, for example `403 text/html "Attention Required!"`.
	Summary string
	// JSON says that the body begins as a JSON object or list.
	JSON bool
	// Empty says that there is no body.
	Empty bool
	// Markup says that the body is HTML or XML, whatever its media type.
	Markup bool
	// Login says that the body is a page that asks a person to log in.
	Login bool
	// Wait is how long the body asks to wait, from a millisecond to
	// outbound.MaxWait. WaitTold is false where it does not say.
	Wait     time.Duration
	WaitTold bool

	said string // the words before they were cut, in lower case
	tree node
}

// Read reads an answer. Clean takes secrets and control characters out of
// foreign text and cuts it: outbound.Client.Clean.
func Read(answer outbound.Response, clean func(string) string) Problem {
	var p Problem
	body := answer.Body
	p.Empty = len(strings.TrimSpace(string(body[:min(len(body), maxBytes)]))) == 0
	words := ""
	switch tree, ok := parse(body); {
	case p.Empty:
		words = reasonPhrase(answer)
	case ok && tree.kind != '0' && tree.kind != 0:
		p.tree = tree
		p.JSON = tree.kind != '"'
		var s speaker
		s.say(tree, nil, false)
		words = strings.Join(s.parts, "; ")

	case markup(body):
		words = pageWords(body)
		p.Markup, p.Login = true, login(body)
	default:
		words = string(head(body, maxWords))
	}

	words = bounded(oneLine(words))

	p.Words = clean(words)
	p.said = strings.ToLower(words)
	p.Wait, p.WaitTold = waitOf(p.tree, words)
	p.Summary = summary(answer, p, clean)

	return p
}

// Reason is a sentence of ours with the provider's words behind it. Where the
// body is not the provider's JSON, or holds no words, the summary stands there.
// It is never empty.
func (p Problem) Reason(sentence string) string {
	words := p.Words
	if words == "" || !p.JSON {
		words = p.Summary
	}

	if sentence == "" {
		return words
	}

	return sentence + ": " + words
}

// Says reports whether the words hold a phrase, given in lower case.
func (p Problem) Says(phrase string) bool { return strings.Contains(p.said, phrase) }

// Member is the text of a member of a JSON body, its number or boolean as text.
// The path has the names of objects within one another. "": there is none.
func (p Problem) Member(path ...string) string {
	at := p.tree
	for _, name := range path {
		next, ok := at.member(name)
		if !ok {
			return ""
		}
		at = next
	}

	if at.kind != '"' && at.kind != '0' {
		return ""
	}

	return at.text
}

// Unauthenticated reports whether a 401 is a provider's own: it has a JSON
// body or a challenge (https://www.rfc-editor.org/rfc/rfc9110#status.401). A
// page from a proxy or firewall has neither.
func Unauthenticated(answer outbound.Response, p Problem) bool {
	return answer.Status == http.StatusUnauthorized && (p.JSON || answer.Header.Get("Www-Authenticate") != "")
}

// Foreign reports whether a refusal of a read, a status from 400 to 499, is not
// shown to be the provider's own. Its own are JSON, a 401 with a challenge, and
// an answer that is marked: it has a header or words that only the provider
// sends. Any other form, a plain text or an empty body too, may come from a
// gateway, and is an outage: see Intercepted.
func (p Problem) Foreign(answer outbound.Response, marked bool) bool {
	if answer.Status < 400 || answer.Status > 499 {
		return false
	}

	return !p.JSON && !marked && !Unauthenticated(answer, p)
}

// ForeignCode is the machine code of a success without proof: session_expired
// where a page asks a person to log in, else foreign_answer.
func (p Problem) ForeignCode() string {
	if p.Login {
		return "session_expired"
	}

	return "foreign_answer"
}

// Intercepted is the machine code and the detail of a foreign answer in place of
// a provider's answer to a read: a firewall's or a gateway's refusal is an
// outage, and no verdict on the credentials or the place.
func (p Problem) Intercepted(provider string) (code, detail string) {
	code = "provider_unavailable"
	if p.Login {
		code = "session_expired"
	}

	return code, p.Reason("something before " + provider + " answers in its place")
}

// MediaType is an answer's media type in lower case, without parameters, "" for
// none.
func MediaType(answer outbound.Response) string {
	media, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil || len(media) > 100 {
		return ""
	}

	return media
}

// IsJSON reports whether a media type is that of JSON
// (https://www.rfc-editor.org/rfc/rfc6839#section-3.1).
func IsJSON(media string) bool {
	return media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}

// reasonPhrase is the text of the status line, where it says more than the
// status. HTTP/2 has none (https://www.rfc-editor.org/rfc/rfc9112#section-4).
func reasonPhrase(answer outbound.Response) string {
	if answer.Reason == http.StatusText(answer.Status) {
		return ""
	}

	return answer.Reason
}

func summary(answer outbound.Response, p Problem, clean func(string) string) string {
	parts := []string{strconv.Itoa(answer.Status)}
	if media := MediaType(answer); media != "" && !p.Empty {
		parts = append(parts, clean(media))
	}

	quoted := p.Words
	switch {
	case p.Empty:
		parts = append(parts, "without a body")
	case quoted == "":
		quoted = clean(bounded(oneLine(string(head(answer.Body, maxWords)))))
	}

	if utf8.RuneCountInString(quoted) > maxQuoted {
		quoted = string([]rune(quoted)[:maxQuoted-1]) + "…"
	}

	if quoted != "" {
		parts = append(parts, `"`+quoted+`"`)
	}

	return strings.Join(parts, " ")
}

// oneLine joins the words of a text with single spaces.
func oneLine(text string) string {
	return strings.Join(strings.Fields(strings.ToValidUTF8(text, " ")), " ")
}

// bounded cuts a line between two words.
func bounded(line string) string { return string(head([]byte(line), maxWords)) }

// head is the beginning of a text, cut at white space. A word that is cut could
// be a part of a secret that is not found any more, so it is left out.
func head(text []byte, most int) []byte {
	if len(text) <= most {
		return text
	}

	end := bytes.LastIndexAny(text[:most+1], " \t\r\n")

	return text[:max(end, 0)]
}

// waitText finds a wait in words: "Try again in 17 seconds", "Retry in 2
// minutes", "please wait 1.5 s".
var waitText = regexp.MustCompile(`(?i)\b(?:again|retry|wait|after)\b[^0-9]{0,40}([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h)\b`)

// waitOf is how long a body asks to wait.
func waitOf(tree node, words string) (time.Duration, bool) {
	objects := []node{tree}
	if nested, ok := tree.member("error"); ok {
		objects = append(objects, nested)
	}

	for _, object := range objects {
		for _, name := range []string{"retry_after", "retryAfter", "retry_after_seconds", "retryAfterSeconds"} {
			value, _ := object.member(name)
			if wait, ok := seconds(value.text, 1); ok {
				return wait, true
			}
		}
	}

	groups := waitText.FindStringSubmatch(words)
	if groups == nil {
		return 0, false
	}

	unit := 1.0
	switch name := strings.ToLower(groups[2]); {
	case strings.HasPrefix(name, "ms"), strings.HasPrefix(name, "milli"):
		unit = 0.001
	case strings.HasPrefix(name, "m"):
		unit = 60
	case strings.HasPrefix(name, "h"):
		unit = 3600
	}

	return seconds(groups[1], unit)
}

// seconds is a number of units as a time, rounded up to the millisecond, never
// zero, at most outbound.MaxWait.
func seconds(text string, unit float64) (time.Duration, bool) {
	number, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	switch {
	case err != nil && !math.IsInf(number, 1), math.IsNaN(number), number < 0:
		return 0, false
	case number*unit >= outbound.MaxWait.Seconds():
		return outbound.MaxWait, true
	}

	wait := time.Duration(math.Ceil(number*unit*1000)) * time.Millisecond

	return max(wait, time.Millisecond), true
}
