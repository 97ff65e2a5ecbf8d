package mantisbt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
)

// An answer to be sent. Its value is written as JSON; none is no body.
type answer struct {
	status int
	header http.Header
	value  any
}

// A failure is MantisBT's error body.
type failure struct {
	Message   string `json:"message"`
	Code      int    `json:"code,omitempty"`
	Localized string `json:"localized,omitempty"`
}

// The codes of errors, as MantisBT counts them.
const (
	codeEmptyField = 11
	codeTooLong    = 12
	codeSpam       = 27
	codeProject    = 700
	codeIssue      = 1100
	codeCategory   = 1502
)

func refuse(status, code int, format string, args ...any) *answer {
	message := fmt.Sprintf(format, args...)
	return &answer{status: status, value: failure{Message: message, Code: code, Localized: message}}
}

func notFound() *answer { return &answer{status: http.StatusNotFound} }

func denied(reason string) *answer { return refuse(http.StatusForbidden, 0, "%s", reason) }

func emptyField(name string) *answer {
	return refuse(http.StatusBadRequest, codeEmptyField, "A necessary field \"%s\" was empty. Please recheck your inputs.", name)
}

func noIssue(id int) *answer {
	return refuse(http.StatusNotFound, codeIssue, "Issue #%d not found", id)
}

func noProject(name string) *answer {
	return refuse(http.StatusNotFound, codeProject, "Project \"%s\" not found.", name)
}

// crashed is what a database error makes: no word about it.
func crashed() *answer { return &answer{status: http.StatusInternalServerError} }

// encode writes JSON as PHP does: in ASCII, with slashes escaped.
func encode(value any) []byte {
	if value == nil {
		return nil
	}
	var content bytes.Buffer
	encoder := json.NewEncoder(&content)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
	var out bytes.Buffer
	for _, r := range bytes.TrimSuffix(content.Bytes(), []byte("\n")) {
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
