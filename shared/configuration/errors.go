package configuration

import (
	"sort"
	"strings"

	"example.com/integrations/shared/domain"
)

// A FieldError says what is wrong with one member, in a sentence that follows
// the member's name.
type FieldError struct {
	Field  string `json:"field"` // configuration.token, configuration.templates.title, …
	Detail string `json:"detail"`
}

// The codes of an Invalid.
const (
	CodeInvalid        = "invalid_configuration"
	CodeSecretRequired = "secret_required"
)

// Invalid says what is wrong with a configuration, member by member. It never holds a
// value that was given.
type Invalid struct {
	Code   string
	Fields []FieldError
}

// Error joins the members' sentences.
func (e *Invalid) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Field + " " + f.Detail
	}
	return e.Code + ": " + strings.Join(parts, "; ")
}

// Refusal is what the API answers: nothing of the request was done.
func (e *Invalid) Refusal() *domain.Error {
	refusal := &domain.Error{Code: domain.CodeInvalidConfiguration, Detail: "The configuration cannot be taken; nothing was changed."}
	if e.Code == CodeSecretRequired {
		refusal.Code = domain.CodeSecretRequired
		refusal.Detail = "A stored secret is kept only while nothing changes that decides where it is sent; nothing was changed."
	}

	for _, f := range e.Fields {
		refusal.Fields = append(refusal.Fields, domain.FieldError{Field: f.Field, Detail: f.Detail})
	}

	return refusal
}

// invalid keeps one sentence a member, the first, and orders them by member.
func invalid(code string, fields []FieldError) error {
	seen := map[string]bool{}
	kept := make([]FieldError, 0, len(fields))
	for _, f := range fields {
		key := f.Field
		if key == root {
			key += f.Detail // about the whole there may be several things to say
		}

		if !seen[key] {
			seen[key] = true
			kept = append(kept, f)
		}
	}

	sort.SliceStable(kept, func(i, j int) bool { return kept[i].Field < kept[j].Field })
	if len(kept) > maxFields {
		kept = append(kept[:maxFields], FieldError{root, "has more mistakes than are listed here"})
	}

	return &Invalid{Code: code, Fields: kept}
}

// maxFields bounds an answer: 64 KiB hold thousands of unknown members.
const maxFields = 30

// root is the path of the configuration itself.
const root = "configuration"

// maxEcho is the longest member name that an error repeats. Real ones
// are shorter, tokens pasted by mistake longer.
const maxEcho = 30

// echo gives a foreign name for use in a path or sentence, and whether it may
// be repeated at all: a secret pasted where a name belongs must not come back.
func echo(name string, texts []string) (string, bool) {
	if name == "" || len(name) > maxEcho {
		return "", false
	}

	for i := range len(name) {
		c := name[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' {
			return "", false
		}
	}

	for _, text := range texts {
		if len(text) >= minSecret && strings.Contains(name, text) {
			return "", false
		}
	}

	return name, true
}

// minSecret is how long a text must be to be searched for: shorter ones occur
// everywhere by chance.
const minSecret = 8
