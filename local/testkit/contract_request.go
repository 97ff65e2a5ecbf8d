package testkit

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// A Request is one HTTP request to the service.
type Request struct {
	Path   map[string]string // the parameters' values
	Query  url.Values
	Header http.Header
	Body   []byte
}

// Request reports where a request differs from the document.
func (o *Operation) Request(r Request) error {
	wrong := []error{o.requestBody(r)}
	known := map[string]bool{}
	for _, p := range o.parameters() {
		name := fmt.Sprint(p.to("name").value)
		in := fmt.Sprint(p.to("in").value)
		known[in+" "+name] = true
		values := r.values(in, name)
		if len(values) == 0 && p.to("required").value == true {
			wrong = append(wrong, fmt.Errorf("%s parameter %s is missing", in, name))
		}

		if len(values) > 1 {
			wrong = append(wrong, fmt.Errorf("%s parameter %s is there %d times", in, name, len(values)))
		}

		for _, value := range values {
			wrong = append(wrong, p.text(in+" parameter "+name, value))
		}
	}

	for name := range r.Query {
		if !known["query "+name] {
			wrong = append(wrong, fmt.Errorf("query parameter %s is not documented", name))
		}
	}

	for name := range r.Path {
		if !known["path "+name] {
			wrong = append(wrong, fmt.Errorf("path parameter %s is not documented", name))
		}
	}

	if err := errors.Join(wrong...); err != nil {
		return fmt.Errorf("%s: request: %w", o.ID, err)
	}

	return nil
}

func (o *Operation) parameters() []node {
	return slices.Concat(o.item.to("parameters").each(), o.node.to("parameters").each())
}

func (r Request) values(in, name string) []string {
	switch in {
	case "query":
		return r.Query[name]
	case "header":
		return r.Header.Values(name)
	}

	if value, ok := r.Path[name]; ok {
		return []string{value}
	}

	return nil
}

func (o *Operation) requestBody(r Request) error {
	body := o.node.to("requestBody")
	if len(r.Body) == 0 {
		if body.to("required").value == true {
			return errors.New("the body is missing")
		}
		return nil
	}

	media, err := mediaOf(r.Header)
	if err != nil {
		return err
	}

	return body.content(media, r.Body)
}
