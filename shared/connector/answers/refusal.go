package answers

import (
	"fmt"
	"net/http"
	"strings"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// A Refusal is one kind of answer to a write that concerns a whole integration,
// because it names the credential, the app or the place as a whole. Each connector
// has a table of them; every other refusal concerns one item. An answer fits if it fits each
// member that is set. Only an answer in the provider's own form (JSON, or a
// plain text where Plain is set) or with a header of the provider's fits: a
// proxy's page never does.
type Refusal struct {
	// Status is the HTTP status, 0 for any.
	Status int
	// Creates limits the refusal to requests that make something: they name the place
	// alone, so that "not found" can mean nothing else.
	Creates bool
	// Challenge admits a 401 with a challenge instead of a JSON body.
	Challenge bool
	// Plain admits a body that is a plain text.
	Plain bool
	// Bare admits an answer without a body.
	Bare bool
	// Header is one that only the provider itself sends, and Value what it says in
	// any case, between commas and semicolons, "" for any value. An answer must
	// have it, and may then have any body.
	Header, Value string
	// Code is the provider's own error code, in the member that the connector
	// names.
	Code string
	// Words is a phrase in the provider's words, in lower case.
	Words string

	// Means is our code, and Detail our sentence before the provider's words, ""
	// for none.
	Means, Detail string
	// Source says where the provider documents the answer, or where it was seen.
	Source string
}

// FindRefusal gives the first refusal of a table that an answer to a write fits. Code is the
// provider's error code in it, "" for none.
func FindRefusal(table []Refusal, method string, answer outbound.Response, p Problem, code string) (Refusal, bool) {
	for _, refusal := range table {
		if refusal.fits(method, answer, p, code) {
			return refusal, true
		}
	}

	return Refusal{}, false
}

func (r Refusal) fits(method string, answer outbound.Response, p Problem, code string) bool {
	own := p.JSON || r.Plain && !p.Empty && !p.Markup
	if r.Challenge && Unauthenticated(answer, p) {
		own = true
	}

	if r.Bare && p.Empty || r.Header != "" {
		own = true
	}

	switch {
	case !own, !r.marked(answer.Header):
		return false
	case r.Status != 0 && r.Status != answer.Status:
		return false
	case r.Creates && method != http.MethodPost:
		return false
	case r.Code != "" && r.Code != code:
		return false
	case r.Words != "" && !p.Says(r.Words):
		return false
	}

	return true
}

// marked reports whether an answer has the header that the refusal wants.
func (r Refusal) marked(header http.Header) bool {
	if r.Header == "" {
		return true
	}

	values := strings.Join(header.Values(r.Header), ",")
	for part := range strings.FieldsFuncSeq(values, func(sign rune) bool { return sign == ',' || sign == ';' }) {
		part = strings.TrimSpace(part)
		if part != "" && r.Value == "" || strings.EqualFold(part, r.Value) && r.Value != "" {
			return true
		}
	}

	return false
}

// Error is what an answer of this kind comes to. Clean makes the detail fit for
// an error.
func (r Refusal) Error(answer outbound.Response, p Problem, clean func(string) string) *failure.Error {
	return &failure.Error{
		Class: failure.Final, Scope: failure.IntegrationScope, Code: r.Means, Detail: clean(p.Reason(r.Detail)), Status: answer.Status,
	}
}

// RefusalTable is the table as the provider's page shows it.
func RefusalTable(table []Refusal) string {
	var out strings.Builder
	out.WriteString("| answer to a write | code | source |\n| --- | --- | --- |\n")
	for _, refusal := range table {
		fmt.Fprintf(&out, "| %s | `%s` | %s |\n", refusal.answer(), refusal.Means, refusal.Source)
	}

	return out.String()
}

func (r Refusal) answer() string {
	var parts []string
	if r.Status != 0 {
		parts = append(parts, fmt.Sprint(r.Status))
	}

	if r.Code != "" {
		parts = append(parts, "`"+r.Code+"`")
	}

	if r.Words != "" {
		parts = append(parts, "“…"+r.Words+"…”")
	}

	switch {
	case r.Header != "" && r.Value != "":
		parts = append(parts, "with `"+r.Header+": "+r.Value+"`")
	case r.Header != "":
		parts = append(parts, "with `"+r.Header+"`")
	case r.Challenge || r.Plain || r.Bare:
		parts = append(parts, r.forms())
	case r.Code == "" && r.Words == "":
		parts = append(parts, "with a JSON body")
	}

	if r.Creates {
		parts = append(parts, "to a create")
	}

	return strings.Join(parts, " ")
}

// forms are the forms of a body that fit.
func (r Refusal) forms() string {
	if r.Plain && !r.Challenge && !r.Bare {
		return "as plain text"
	}

	forms := "with a JSON body"
	if r.Plain {
		forms += ", a plain text"
	}

	if r.Bare {
		forms += ", no body"
	}

	if r.Challenge {
		forms += " or `WWW-Authenticate`"
	}

	return forms
}

// RefusalsBegin and End enclose the table in a provider's page.
const (
	RefusalsBegin = "<!-- refusals: made from the code, checked by a test -->\n"
	RefusalsEnd   = "<!-- end of refusals -->\n"
)

// ShownRefusals is the table that a page holds, "" for none.
func ShownRefusals(page string) string {
	_, rest, found := strings.Cut(page, RefusalsBegin)
	if !found {
		return ""
	}

	table, _, found := strings.Cut(rest, RefusalsEnd)
	if !found {
		return ""
	}

	return table
}
