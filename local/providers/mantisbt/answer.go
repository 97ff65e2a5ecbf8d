package mantisbt

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"example.com/integrations/local/providers/tracker"
)

// An answer to be sent. Its value is written as JSON; none is no body.
type answer struct {
	status int
	// reason is the text on the status line. It is sent where there is no body;
	// "" is the usual text of the status.
	reason string
	header http.Header
	value  any
	// page is HTML in place of a value.
	page string
	// thrown answers come from MantisBT's handler of errors: they have neither
	// its version nor the caller's login in the header.
	thrown bool
	// strange says that MantisBT breaks its own description with the answer.
	strange bool
}

// A refusal is MantisBT's error body.
type refusal struct {
	Message   string `json:"message"`
	Code      int    `json:"code,omitempty"`
	Localized string `json:"localized,omitempty"`
}

// A fault stands in the place of an issue, or of a list, in an answer with
// success (recorded: patch-move-to-project-without-access).
type fault struct {
	Status int    `json:"status_code"`
	Words  string `json:"fault_string"`
}

// The codes of errors, as MantisBT counts them (core/constant_inc.php).
const (
	codeEmptyField       = 11
	codeAccessDenied     = 13
	codeSpam             = 27
	codeTooLong          = 28
	codeProject          = 700
	codeIssue            = 1100
	codeReadOnly         = 1103
	codeCategory         = 1502
	codeCategoryNotThere = 1503
)

// refuse is what MantisBT's handler of errors makes of an error without a code.
func refuse(status int, format string, args ...any) *answer {
	return &answer{status: status, value: refusal{Message: fmt.Sprintf(format, args...)}, thrown: true}
}

// refuseAs is a refusal with a code and the text of that code in the language of
// the account.
func refuseAs(status, code int, message, localized string) *answer {
	return &answer{status: status, value: refusal{Message: message, Code: code, Localized: localized}, thrown: true}
}

// bare is an answer without a body: all that it says is on the status line.
func bare(status int, format string, args ...any) *answer {
	return &answer{status: status, reason: fmt.Sprintf(format, args...)}
}

// notFound is the web server's answer where the API is not.
func notFound() *answer { return &answer{status: http.StatusNotFound} }

func denied(reason string) *answer { return refuse(http.StatusForbidden, "%s", reason) }

// noAccess is the refusal of a call that asks for a right of its own.
func noAccess(message string) *answer {
	return refuseAs(http.StatusForbidden, codeAccessDenied, message, "Access Denied.")
}

func deniedFor(user string) *answer { return denied("Access denied for user " + user + ".") }

func emptyField(name, message string) *answer {
	return refuseAs(http.StatusBadRequest, codeEmptyField, message,
		fmt.Sprintf("A necessary field \"%s\" was empty. Please recheck your inputs.", name))
}

func noIssue(id int) *answer {
	return refuseAs(http.StatusNotFound, codeIssue, fmt.Sprintf("Issue #%d not found", id), fmt.Sprintf("Issue %d not found.", id))
}

func noProject(id int) *answer {
	return refuseAs(http.StatusNotFound, codeProject, fmt.Sprintf("Project '%d' not found", id), fmt.Sprintf("Project \"%d\" not found.", id))
}

// hiddenProject is the answer to a read of a project that is not there, or that
// the caller may not see (recorded: project-unknown-id, project-private-no-access).
func hiddenProject(id int) *answer {
	return bare(http.StatusNotFound, "Project '%d' doesn't exist", id)
}

func unreadable() *answer { return bare(http.StatusBadRequest, "Invalid request body or format") }

// crashed is what a database error makes: no word about it.
func crashed() *answer { return &answer{status: http.StatusInternalServerError, thrown: true} }

// nowhere is the API's answer to an address that it does not have: a page for
// callers who do not ask for JSON (recorded: route-unknown, route-unknown-html).
func nowhere(asked http.Header) *answer {
	if strings.Contains(asked.Get("Accept"), "json") {
		return &answer{status: http.StatusNotFound, value: map[string]string{"message": "Not found"}}
	}

	return &answer{status: http.StatusNotFound, page: "<html><head><title>Page Not Found</title></head><body><h1>Page Not Found</h1></body></html>"}
}

// encode writes JSON as PHP does: in ASCII, with slashes escaped.
func encode(value any) []byte {
	if value == nil {
		return nil
	}

	var out bytes.Buffer
	for _, r := range tracker.Encode(value) {
		if r == '/' {
			out.WriteByte('\\')
		}
		out.WriteByte(r)
	}

	return ascii(out.Bytes())
}

// ascii escapes what is not ASCII, in UTF-16.
func ascii(text []byte) []byte {
	var out bytes.Buffer
	for _, r := range string(text) {
		switch {
		case r < 0x80:
			out.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}

	return out.Bytes()
}
