// Package recording keeps exchanges with a provider: what was asked and what was
// answered. Recorded ones of a real server are held against its stand-in, and new
// ones are written without secrets, names and addresses.
package recording

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
)

// An Exchange is one request and its answer. In a file each is one line of JSON.
type Exchange struct {
	// Case names it, once in a file.
	Case string `json:"case"`
	// Role is who asks, as the file's own documentation says.
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
}

// A Response is what was answered.
type Response struct {
	Status int `json:"status"`
	// Reason is the reason phrase of HTTP/1.1, which some servers use for words.
	Reason string            `json:"reason,omitempty"`
	Header map[string]string `json:"headers,omitempty"`
	Body   Body              `json:"body,omitempty"`
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

// Write writes one exchange as a line.
func Write(file io.Writer, e Exchange) error {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		return fmt.Errorf("write exchange %s: %w", e.Case, err)
	}
	_, err := file.Write(line.Bytes())

	return err
}
