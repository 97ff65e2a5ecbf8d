package faults

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// Elsewhere is the host that faults lead to. It is reserved and never exists
// (https://www.rfc-editor.org/rfc/rfc2606#section-2).
const Elsewhere = "elsewhere.example"

// NotTaken are the words of RefusedWords.
const NotTaken = "The text holds something that is not taken here"

// words reports whether a fault of this manner needs an answer of the
// provider's.
func (m manner) words() bool {
	return m == refuses || m == revokes || m == crashes || m == replaces
}

// answerTo is how the provider words a fault, or what stands before it. It is
// nil where the fault changes no words, or the profile has none.
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

// foreignPage is a success that something before the provider answers with.
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

// firewall refuses a request for what is in its body, as the rules of web
// application firewalls do.
func firewall(a Asked) Answer {
	return text(a.Status, "text/html; charset=UTF-8", "<!DOCTYPE html>\n<html lang=\"en-US\">\n<head><title>Attention Required!</title></head>\n"+
		"<body><h1>Sorry, you have been blocked</h1>\n<p>The action you just performed triggered the security solution.</p></body>\n</html>\n", nil)
}

// movedAway is what a web server answers after a move to another host: reads are
// led there, and writes are refused, or led there too.
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

// Body reads the body of a request, and puts it back to be read again. It ends
// the connection where the caller goes away meanwhile.
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

// change is an answer with the part changed that a fault changes. It reports
// false where there is nothing to change.
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

// origin is where a link leads: scheme and host.
var origin = regexp.MustCompile(`https?://([^/>\s,;]+)`)

// swapped is an answer of success with another status of success: 200 for any
// other one, and 201 for 200. Its body stays as it is.
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

// Renamed is another name for a place. That of a renamed one is the name it had
// before.
func Renamed(name string) string {
	const suffix = "-renamed"
	before, renamed := strings.CutSuffix(name, suffix)
	if renamed {
		return before
	}

	return name + suffix
}

// sendRaw sends an answer with its own reason on the status line, which the
// server of Go's library cannot. It reports false where the connection has no
// status line: HTTP/2 has none.
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
