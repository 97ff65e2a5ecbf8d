package discord

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// The lengths that Discord allows. It does not say what it counts. Here it is UTF-16
// units, which gives the largest number.
const (
	maxContent     = 2000
	maxEmbeds      = 10
	maxTitle       = 256
	maxDescription = 4096
	maxFields      = 25
	maxName        = 256
	maxValue       = 1024
	maxFooter      = 2048
	maxAuthor      = 256
	maxAll         = 6000 // over all embeds
	maxURL         = 2048
	maxNonce       = 25
	maxUsername    = 80
)

// content is what a message holds.
type content struct {
	Content string   `json:"content"`
	Embeds  []embed  `json:"embeds,omitempty"`
	Flags   int      `json:"flags,omitempty"`
	Allowed *allowed `json:"allowed_mentions,omitempty"`
	// Webhook says that a webhook sent it. By default it mentions less.
	Webhook bool `json:"webhook,omitempty"`
}

// An embed is a card in a message
// (https://discord.com/developers/docs/resources/message#embed-object).
type embed struct {
	Title       string       `json:"title,omitempty"`
	Description string       `json:"description,omitempty"`
	URL         string       `json:"url,omitempty"`
	Timestamp   string       `json:"timestamp,omitempty"`
	Color       *int         `json:"color,omitempty"`
	Footer      *footer      `json:"footer,omitempty"`
	Author      *by          `json:"author,omitempty"`
	Fields      []embedField `json:"fields,omitempty"`
}

type footer struct {
	Text string `json:"text"`
}

type by struct {
	Name string `json:"name"`
	URL  string `json:"url,omitempty"`
}

type embedField struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Inline bool   `json:"inline"`
}

// allowed are the mentions that may notify.
type allowed struct {
	Parse []string `json:"parse"`
	Users []string `json:"users,omitempty"`
	Roles []string `json:"roles,omitempty"`
}

// input is the body of a request. A nil member changes nothing.
type input struct {
	Content      *string          `json:"content"`
	Embeds       *[]embed         `json:"embeds"`
	Flags        *int             `json:"flags"`
	Allowed      *allowed         `json:"allowed_mentions"`
	Nonce        *json.RawMessage `json:"nonce"`
	EnforceNonce bool             `json:"enforce_nonce"`
	Reference    *reference       `json:"message_reference"`
	Username     string           `json:"username"`
	AvatarURL    string           `json:"avatar_url"`
	TTS          bool             `json:"tts"`
	ThreadName   *string          `json:"thread_name"`

	webhook bool
}

// known are the members that the fake server reads, for bots (false) and webhooks
// (true).
var known = map[bool][]string{
	false: {"content", "embeds", "flags", "allowed_mentions", "nonce", "enforce_nonce", "message_reference", "tts"},
	true:  {"content", "embeds", "flags", "allowed_mentions", "username", "avatar_url", "tts", "thread_name"},
}

// A field is an error of a member, which is named by its path.
type field struct{ path, code, message string }

// formError is Discord's error for an invalid body. Each error is at the path of its
// member.
func formError(fields ...field) result {
	tree := object{}
	for _, f := range fields {
		at := tree
		for part := range strings.SplitSeq(f.path, ".") {
			next, ok := at[part].(object)
			if !ok {
				next = object{}
				at[part] = next
			}

			at = next
		}

		before, _ := at["_errors"].([]object)
		at["_errors"] = append(before, object{"code": f.code, "message": f.message})
	}

	return result{status: http.StatusBadRequest, value: object{"message": "Invalid Form Body", "code": 50035, "errors": tree}}
}

