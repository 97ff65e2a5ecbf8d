package answers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"strconv"
	"strings"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// An Operation is a kind of call.
type Operation string

// The operations of trackers, of chats, and those that both have.
const (
	OpCreate     Operation = "create"
	OpUpdate     Operation = "update" // close and reopen too, where one call does it all
	OpTransition Operation = "transition"
	OpPost       Operation = "post"
	OpEdit       Operation = "edit"
	OpDigest     Operation = "digest"
	OpRead       Operation = "read"
	OpList       Operation = "list"
	OpToken      Operation = "token"
)

// A Access names one of several kinds of credentials of a provider, "" where all
// are alike.
type Access string

// The ways into chats.
const (
	BotAccess     Access = "bot"
	WebhookAccess Access = "webhook"
)

// A BodyForm is the form of a body.
type BodyForm int

// The forms of bodies.
const (
	// EmptyBody is a body without anything but white space.
	EmptyBody BodyForm = iota + 1
	// TextBody is exactly one text, of whatever media type.
	TextBody
	// ObjectBody is a JSON object with certain members.
	ObjectBody
	// ListBody is a JSON list, or a JSON object with a list in it. Only how it
	// begins is looked at: pages are large, and the connector reads them whole.
	ListBody
)

// A ValueKind is what a member's value must be.
type ValueKind int

// The kinds of values.
const (
	IDValue     ValueKind = iota + 1 // a positive integer, as a number or a string
	StringValue                      // a string with something in it
	TrueValue                        // true
	AnyValue                         // any value but null
)

// A Member is a member that an object must have. Names of objects within one
// another have dots between them; a number stands for a place in a list.
type Member struct {
	Path string
	Kind ValueKind
}

// A Success is a success that the provider documents: status, media type and body.
type Success struct {
	Provider  domain.Provider
	Access    Access
	Operation Operation
	Call      string // method and path, for people
	Status    int
	Body      BodyForm
	Members   []Member // of an Object
	Text      string   // of a Text
	// Unproven: the provider documents this success, and it does not show that
	// there is an object. The ledger says accepted.
	Unproven bool
	Source   string
}

// A Proof is all documented successes of one operation. An answer that equals none
// of them does not prove that the provider did what was asked.
type Proof []Success

// ProofOf gives the proof of an operation. It panics where there is none: each
// operation of each connector has one.
func ProofOf(provider domain.Provider, access Access, operation Operation) Proof {
	var proof Proof
	for _, success := range Successes {
		if success.Provider == provider && success.Access == access && success.Operation == operation {
			proof = append(proof, success)
		}
	}

	if proof == nil {
		panic(fmt.Sprintf("no proof for %s %s %s", provider, access, operation))
	}

	return proof
}

// Match gives the documented success that an answer is.
func (p Proof) Match(answer outbound.Response) (Success, bool) {
	for _, success := range p {
		if success.Proven(answer) {
			return success, true
		}
	}

	return Success{}, false
}

// Proven reports whether an answer is one of the documented successes.
func (p Proof) Proven(answer outbound.Response) bool {
	_, ok := p.Match(answer)

	return ok
}

// Holds reports whether an answer of success has the whole object in its body,
// whatever its status and media type. That is proof only where the object shows
// what was sent, for example the marker of a create.
func (p Proof) Holds(answer outbound.Response) bool {
	if answer.Status < 200 || answer.Status > 299 {
		return false
	}

	for _, success := range p {
		if success.Body == ObjectBody && success.members(answer.Body) {
			return true
		}
	}

	return false
}

// Proven reports whether an answer has the status, the media type and the body
// of the documented success.
func (s Success) Proven(answer outbound.Response) bool {
	if answer.Status != s.Status {
		return false
	}

	switch s.Body {
	case EmptyBody:
		return len(bytes.TrimSpace(answer.Body)) == 0
	case TextBody:
		return string(bytes.TrimSpace(answer.Body)) == s.Text
	case ObjectBody:
		return IsJSON(MediaType(answer)) && s.members(answer.Body)
	case ListBody:
		return IsJSON(MediaType(answer)) && s.begins(answer.Body)
	}

	return false
}

