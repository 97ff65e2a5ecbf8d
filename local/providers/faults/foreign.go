package faults

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// Elsewhere is the host of links that faults change. It is reserved and never exists
// (https://www.rfc-editor.org/rfc/rfc2606#section-2).
const Elsewhere = "elsewhere.example"

// NotTaken are the words of RefusedWords.
const NotTaken = "The text holds something that is not taken here"

// words reports whether a fault of this manner needs an answer of the provider.
func (m manner) words() bool {
	return m == refuses || m == revokes || m == crashes || m == replaces
}

// answerTo makes the answer of the provider under a fault, or of a proxy in front of
// it. It is nil if the fault needs no answer, or the profile has none.
func (p Profile) answerTo(name string) func(Asked) Answer {
	if own := p.Refusals[name].Answer; own != nil {
		return own
	}

	switch name {
	case ErrorAfter, SlowList:
		return p.Refusals[ErrorBefore].Answer
	case ForeignAnswer:
		return foreignPage
	case BlockedContent:
		return firewall
	case MovedReadonly:
		return movedAway
	}

	return nil
}

// foreignPage is an answer of a proxy with a status of success.
func foreignPage(a Asked) Answer {
	switch a.Form {
	case Empty:
		return Answer{Status: http.StatusOK, Header: http.Header{}}
	case Login:
		return text(http.StatusOK, "text/html; charset=utf-8", "<!DOCTYPE html>\n<html>\n<head><title>Log in</title></head>\n"+
			`<body><form method="post" action="/login"><input name="user"><input name="password" type="password"><button>Log in</button></form></body>`+"\n</html>\n", nil)
	}

	return text(http.StatusOK, "text/html; charset=utf-8", "<!DOCTYPE html>\n<html>\n<head><title>We will be back soon</title></head>\n"+
		"<body><h1>We will be back soon</h1></body>\n</html>\n", nil)
}

// firewall refuses a request because of its body, as web application firewalls do.
func firewall(a Asked) Answer {
	return text(a.Status, "text/html; charset=UTF-8", "<!DOCTYPE html>\n<html lang=\"en-US\">\n<head><title>Attention Required!</title></head>\n"+
		"<body><h1>Sorry, you have been blocked</h1>\n<p>The action you just performed triggered the security solution.</p></body>\n</html>\n", nil)
}

// movedAway is the answer of a web server after a move to another host: reads are
// redirected, and writes are refused or redirected.
func movedAway(a Asked) Answer {
	status := a.Status
	if a.Method == http.MethodGet || a.Method == http.MethodHead {
		status = http.StatusMovedPermanently
	}

	if status == http.StatusMethodNotAllowed {
		return Page(status, "nginx", "Allow", "GET, HEAD")
	}

	return Page(status, "nginx", "Location", "https://"+Elsewhere+a.URL.RequestURI())
}

// Body reads the body of a request, and puts it back to be read again. It aborts the
// answer if the caller goes away.
func Body(r *http.Request) []byte {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler)
	}

	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}

	return body
}

// change applies a fault that changes a part of an answer. It reports false if there
// is nothing to change.
func change(o Order, out Answer) (Answer, bool) {
	if o.Fault == WrongSuccess {
		return swapped(out)
	}

	changed := false
	for _, name := range []string{"Link", "Location"} {
		value := out.Header.Get(name)
		to := "http://$1"
		if o.Form == Host {
			to = "https://" + Elsewhere
		}

		if led := origin.ReplaceAllString(value, to); led != value {
			out.Header.Set(name, led)
			changed = true
		}
	}

	return out, changed
}

// origin is the scheme and the host of a link.
var origin = regexp.MustCompile(`https?://([^/>\s,;]+)`)

// swapped is an answer of success with another status of success: 200 for any
// other one, and 201 for 200. The body stays.
func swapped(out Answer) (Answer, bool) {
	switch out.Status {
	case http.StatusOK:
		out.Status = http.StatusCreated
	case http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		out.Status = http.StatusOK
	default:
		return out, false
	}

	return out, true
}

// Renamed is another name for a place. For a renamed place it is the first name.
func Renamed(name string) string {
	const suffix = "-renamed"
	before, renamed := strings.CutSuffix(name, suffix)
	if renamed {
		return before
	}

	return name + suffix
}

// sendRaw sends an answer with its own reason on the status line, which net/http does
// not support. It reports false for HTTP/2, which has no status line.
func (a Answer) sendRaw(w http.ResponseWriter) bool {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}

	defer connection.Close()

	header := a.Header.Clone()
	header.Set("Content-Length", fmt.Sprint(len(a.Body)))
	header.Set("Connection", "close")
	var out bytes.Buffer
	fmt.Fprintf(&out, "HTTP/1.1 %d %s\r\n", a.Status, a.Reason)
	_ = header.Write(&out)
	out.WriteString("\r\n")
	out.Write(a.Body)
	_, _ = connection.Write(out.Bytes())

	return true
}
