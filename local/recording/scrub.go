package recording

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Host stands where the name of a provider's host was.
const Host = "provider.example"

// A Scrub lists what must not be in a recording. Secrets, people and addresses that
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
	*cleaner
	role string // of the exchange at hand
}

// A cleaner replaces secrets, names and addresses in texts, addresses and JSON values.
type cleaner struct {
	rules   *Rules
	secrets *secrets
	hosts   *regexp.Regexp // nil without hosts
	people  *people
}

// NewScrubber makes a scrubber. The error says which secret is too short; it does
// not show it.
func NewScrubber(s Scrub) (*Scrubber, error) {
	found, err := newSecrets(s.Secrets)
	if err != nil {
		return nil, err
	}

	made := &cleaner{rules: s.Rules, secrets: found}
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

		// The neighbours of a company's server are the company's too.
		if domain := made.rules.domainOf(host); domain != "" {
			hosts = append(hosts, regexp.QuoteMeta(domain))
		}
	}

	// The longest first: a host may be below another one.
	slices.SortFunc(hosts, func(a, b string) int { return len(b) - len(a) })
	if len(hosts) > 0 {
		// The label before a host is a name too, for example that of a workspace.
		made.hosts = regexp.MustCompile(`(?i)(?:[a-z0-9_-]+\.)*(?:` + strings.Join(hosts, "|") + `)`)
	}

	return &Scrubber{cleaner: made}, nil
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
		} else {
			s.people.within(string(body.Bytes()))
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
			clean.Header[name] = s.responseHeader(name, r.Header[name])
		}
	}

	clean.Body = s.body(r.Body, headerOf(r.Header, "Content-Type"))

	return clean
}

// responseHeader is the value of a header of an answer.
func (s *Scrubber) responseHeader(name, value string) string {
	switch {
	case strings.EqualFold(name, "WWW-Authenticate"):
		value = s.rules.Realm.ReplaceAllString(value, `${1}"`+Redacted+`"`)
	case strings.EqualFold(name, "Server") && !s.rules.Servers.MatchString(value):
		return Redacted
	}

	return s.text(value)
}

// requestHeader is the value of a header; a credential is replaced by the role of
// the caller, behind its scheme.
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
