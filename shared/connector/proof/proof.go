// Package proof says what proves that a provider did what a request asked for:
// the status, media type and body that it documents for each operation. An
// answer of success without that proof may come from a proxy or a login page.
package proof

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"example.com/integrations/shared/connector/problem"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// An Operation is a kind of call.
type Operation string

// The operations of trackers, of chats, and those that both have.
const (
	Create     Operation = "create"
	Update     Operation = "update" // close and reopen too, where one call does it all
	Transition Operation = "transition"
	Post       Operation = "post"
	Edit       Operation = "edit"
	Digest     Operation = "digest"
	Read       Operation = "read"
	List       Operation = "list"
	Token      Operation = "token"
)

// A Way names one of several kinds of credentials of a provider, "" where all
// are alike.
type Way string

// The ways into chats.
const (
	Bot     Way = "bot"
	Webhook Way = "webhook"
)

// A Body is the form of a body.
type Body int

// The forms of bodies.
const (
	// Empty is a body without anything but white space.
	Empty Body = iota + 1
	// Text is exactly one text, of whatever media type.
	Text
	// Object is a JSON object with certain members.
	Object
	// ListBody is a JSON list, or a JSON object with a list in it. Only how it
	// begins is looked at: pages are large, and the connector reads them whole.
	ListBody
)

// A Kind is what a member's value must be.
type Kind int

// The kinds of values.
const (
	ID     Kind = iota + 1 // a positive integer, as a number or a string
	String                 // a string with something in it
	True                   // true
	Exists                 // any value but null
)

// A Member is a member that an object must have. Names of objects within one
// another have dots between them; a number stands for a place in a list.
type Member struct {
	Path string
	Kind Kind
}

// A Row is one documented success.
type Row struct {
	Provider  domain.Provider
	Way       Way
	Operation Operation
	Call      string // method and path, for people
	Status    int
	Body      Body
	Members   []Member // of an Object
	Text      string   // of a Text
	// Unproven: the provider documents this success, and it does not show that
	// there is an object. The ledger says accepted.
	Unproven bool
	Source   string
}

// A Rule is all documented successes of one operation.
type Rule []Row

// Of gives the rule of an operation. It panics where there is none: each
// operation of each connector has one.
func Of(provider domain.Provider, way Way, operation Operation) Rule {
	var rule Rule
	for _, row := range Rows {
		if row.Provider == provider && row.Way == way && row.Operation == operation {
			rule = append(rule, row)
		}
	}

	if rule == nil {
		panic(fmt.Sprintf("no proof for %s %s %s", provider, way, operation))
	}

	return rule
}

// Match gives the documented success that an answer is.
func (r Rule) Match(answer outbound.Response) (Row, bool) {
	for _, row := range r {
		if row.Proven(answer) {
			return row, true
		}
	}

	return Row{}, false
}

// Proven reports whether an answer is one of the documented successes.
func (r Rule) Proven(answer outbound.Response) bool {
	_, ok := r.Match(answer)

	return ok
}

// Holds reports whether an answer of success has the whole object in its body,
// whatever its status and media type. That is proof only where the object shows
// what was sent, for example the marker of a create.
func (r Rule) Holds(answer outbound.Response) bool {
	if answer.Status < 200 || answer.Status > 299 {
		return false
	}

	for _, row := range r {
		if row.Body == Object && row.members(answer.Body) {
			return true
		}
	}

	return false
}

// Proven reports whether an answer has the status, the media type and the body
// of the row.
func (r Row) Proven(answer outbound.Response) bool {
	if answer.Status != r.Status {
		return false
	}

	switch r.Body {
	case Empty:
		return len(bytes.TrimSpace(answer.Body)) == 0
	case Text:
		return string(bytes.TrimSpace(answer.Body)) == r.Text
	case Object:
		return problem.IsJSON(problem.MediaType(answer)) && r.members(answer.Body)
	case ListBody:
		return problem.IsJSON(problem.MediaType(answer)) && r.begins(answer.Body)
	}

	return false
}

// begins reports whether a body begins as a list, or as an object where the
// list is a member.
func (r Row) begins(body []byte) bool {
	sign := byte('[')
	if len(r.Members) > 0 {
		sign = '{'
	}

	body = bytes.TrimLeft(body, " \t\r\n")

	return len(body) > 0 && body[0] == sign
}

func (r Row) members(body []byte) bool {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		return false
	}

	for _, m := range r.Members {
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
	case ID:
		return isID(at)
	case String:
		var text string
		return json.Unmarshal(at, &text) == nil && strings.TrimSpace(text) != ""
	case True:
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

// Markdown is the table as docs/proof.md shows it.
func Markdown() string {
	var out strings.Builder
	out.WriteString("| provider | operation | call | status | body | source |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, row := range Rows {
		who := string(row.Provider)
		if row.Way != "" {
			who += ", " + string(row.Way)
		}
		fmt.Fprintf(&out, "| %s | %s | `%s` | %d | %s | %s |\n", who, row.Operation, row.Call, row.Status, row.body(), row.Source)
	}

	return out.String()
}

// body describes the body.
func (r Row) body() string {
	text := ""
	switch r.Body {
	case Empty:
		text = "empty"
	case Text:
		text = "the text `" + r.Text + "`"
	case ListBody:
		text = "a JSON list"
		if len(r.Members) > 0 {
			text = "JSON, with the list `" + r.Members[0].Path + "`"
		}

	case Object:
		var names []string
		for _, m := range r.Members {
			name := "`" + m.Path + "`"
			if m.Kind == True {
				name = "`" + m.Path + ": true`"
			}
			names = append(names, name)
		}

		text = "JSON, with " + strings.Join(names, ", ")
	}

	if r.Unproven {
		text += "; counts as `accepted`"
	}

	return text
}
