package testkit

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// An Answer is one HTTP answer of the service.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// transport are the headers of every answer or of HTTP itself, which the
// document describes as a whole or not at all.
var transport = map[string]bool{"Cache-Control": true, "Content-Type": true, "Content-Length": true, "Date": true, "Apigw-Requestid": true, "Connection": true}

// Answer reports where an answer differs from the document: a status it does not
// know, another media type, a header too many or too few, another body.
func (o *Operation) Answer(a Answer) error {
	response := o.node.to("responses").to(strconv.Itoa(a.Status))
	if response.value == nil {
		return fmt.Errorf("%s: status %d is not documented: %s", o.ID, a.Status, a.Body)
	}

	media, err := mediaOf(a.Header)
	if err == nil {
		err = errors.Join(response.content(media, a.Body), response.headers(media, a.Header))
	}

	if err == nil && a.Status >= 400 && media == problemMedia {
		err = sameStatus(a)
	}

	if err != nil {
		return fmt.Errorf("%s: %d: %w: %s", o.ID, a.Status, err, a.Body)
	}

	return nil
}

const problemMedia = "application/problem+json"

func mediaOf(header http.Header) (string, error) {
	text := header.Get("Content-Type")
	if text == "" {
		return "", nil
	}

	media, _, err := mime.ParseMediaType(text)
	return media, err
}

// content holds a body against what an answer or a request may have.
func (n node) content(media string, body []byte) error {
	content := n.to("content")
	if content.value == nil {
		if len(body) > 0 || media != "" {
			return fmt.Errorf("there is a body of type %q where the document has none", media)
		}
		return nil
	}

	if content.to(media).value == nil {
		return fmt.Errorf("the media type %q is none of %s", media, strings.Join(content.members(), ", "))
	}

	return content.to(media).body("body", body)
}

// comesWith is the annotation of a header that is there with bodies of one
// media type, always, and with no other.
const comesWith = "x-comes-with"

func (n node) headers(media string, header http.Header) error {
	documented := map[string]bool{}
	var wrong []error
	for _, name := range n.to("headers").members() {
		one := n.to("headers").to(name)
		documented[http.CanonicalHeaderKey(name)] = true
		with, _ := one.to(comesWith).value.(string)
		values := header.Values(name)
		switch {
		case len(values) > 1:
			wrong = append(wrong, fmt.Errorf("header %s is there %d times", name, len(values)))
		case len(values) == 1 && with != "" && with != media:
			wrong = append(wrong, fmt.Errorf("header %s is there without %s", name, with))
		case len(values) == 1:
			wrong = append(wrong, one.text("header "+name, values[0]))
		case one.to("required").value == true || with != "" && with == media:
			wrong = append(wrong, fmt.Errorf("header %s is missing", name))
		}
	}

	for name := range header {
		if !documented[http.CanonicalHeaderKey(name)] && !transport[http.CanonicalHeaderKey(name)] {
			wrong = append(wrong, fmt.Errorf("header %s is not documented", name))
		}
	}

	return errors.Join(wrong...)
}

func sameStatus(a Answer) error {
	var problem struct{ Status int }
	if err := json.Unmarshal(a.Body, &problem); err != nil || problem.Status != a.Status {
		return fmt.Errorf("the problem's status is %d, %v", problem.Status, err)
	}
	return nil
}
