package faults

import (
	"fmt"
	"html"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Profile is how a provider refuses calls.
type Profile struct {
	// Provider is its name as people write it.
	Provider string
	// Refusals are by fault. ErrorBefore's serves ErrorAfter too.
	Refusals map[string]Refusal
	// Cannot says by fault why this provider does not have it.
	Cannot map[string]string
	// Forms are the forms of a fault that this provider has, the default first. A
	// fault that is not named has all of its forms.
	Forms map[string][]string
	// Page is how many objects a list has by default.
	Page int
}

// kindsOf are the calls that a fault is applied to if its order names none.
func (p Profile) kindsOf(d definition) []Kind {
	if own := p.Refusals[d.name].Kinds; len(own) > 0 {
		return own
	}

	return d.kinds
}

// formsOf are the forms of a fault that the provider has.
func (p Profile) formsOf(d definition) []string {
	if own := p.Forms[d.name]; len(own) > 0 {
		return own
	}

	return d.forms
}

// complete fills in what an order leaves out.
func (p Profile) complete(o *Order) error {
	d, _ := define(o.Fault)
	forms := p.formsOf(d)
	if o.Form != "" && !slices.Contains(forms, o.Form) {
		return Refused{{Field: "form", Detail: fmt.Sprintf("must be one of %s: %s has no other", strings.Join(forms, ", "), p.Provider)}}
	}

	if o.Form == "" && len(forms) > 0 {
		o.Form = forms[0]
	}

	if o.Duration == nil && d.duration > 0 {
		o.Duration = new(Duration(d.duration))
	}

	switch {
	case d.name == BlockedContent && o.Pattern == "":
		o.Pattern = blocked
	case d.name == SlowList && o.Page == 0:
		o.Page = page
	case d.name == ForbiddenItem && o.Pattern == "" && o.Nth == 0:
		o.Nth = 1
	}

	return nil
}

// A Refusal is an answer of a provider that a fault causes.
type Refusal struct {
	// Kinds are the calls that the provider answers in this way. If it is empty, the
	// kinds of the fault count.
	Kinds  []Kind
	Answer func(Asked) Answer
}

// Asked is the call that a refusal answers.
type Asked struct {
	*http.Request
	Kind Kind
	// Wait is how long the caller is to wait. Told says that the order names it.
	Wait time.Duration
	Told bool
	// Status and Form are those that the order names, or the defaults.
	Status int
	Form   string
	Now    time.Time
}

// Seconds is the wait as Retry-After has it: whole, and at least one.
func (a Asked) Seconds() string { return strconv.Itoa(int(max(1, (a.Wait+time.Second-1)/time.Second))) }

// An Answer is what is sent.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Reason is the text of the status line, "" for the standard one. HTTP/2 has none.
	Reason string
}

// JSON is an answer in JSON; header is name, value pairs.
func JSON(status int, body string, header ...string) Answer {
	return text(status, "application/json; charset=utf-8", body, header)
}

// Text is an answer in plain text.
func Text(status int, body string, header ...string) Answer {
	return text(status, "text/plain; charset=utf-8", body, header)
}

// Page is the answer of a proxy in front of the provider: an HTML page that shows
// only the status.
func Page(status int, server string, header ...string) Answer {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	body := "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title +
		"</h1></center>\r\n<hr><center>" + html.EscapeString(server) + "</center>\r\n</body>\r\n</html>\r\n"
	return text(status, "text/html", body, append(header, "Server", server))
}

func text(status int, media, body string, pairs []string) Answer {
	a := Answer{Status: status, Header: http.Header{"Content-Type": {media}}, Body: []byte(body)}
	for i := 0; i < len(pairs); i += 2 {
		a.Header.Set(pairs[i], pairs[i+1])
	}
	return a
}