// parse reads a body. The result is a refusal if the body is not valid.
func (s *Server) parse(c *call) (*input, *result) {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(c.Body, &given); err != nil || given == nil || !utf8.Valid(c.Body) {
		return nil, &noJSON
	}

	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(known[c.webhook != nil], name) {
			s.Violation("%s: Discord reads no member %q here", c.route.path, name)
		}
	}

	asked := &input{webhook: c.webhook != nil}
	if err := json.Unmarshal(c.Body, asked); err != nil {
		path := "_root"
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			path = wrong.Field
		}

		out := formError(field{path, "MODEL_TYPE_CONVERT", "The value is not of the type it must be."})
		return nil, &out
	}

	asked.clear(given)
	if wrong := asked.wrong(); len(wrong) > 0 {
		out := formError(wrong...)
		return nil, &out
	}

	return asked, nil
}

// clear reads null as an empty value.
func (in *input) clear(given map[string]json.RawMessage) {
	if raw, ok := given["content"]; ok && string(raw) == "null" {
		in.Content = new(string)
	}

	if raw, ok := given["embeds"]; ok && string(raw) == "null" {
		in.Embeds = &[]embed{}
	}
}

// nonce is the sender's name for a message, "" without one.
func (in *input) nonce() string {
	if in.Nonce == nil {
		return ""
	}
	return strings.Trim(string(*in.Nonce), `"`)
}

func (in *input) empty() bool {
	return (in.Content == nil || strings.TrimSpace(*in.Content) == "") && (in.Embeds == nil || len(*in.Embeds) == 0)
}

func (in *input) author(c *call) string {
	if in.Username != "" {
		return in.Username
	}
	return c.User
}

// content is the content of a message after the request, given the one before.
func (in *input) content(held content) content {
	if in.Content != nil {
		held.Content = strings.TrimSpace(*in.Content)
	}

	if in.Embeds != nil {
		held.Embeds = *in.Embeds
	}

	if in.Flags != nil {
		held.Flags = *in.Flags
	}

	held.Allowed = in.Allowed
	held.Webhook = in.webhook // each request sets it again

	return held
}

// length is the length of a text in UTF-16 units.
func length(text string) int { return len(utf16.Encode([]rune(text))) }

// A checker collects errors.
type checker struct{ found []field }

func (k *checker) add(path, code, format string, args ...any) {
	k.found = append(k.found, field{path, code, fmt.Sprintf(format, args...)})
}

func (k *checker) most(path, text string, max int) {
	if length(text) > max {
		k.add(path, "BASE_TYPE_MAX_LENGTH", "Must be %d or fewer in length.", max)
	}
}

func (k *checker) required(path, text string, max int) {
	if strings.TrimSpace(text) == "" {
		k.add(path, "BASE_TYPE_REQUIRED", "This field is required")
	}
	k.most(path, text, max)
}

