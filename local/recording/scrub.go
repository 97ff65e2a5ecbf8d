package recording

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"integrations/shared/outbound"
)

// Host stands where the name of a provider's host was.
const Host = "provider.example"

// A Scrub says what must not be in a recording. Secrets, people and addresses that
// have a usual form are found without it.
type Scrub struct {
	// Secrets are tokens, passwords, keys and webhook addresses. One of less than
	// six bytes is refused.
	Secrets []string
	// Hosts are the provider's host names, without a port. They become Host.
	Hosts []string
	// Places are names of places, organisations and people with their replacements,
	// such as "realorg": "acme". They are replaced wherever they are whole words. A
	// name may be its own replacement, so that it stays.
	Places map[string]string
	// Rules are nil for DefaultRules.
	Rules *Rules
}

// A Scrubber removes secrets, names and addresses from exchanges. The
// replacements of people are those of one recording: use one for each.
type Scrubber struct {
	rules   *Rules
	secrets *secrets
	hosts   *regexp.Regexp // nil without hosts
	people  *people
	role    string // of the exchange at hand
}

// NewScrubber makes a scrubber. The error says which secret is too short; it does
// not show it.
func NewScrubber(s Scrub) (*Scrubber, error) {
	found, err := newSecrets(s.Secrets)
	if err != nil {
		return nil, err
	}

	made := &Scrubber{rules: s.Rules, secrets: found}
	if made.rules == nil {
		made.rules = DefaultRules()
	}
	made.people = &people{rules: made.rules, places: map[string]string{}, number: map[string]int{}, shown: map[string]string{}}
	for name, replacement := range s.Places {
		made.people.places[strings.ToLower(name)] = replacement
		made.people.shown[strings.ToLower(name)] = replacement
	}

	var hosts []string
	for _, host := range s.Hosts {
		if host != "" {
			hosts = append(hosts, regexp.QuoteMeta(strings.ToLower(host)))
		}
	}
	// The longest first: a host may be below another one.
	slices.SortFunc(hosts, func(a, b string) int { return len(b) - len(a) })
	if len(hosts) > 0 {
		// What stands before a host is a name too, such as that of a workspace.
		made.hosts = regexp.MustCompile(`(?i)(?:[a-z0-9_-]+\.)*(?:` + strings.Join(hosts, "|") + `)`)
	}

	return made, nil
}

// Scrub returns copies of the exchanges of one recording without secrets, names
// and addresses. If a declared secret, a host or an e-mail address is left in one
// of them, in any encoding, it returns an error that names the exchange, and
// nothing else.
func (s *Scrubber) Scrub(all []Exchange) ([]Exchange, error) {
	for _, e := range all {
		s.learn(e)
	}
	// Paths, forms and texts name people too. After this round all are known, so that
	// a name is also replaced in exchanges before the one that shows whose it is.
	for _, e := range all {
		s.exchange(e)
	}

	clean := make([]Exchange, len(all))
	for i, e := range all {
		clean[i] = s.exchange(e)
		if err := s.check(clean[i]); err != nil {
			return nil, fmt.Errorf("exchange %d: %w", i+1, err)
		}
	}

	return clean, nil
}

// learn notes the people in an exchange.
func (s *Scrubber) learn(e Exchange) {
	for _, body := range []Body{e.Request.Body, e.Response.Body} {
		if value, err := parse(body.Bytes()); err == nil {
			s.people.learn(value, false)
		}
	}

	_, query, _ := strings.Cut(e.Request.Path, "?")
	pairs, err := url.ParseQuery(query)
	if err != nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		for _, value := range pairs[name] {
			s.people.learn(object{{name, value}}, false)
		}
	}
}

// exchange is an exchange without what must not be in it.
func (s *Scrubber) exchange(e Exchange) Exchange {
	s.role = cmp.Or(e.Role, "the account")

	clean := Exchange{Case: s.text(e.Case), Role: s.text(e.Role), Note: s.text(e.Note), Seq: e.Seq}
	clean.Request = s.request(e.Request)
	clean.Response = s.response(e.Response)

	return clean
}

func (s *Scrubber) request(r Request) Request {
	clean := Request{Method: s.text(r.Method), Path: s.target(r.Path), Cut: r.Cut, Header: map[string]*string{}}
	contentType := ""
	// In one order always, as people are numbered in the order in which they are found.
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		value := r.Header[name]
		if strings.EqualFold(name, "Content-Type") && value != nil {
			contentType = *value
		}
		if !listed(s.rules.Kept, strings.ToLower(name)) {
			continue
		}
		if value == nil {
			clean.Header[name] = nil

			continue
		}
		replaced := s.requestHeader(name, *value)
		clean.Header[name] = &replaced
	}
	clean.Body = s.body(r.Body, contentType)

	return clean
}

