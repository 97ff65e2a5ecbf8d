package main

import (
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Settings is everything a deployment decides, read from CDK's context (`-c name=value`, or CDK_CONTEXT_JSON).
type Settings struct {
	Stage        string
	Profile      Profile
	Architecture string
	AlarmEmail   string
	// PurgeAfterDays is how many days after its deletion everything of an organisation is erased.
	PurgeAfterDays int
	Timings        Timings
	Callers
	Platform
	Network
	Syncing
}

// Callers are accepted by the tokens of one issuer.
type Callers struct {
	Issuer    string
	Audience  []string
	Scopes    []string
	UserClaim string
}

// Platform is where the events come from.
type Platform struct {
	EventSource string
	Publishers  []string
	// ItemsURL is the platform's list of items, "" if it has none: digests lead there.
	ItemsURL string
}

// Network is where functions that call providers run, and what they may dial there.
type Network struct {
	VPC       string
	Subnets   []string
	AllowDial []DialRule
}

// Syncing is how the worker treats providers.
type Syncing struct {
	MaximumConcurrency int
	// Pacing is how fast providers are called: as they publish, not limited at all, or as it says.
	Pacing string
	// RestoredAt is when the table was restored from a backup, "" if it never was: integrations then look for their
	// objects at the provider before they create any.
	RestoredAt string
}

// A DialRule lets the worker connect to one port of a private network, which it otherwise refuses.
type DialRule struct {
	Network netip.Prefix
	Port    uint16
}

func (r DialRule) String() string { return fmt.Sprintf("%s:%d", r.Network, r.Port) }

var (
	stagePattern  = regexp.MustCompile(`^[a-z][a-z0-9-]{0,19}$`)
	claimPattern  = regexp.MustCompile(`^[A-Za-z0-9_.:/-]+$`)
	sourcePattern = regexp.MustCompile(`^[A-Za-z0-9_./-]{1,200}$`)
	vpcPattern    = regexp.MustCompile(`^vpc-[0-9a-f]+$`)
	subnetPattern = regexp.MustCompile(`^subnet-[0-9a-f]+$`)
	// The worker reads it exactly; this keeps out what cannot be meant.
	pacingPattern = regexp.MustCompile(`^(published|off|[a-z]+=[a-z0-9:/.,]+(;[a-z]+=[a-z0-9:/.,]+)*)$`)
	// The worker reads it exactly; this keeps out what cannot be meant.
	listPattern = regexp.MustCompile(`^https://[^\s{}]+(\{(organisation_id|item_type)\}[^\s{}]*)*$`)
	rolePattern = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]+$`)
)

// readSettings reports every missing and malformed value at once, each with its name.
func readSettings(lookup func(string) any) (Settings, error) {
	r := reader{lookup: lookup}
	s := Settings{
		Stage:   r.matching("stage", "", stagePattern, "a lower-case name of up to 20 letters, digits and dashes"),
		Profile: r.profile(),
	}

	s.UserClaim = r.matching("userClaim", "sub", claimPattern, "the name of a token claim")
	s.EventSource = r.matching("eventSource", "platform", sourcePattern, "an EventBridge source")
	s.AlarmEmail = r.email("alarmTopic")
	s.Audience = r.list("audience", nil, "")
	s.Scopes = r.list("scopes", nil, "")
	s.VPC = r.optional("vpcId", vpcPattern, "the id of a VPC (vpc-…)")
	s.Subnets = r.list("subnetIds", subnetPattern, "ids of subnets (subnet-…)")
	s.Pacing = r.matching("pacing", "published", pacingPattern, "published, off or limits as github=gap:1s,creates:80/1m")
	s.Publishers = r.list("publishers", rolePattern, "ARNs of roles or users")
	s.Timings = timingsOf(s.Profile)
	s.Timings.Pull = time.Duration(r.number("pullMinutes", 0, 1, 1440)) * time.Minute
	if s.Timings.Pull == 0 {
		s.Timings.Pull = timingsOf(s.Profile).Pull
	}

	s.PurgeAfterDays = r.number("purgeAfterDays", 30, 1, 3650)
	s.RestoredAt = r.time("restoredAt")
	s.ItemsURL = r.optional("itemsUrl", listPattern, "an https address, in which {organisation_id} and {item_type} may stand")
	s.Issuer = r.issuer(s.Profile)
	s.MaximumConcurrency = r.number("maximumConcurrency", 4, 2, 1000)
	s.Architecture = r.architecture(s.Profile)
	s.AllowDial = r.dialRules("allowDial")
	r.require("audience", len(s.Audience) > 0)
	if (s.VPC == "") != (len(s.Subnets) == 0) {
		r.bad("subnetIds", "goes with vpcId: give both or neither")
	}

	return s, errors.Join(r.problems...)
}

// reader collects what is wrong, so that all of it can be corrected at once.
type reader struct {
	lookup   func(string) any
	problems []error
}

func (r *reader) bad(name, format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf("context %s: %s", name, fmt.Sprintf(format, args...)))
}

func (r *reader) require(name string, present bool) {
	if !present {
		r.bad(name, "is missing, give it with -c %s=…", name)
	}
}

// text accepts what `-c` gives (always a string) and what JSON gives (a number, a list of strings).
func (r *reader) text(name string) string {
	switch v := r.lookup(name).(type) {
	case nil:
		return ""
	case string:
		return strings.TrimSpace(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = fmt.Sprint(e)
		}
		return strings.Join(parts, ",")

	default:
		r.bad(name, "must be text, a number or a list, not %T", v)
		return ""
	}
}

func (r *reader) matching(name, preset string, pattern *regexp.Regexp, form string) string {
	text := r.text(name)
	if text == "" {
		text = preset
	}

	if text == "" {
		r.require(name, false)
	} else if !pattern.MatchString(text) {
		r.bad(name, "%q is not %s", text, form)
	}

	return text
}

// time accepts a moment of RFC 3339, or nothing.
func (r *reader) time(name string) string {
	text := r.text(name)
	if _, err := time.Parse(time.RFC3339, text); text != "" && err != nil {
		r.bad(name, "%q is not a time as 2026-01-02T15:04:05Z", text)
	}
	return text
}

func (r *reader) optional(name string, pattern *regexp.Regexp, form string) string {
	text := r.text(name)
	if text != "" && !pattern.MatchString(text) {
		r.bad(name, "%q is not %s", text, form)
	}
	return text
}

func (r *reader) list(name string, pattern *regexp.Regexp, form string) []string {
	var list []string
	for part := range strings.SplitSeq(r.text(name), ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}

		if pattern != nil && !pattern.MatchString(part) {
			r.bad(name, "%q: must be %s", part, form)
		}

		list = append(list, part)
	}

	return list
}

func (r *reader) number(name string, preset, low, high int) int {
	text := r.text(name)
	if text == "" {
		return preset
	}

	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		r.bad(name, "%q is not a whole number from %d to %d", text, low, high)
	}

	return n
}

func (r *reader) profile() Profile {
	switch text := r.text("profile"); text {
	case "", string(production):
		return production
	case string(local):
		return local
	default:
		r.bad("profile", "%q is neither %s nor %s", text, production, local)
		return production
	}
}

// issuer must be https, as API Gateway fetches its keys; the local environment's own issuer is plain http on loopback.
func (r *reader) issuer(profile Profile) string {
	text := r.text("issuer")
	if text == "" {
		r.require("issuer", false)
		return ""
	}

	u, err := url.Parse(text)
	secure := err == nil && u.Scheme == "https" || err == nil && u.Scheme == "http" && profile == local
	if !secure || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		r.bad("issuer", "%q is not the https address of an OpenID Connect issuer", text)
	}

	return text
}

// architecture names the folder under build/: a machine's own for the local environment, as arm64 does not run on x86-64.
func (r *reader) architecture(profile Profile) string {
	text := r.text("goarch")
	if text == "" && profile == local {
		text = runtime.GOARCH
	}

	if text == "" {
		text = "arm64"
	}

	if !slices.Contains([]string{"arm64", "amd64"}, text) {
		r.bad("goarch", "%q is neither arm64 nor amd64", text)
	}

	return text
}

func (r *reader) email(name string) string {
	text := r.text(name)
	if text == "" {
		return ""
	}

	if a, err := mail.ParseAddress(text); err != nil || a.Address != text {
		r.bad(name, "%q is not an e-mail address", text)
	}

	return text
}

func (r *reader) dialRules(name string) []DialRule {
	var rules []DialRule
	for _, text := range r.list(name, nil, "") {
		rule, err := parseDialRule(text)
		if err != nil {
			r.bad(name, "%q is not cidr:port", text)
			continue
		}

		rules = append(rules, rule)
	}

	return rules
}

func parseDialRule(text string) (DialRule, error) {
	cut := strings.LastIndex(text, ":")
	if cut < 0 {
		return DialRule{}, errors.New("no port")
	}

	network, err := netip.ParsePrefix(text[:cut])
	if err != nil {
		return DialRule{}, err
	}

	port, err := strconv.ParseUint(text[cut+1:], 10, 16)
	if err != nil || port == 0 {
		return DialRule{}, fmt.Errorf("port %q", text[cut+1:])
	}

	return DialRule{Network: network.Masked(), Port: uint16(port)}, nil
}
