// Package recording keeps exchanges with a provider: what was asked and what was
// answered. It has three tools and one form of file.
//
// A file holds one [Exchange] a line, as JSON. [Read] and [Write] read and write
// it.
//
// A [Recorder] notes exchanges while they take place. Its Transport stands in
// front of a real server, for example in a proxy; its Handler stands in front of
// a fake server. Bodies still stream to the caller. Nothing leaves the recorder
// before Save.
//
// A [Scrubber] removes secrets, names and addresses. It sees all exchanges of a
// recording at once, so that a person has the same replacement everywhere. Each
// header that is not in [Rules] is dropped. If a secret is still there at the
// end, in any encoding, Scrub returns an error and no exchange.
//
// A [Replay] sends the requests of a recording to a fake server and lists the
// differences between its answers and those in the recording.
//
// All knowledge about providers is in the lists of [DefaultRules] and
// [DefaultGiven].
package recording

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// An Exchange is one request and its answer. In a file each is one line of JSON.
type Exchange struct {
	// Case names it, once in a file.
	Case string `json:"case"`
	// Role is the caller, as the file's own documentation says.
	Role     string   `json:"role,omitempty"`
	Note     string   `json:"note,omitempty"`
	Request  Request  `json:"request"`
	Response Response `json:"response"`
	// Seq is the order in which the exchanges of one server took place.
	Seq int `json:"seq,omitempty"`
}

// A Request is what was asked.
type Request struct {
	Method string `json:"method"`
	// Path is the path with its query, escaped as it was sent.
	Path string `json:"path"`
	// Header holds what matters of the header. A nil value says that the header
	// was not sent although it is usual.
	Header map[string]*string `json:"headers,omitempty"`
	Body   Body               `json:"body,omitempty"`
	// Cut says why the body is not here, if it is not.
	Cut string `json:"cut,omitempty"`
}

// A Response is what was answered.
type Response struct {
	// Status is 0 if no answer came.
	Status int `json:"status"`
	// Reason is the reason phrase of HTTP/1.1, which some servers use for words.
	Reason string            `json:"reason,omitempty"`
	Header map[string]string `json:"headers,omitempty"`
	Body   Body              `json:"body,omitempty"`
	// Cut says why the body, or the whole answer, is not here, if it is not.
	Cut string `json:"cut,omitempty"`
}

// headerOf is a header by its name in any case.
func headerOf(header map[string]string, wanted string) string {
	for name, value := range header {
		if strings.EqualFold(name, wanted) {
			return value
		}
	}

	return ""
}

// A Body is JSON as it stands in a file. One that was no JSON is a string there;
// an empty one is "", or is left out.
type Body json.RawMessage

// MarshalJSON writes the body as it stands.
func (b Body) MarshalJSON() ([]byte, error) { return json.RawMessage(b).MarshalJSON() }

// UnmarshalJSON keeps a copy of the body as it stands.
func (b *Body) UnmarshalJSON(text []byte) error {
	*b = append((*b)[:0], text...)

	return nil
}

// BodyOf is the form of a body in a file.
func BodyOf(sent []byte) Body {
	if len(sent) == 0 {
		return nil
	}

	var value any
	if err := json.Unmarshal(sent, &value); err == nil {
		if _, text := value.(string); !text {
			return Body(sent)
		}
	}

	quoted, err := json.Marshal(string(sent))
	if err != nil {
		panic(err) // a string always marshals
	}

	return Body(quoted)
}

// Bytes are the bytes that were sent.
func (b Body) Bytes() []byte {
	var text string
	if err := json.Unmarshal(b, &text); err == nil {
		return []byte(text)
	}

	if bytes.Equal(b, []byte("null")) {
		return nil
	}

	return b
}

// longestLine bounds a line of a file, in bytes.
const longestLine = 16 << 20

// Read reads a file of exchanges.
func Read(file io.Reader) ([]Exchange, error) {
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, longestLine)

	var all []Exchange
	for n := 1; lines.Scan(); n++ {
		var e Exchange
		if err := json.Unmarshal(expand(lines.Bytes()), &e); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		all = append(all, e)
	}

	return all, lines.Err()
}

// run is a run of one character, {{x*65535}}.
var run = regexp.MustCompile(`\{\{(\\?.)\*([1-9][0-9]{0,6})\}\}`)

// expand writes runs of one character out.
func expand(line []byte) []byte {
	return run.ReplaceAllFunc(line, func(short []byte) []byte {
		parts := run.FindSubmatch(short)
		n, err := strconv.Atoi(string(parts[2]))
		if err != nil {
			return short
		}

		return bytes.Repeat(parts[1], n)
	})
}

// Write writes one exchange as a line. A text that looks like a run of one
// character is written so that Read does not expand it.
func Write(file io.Writer, e Exchange) error {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		return fmt.Errorf("write exchange %s: %w", e.Case, err)
	}

	text := run.ReplaceAllFunc(line.Bytes(), func(found []byte) []byte {
		return append([]byte(`\u007b`), found[1:]...)
	})
	_, err := file.Write(text)

	return err
}