func (s *Scrubber) response(r Response) Response {
	clean := Response{Status: r.Status, Reason: s.text(r.Reason), Cut: r.Cut, Header: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if listed(s.rules.Kept, strings.ToLower(name)) {
			clean.Header[name] = s.text(r.Header[name])
		}
	}
	clean.Body = s.body(r.Body, headerOf(r.Header, "Content-Type"))

	return clean
}

// requestHeader is the value of a header; a credential is replaced by the name of
// who asks, behind its scheme.
func (s *Scrubber) requestHeader(name, value string) string {
	if !listed(s.rules.Credentials, strings.ToLower(name)) {
		return s.text(value)
	}

	token := "<token of " + s.text(s.role) + ">"
	scheme, _, behind := strings.Cut(value, " ")
	if behind && schemes.MatchString(scheme) {
		return scheme + " " + token
	}

	return token
}

var schemes = regexp.MustCompile(`^(?i:basic|bearer|bot|token|digest)$`)

// body is a body without what must not be in it.
func (s *Scrubber) body(b Body, contentType string) Body {
	sent := b.Bytes()
	if len(sent) == 0 {
		return b
	}

	if value, err := parse(sent); err == nil {
		return BodyOf(encode(s.value(value, other, false)))
	}
	if strings.HasPrefix(strings.ToLower(contentType), "application/x-www-form-urlencoded") {
		return BodyOf([]byte(s.query(string(sent))))
	}

	text := s.text(string(sent))
	for _, form := range s.rules.Texts {
		text = form.ReplaceAllString(text, "${1}"+Redacted)
	}

	return BodyOf([]byte(text))
}

// value is a JSON value. Its kind is what the member that holds it says; expected
// says that it stands where people are.
func (s *Scrubber) value(value any, k kind, expected bool) any {
	switch value := value.(type) {
	case object:
		return s.object(value, k, expected)
	case []any:
		clean := make([]any, len(value))
		for i, one := range value {
			clean[i] = s.value(one, k, expected)
		}

		return clean
	case string:
		if k == other && expected {
			k = login
		}

		return s.named(k, value)
	case json.Number:
		return s.numeral(value, k, expected)
	}

	return value
}

// object is a JSON object.
func (s *Scrubber) object(o object, k kind, expected bool) object {
	person := s.rules.isPerson(o, expected)

	clean := make(object, len(o))
	for i, m := range o {
		own := s.rules.kindOf(m.name)
		if person {
			own = s.rules.personal(m.name)
		}
		if own == other && (k == avatar || k == secret) {
			own = k
		}
		clean[i] = member{s.text(m.name), s.value(m.value, own, listed(s.rules.People, strings.ToLower(m.name)))}
	}

	return clean
}

// named is a text of which it is known what it says.
func (s *Scrubber) named(k kind, value string) string {
	if value == "" {
		return value
	}

	switch k {
	case secret, detail:
		return Redacted
	case avatar:
		if strings.Contains(value, "://") {
			return "https://" + Host + "/avatar"
		}

		return "avatar"
	case login, display, email, id:
		if strings.Contains(value, "://") {
			return s.text(value)
		}

		if replaced := s.people.value(k, value); replaced != value {
			return replaced
		}
	}

	return s.text(value)
}

// numeral is a number: an account id, a secret, or a plain one.
func (s *Scrubber) numeral(n json.Number, k kind, expected bool) json.Number {
	if k == id || expected && k != secret {
		replaced := s.people.value(id, n.String())
		if _, err := strconv.ParseInt(replaced, 10, 64); err == nil {
			return json.Number(replaced)
		}

		return "0"
	}
	if k == secret || s.secrets.holds(n.String(), nested) {
		return "0"
	}

	return n
}

// addresses match URLs in a text.
var addresses = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://[^\s"'<>\\]+`)

// mails match e-mail addresses, plain and with the @ escaped.
var mails = regexp.MustCompile(`(?i)[a-z0-9._%+-]*[a-z0-9_%+-](?:@|%40)(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}`)

// fours and sixes match what may be an IP address.
var (
	fours = regexp.MustCompile(`\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b`)
	sixes = regexp.MustCompile(`(?i)[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}`)
)

// text is any text without what must not be in it.
func (s *Scrubber) text(text string) string {
	if text == "" {
		return text
	}

	text = s.secrets.remove(text)

	// What stands in an address is replaced there, and not a second time.
	var clean strings.Builder
	from := 0
	for _, found := range addresses.FindAllStringIndex(text, -1) {
		clean.WriteString(s.words(text[from:found[0]]))
		clean.WriteString(s.address(text[found[0]:found[1]]))
		from = found[1]
	}
	clean.WriteString(s.words(text[from:]))

	return clean.String()
}

