package testkit

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// Examples are all answers that the document gives as examples of an
// operation's, with the headers that belong to them.
func (o *Operation) Examples() []Answer {
	var all []Answer
	responses := o.node.to("responses")
	for _, text := range responses.members() {
		status, _ := strconv.Atoi(text)
		response := responses.to(text)
		if response.to("content").value == nil {
			all = append(all, response.example(status, "", nil))
		}

		for _, media := range response.to("content").members() {
			for _, body := range response.to("content").to(media).bodies() {
				all = append(all, response.example(status, media, body))
			}
		}
	}

	return all
}

// bodies are the examples of a media type.
func (n node) bodies() [][]byte {
	var all [][]byte
	examples := n.to("examples")
	for _, name := range examples.members() {
		body, err := json.Marshal(examples.to(name).to("value").value)
		if err != nil {
			panic(err) // it was read from JSON
		}
		all = append(all, body)
	}

	return all
}

func (n node) example(status int, media string, body []byte) Answer {
	a := Answer{Status: status, Header: http.Header{}, Body: body}
	if media != "" {
		a.Header.Set("Content-Type", media)
	}

	for _, name := range n.to("headers").members() {
		header := n.to("headers").to(name)
		if with := header.to(comesWith).value; with == nil || with == media {
			a.Header.Set(name, fmt.Sprint(header.to("example").value))
		}
	}

	return a
}