// begins reports whether a body begins as a list, or as an object where the
// list is a member.
func (s Success) begins(body []byte) bool {
	sign := byte('[')
	if len(s.Members) > 0 {
		sign = '{'
	}

	body = bytes.TrimLeft(body, " \t\r\n")

	return len(body) > 0 && body[0] == sign
}

func (s Success) members(body []byte) bool {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		return false
	}

	for _, m := range s.Members {
		if !m.in(body) {
			return false
		}
	}

	return true
}

// in reports whether an object has the member.
func (m Member) in(body json.RawMessage) bool {
	at := body
	for name := range strings.SplitSeq(m.Path, ".") {
		next, ok := step(at, name)
		if !ok {
			return false
		}
		at = next
	}

	switch m.Kind {
	case IDValue:
		return isID(at)
	case StringValue:
		var text string
		return json.Unmarshal(at, &text) == nil && strings.TrimSpace(text) != ""
	case TrueValue:
		return string(at) == "true"
	}

	return string(at) != "null"
}

// step goes to a member of an object, or to a place in a list.
func step(value json.RawMessage, name string) (json.RawMessage, bool) {
	if place, err := strconv.Atoi(name); err == nil {
		var list []json.RawMessage
		if json.Unmarshal(value, &list) != nil || place >= len(list) {
			return nil, false
		}
		return list[place], true
	}

	var object map[string]json.RawMessage
	if json.Unmarshal(value, &object) != nil {
		return nil, false
	}

	member, ok := object[name]

	return member, ok
}

func isID(value json.RawMessage) bool {
	text := string(value)
	if unquoted := ""; json.Unmarshal(value, &unquoted) == nil {
		text = unquoted
	}

	number, ok := new(big.Int).SetString(text, 10)

	return ok && len(text) <= 20 && number.Sign() > 0
}

// WithoutProof is the error for an answer of success without proof. A write may have
// been done, so it is ambiguous. A read changed nothing: the whole integration
// waits and asks again. The code is session_expired where the body asks a
// person to log in, else foreign_answer. Clean is outbound.Client.Clean.
func WithoutProof(method string, answer outbound.Response, clean func(string) string) *failure.Error {
	p := Read(answer, clean)
	e := &failure.Error{
		Class: failure.Ambiguous, Scope: failure.ItemScope, Code: p.ForeignCode(), Detail: clean(p.Summary), Status: answer.Status,
	}
	if method == http.MethodGet {
		e.Class = failure.Retryable
		e.Scope = failure.IntegrationScope
	}

	return e
}

// SuccessTable is the table as docs/proof.md shows it.
func SuccessTable() string {
	var out strings.Builder
	out.WriteString("| provider | operation | call | status | body | source |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, success := range Successes {
		who := string(success.Provider)
		if success.Access != "" {
			who += ", " + string(success.Access)
		}
		fmt.Fprintf(&out, "| %s | %s | `%s` | %d | %s | %s |\n", who, success.Operation, success.Call, success.Status, success.body(), success.Source)
	}

	return out.String()
}

// body describes the body.
func (s Success) body() string {
	text := ""
	switch s.Body {
	case EmptyBody:
		text = "empty"
	case TextBody:
		text = "the text `" + s.Text + "`"
	case ListBody:
		text = "a JSON list"
		if len(s.Members) > 0 {
			text = "JSON, with the list `" + s.Members[0].Path + "`"
		}

	case ObjectBody:
		var names []string
		for _, m := range s.Members {
			name := "`" + m.Path + "`"
			if m.Kind == TrueValue {
				name = "`" + m.Path + ": true`"
			}
			names = append(names, name)
		}

		text = "JSON, with " + strings.Join(names, ", ")
	}

	if s.Unproven {
		text += "; counts as `accepted`"
	}

	return text
}