// words is a text in which addresses are done.
func (s *Scrubber) words(text string) string {
	text = s.paths(text)
	text = outbound.TokenForms().ReplaceAllStringFunc(text, token)
	if strings.ContainsRune(text, '@') || strings.Contains(text, "%40") { // the search for them is slow
		text = mails.ReplaceAllStringFunc(text, s.mail)
	}
	text = s.people.text(text)
	if s.hosts != nil {
		text = s.hosts.ReplaceAllString(text, Host)
	}
	for _, tenant := range s.rules.Tenants {
		text = tenant.ReplaceAllString(text, Host)
	}
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
func (s *Scrubber) mail(found string) string {
	plain := strings.Replace(found, "%40", "@", 1)
	if strings.HasSuffix(strings.ToLower(plain), "@"+Host) {
		return found
	}

	return s.people.value(email, plain)
}

// paths replaces the secret parts of paths.
func (s *Scrubber) paths(text string) string {
	for _, form := range s.rules.Paths {
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
func (s *Scrubber) address(found string) string {
	scheme, rest, _ := strings.Cut(found, "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, behind := rest[:end], rest[end:]
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		authority = authority[at+1:]
	}
	behind, fragment, marked := strings.Cut(behind, "#")
	made := scheme + "://" + s.words(authority) + s.pathAndQuery(behind)
	if marked {
		made += "#" + s.words(fragment)
	}

	return made
}

// target is the path and query of a request.
func (s *Scrubber) target(target string) string {
	clean := s.pathAndQuery(s.secrets.remove(target))
	if clean != "" && !strings.HasPrefix(clean, "/") {
		return "/" + clean
	}

	return clean
}

func (s *Scrubber) pathAndQuery(target string) string {
	path, query, asked := strings.Cut(target, "?")
	parts := strings.Split(s.paths(path), "/")
	for i, part := range parts {
		parts[i] = s.segment(part, i > 0 && listed(s.rules.Segments, strings.ToLower(parts[i-1])))
	}
	path = strings.Join(parts, "/")
	if asked {
		return path + "?" + s.query(query)
	}

	return path
}

// segment is a part of a path, which may name a person.
func (s *Scrubber) segment(part string, person bool) string {
	plain, err := url.PathUnescape(part)
	if err != nil {
		return s.text(part)
	}

	clean := plain
	if person && plain != "" {
		clean = s.person(plain)
	}
	if clean == plain {
		clean = s.text(plain)
	}
	if clean == plain {
		return part
	}

	return url.PathEscape(clean)
}

// person is a value that names a person by login or by id.
func (s *Scrubber) person(value string) string {
	k := login
	if digits(value) {
		k = id
	}

	return s.people.value(k, value)
}

// query is a query or a form.
func (s *Scrubber) query(query string) string {
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, value, has := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil {
			plain = name
		}
		clean := escapedIfChanged(name, s.text(plain), plain)
		if has {
			clean += "=" + s.parameter(plain, value)
		}
		pairs[i] = clean
	}

	return strings.Join(pairs, "&")
}

func (s *Scrubber) parameter(name, value string) string {
	plain, err := url.QueryUnescape(value)
	if err != nil {
		return url.QueryEscape(s.text(value))
	}

	// A form may hold JSON, as Slack's do.
	if tree, err := parse([]byte(plain)); err == nil && strings.ContainsAny(plain, "{[") {
		text := string(encode(s.value(tree, other, false)))

		return escapedIfChanged(value, text, string(encode(tree)))
	}

	k := s.rules.kindOf(name)
	if k == other && listed(s.rules.People, strings.ToLower(name)) {
		k = login
	}

	return escapedIfChanged(value, s.named(k, plain), plain)
}

// escapedIfChanged keeps the escapes of a part that was not changed.
func escapedIfChanged(was, clean, plain string) string {
	if clean == plain {
		return was
	}

	return url.QueryEscape(clean)
}

// Errors of a check.
var (
	errSecretLeft  = errors.New("something like a declared secret is left")
	errAddressLeft = errors.New("a host name or an e-mail address is left")
)

// check looks for what is left in a scrubbed exchange.
func (s *Scrubber) check(e Exchange) error {
	var line strings.Builder
	if err := Write(&line, e); err != nil {
		return errSecretLeft // the error's text could show one
	}

	text := line.String()
	if s.secrets.holds(text, nested) {
		return errSecretLeft
	}
	for _, found := range mails.FindAllString(text, -1) {
		if !strings.HasSuffix(strings.ToLower(found), Host) {
			return errAddressLeft
		}
	}
	if s.hosts != nil && s.hosts.MatchString(strings.ReplaceAll(strings.ToLower(text), Host, "")) {
		return errAddressLeft
	}

	return nil
}