func (k *checker) address(path, text string) {
	if text == "" {
		return
	}

	k.most(path, text, maxURL)
	read, err := url.Parse(text)
	switch {
	case err == nil && read.Scheme != "" && read.Scheme != "http" && read.Scheme != "https":
		k.add(path, "URL_TYPE_INVALID_SCHEME", "Scheme %q is not supported. Scheme must be one of ('http', 'https').", read.Scheme)
	case err != nil || strings.ContainsAny(text, " \n") || !wellFormedHost(read):
		k.add(path, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
	}
}

// wrong lists the errors of a body by Discord's rules.
func (in *input) wrong() []field {
	k := &checker{}
	if in.Content != nil {
		k.most("content", strings.TrimSpace(*in.Content), maxContent)
	}

	if n := length(in.nonce()); n > maxNonce {
		k.add("nonce", "BASE_TYPE_MAX_LENGTH", "Must be %d or fewer in length.", maxNonce)
	}

	if in.Flags != nil && *in.Flags&^(1<<2|1<<12) != 0 {
		k.add("flags", "MESSAGE_FLAGS_INVALID", "Only the flags 4 and 4096 can be set.")
	}

	in.wrongName(k)
	in.wrongThread(k)
	in.Allowed.wrong(k)
	if in.Embeds == nil {
		return k.found
	}

	if len(*in.Embeds) > maxEmbeds {
		k.add("embeds", "BASE_TYPE_MAX_LENGTH", "Must be %d or fewer in length.", maxEmbeds)
	}

	all := 0
	for i, e := range *in.Embeds {
		e.wrong(k, "embeds."+strconv.Itoa(i))
		all += e.length()
	}

	if all > maxAll {
		k.add("embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of %d", maxAll)
	}

	return k.found
}

func (in *input) wrongName(k *checker) {
	k.most("username", in.Username, maxUsername)
	for _, word := range []string{"discord", "clyde"} {
		if strings.Contains(strings.ToLower(in.Username), word) {
			k.add("username", "USERNAME_INVALID_CONTAINS", "Username cannot contain %q", word)
		}
	}

	k.address("avatar_url", in.AvatarURL)
}

func (a *allowed) wrong(k *checker) {
	if a == nil {
		return
	}

	for i, kind := range a.Parse {
		if !slices.Contains([]string{"users", "roles", "everyone"}, kind) {
			k.add("allowed_mentions.parse."+strconv.Itoa(i), "BASE_TYPE_CHOICES", "Value must be one of ('users', 'roles', 'everyone').")
		}
	}

	if slices.Contains(a.Parse, "users") && len(a.Users) > 0 || slices.Contains(a.Parse, "roles") && len(a.Roles) > 0 {
		k.add("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", "parse and a list of ids exclude each other.")
	}
}

// length is what counts against the limit over all embeds.
func (e embed) length() int {
	n := length(e.Title) + length(e.Description)
	for _, f := range e.Fields {
		n += length(f.Name) + length(f.Value)
	}

	if e.Footer != nil {
		n += length(e.Footer.Text)
	}

	if e.Author != nil {
		n += length(e.Author.Name)
	}

	return n
}

func (e embed) wrong(k *checker, path string) {
	k.most(path+".title", e.Title, maxTitle)
	k.most(path+".description", e.Description, maxDescription)
	k.address(path+".url", e.URL)
	if e.Color != nil && (*e.Color < 0 || *e.Color > 0xffffff) {
		k.add(path+".color", "NUMBER_TYPE_MAX", "int value should be between 0 and 16777215.")
	}

	if _, err := time.Parse(time.RFC3339, e.Timestamp); e.Timestamp != "" && err != nil {
		k.add(path+".timestamp", "DATE_TIME_TYPE_PARSE", "Could not parse %s. Should be ISO8601.", e.Timestamp)
	}

	if e.Footer != nil {
		k.required(path+".footer.text", e.Footer.Text, maxFooter)
	}

	if e.Author != nil {
		k.required(path+".author.name", e.Author.Name, maxAuthor)
		k.address(path+".author.url", e.Author.URL)
	}

	if len(e.Fields) > maxFields {
		k.add(path+".fields", "BASE_TYPE_MAX_LENGTH", "Must be %d or fewer in length.", maxFields)
	}

	for i, f := range e.Fields {
		at := path + ".fields." + strconv.Itoa(i)
		k.required(at+".name", f.Name, maxName)
		k.required(at+".value", f.Value, maxValue)
	}

	if e.length() == 0 {
		k.add(path+".description", "BASE_TYPE_REQUIRED", "This field is required")
	}
}

// judge lists as violations what Discord accepts and our callers must not send.
func (s *messages) judge(c *call, in *input, made content) {
	if c.account.ID != "" && !c.account.Bot {
		return // people are not restricted
	}

	if in.Allowed == nil {
		s.Violation("%s: without allowed_mentions Discord mentions whom the text names", c.route.path)
	}

	for _, what := range slices.Concat(made.hazards(), made.looks(), unread(c.Body)) {
		s.Violation("%s: %s", c.route.path, what)
	}

	if bytes.Contains(c.Body, []byte(`"tts":true`)) {
		s.Violation("%s: nothing is to be read aloud", c.route.path)
	}
}
