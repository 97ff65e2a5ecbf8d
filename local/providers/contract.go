package providers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// ErrNoOperation is returned for a request that the description does not have.
var ErrNoOperation = errors.New("no such operation in the description")

// A Contract is a provider's OpenAPI description. A nil one allows everything.
type Contract struct {
	document  *openapi3.T
	options   *openapi3filter.Options
	templates []pathTemplate
}

// A pathTemplate is a path of the description, and its parts.
type pathTemplate struct {
	path  string
	parts []string
}

// loaded holds the contracts that were read, a *Contract by path.
var loaded sync.Map

// LoadContract reads a description. An empty path gives a nil contract. Each
// path is read once in a process: parsing a description takes longer than most
// tests, and a contract does not change. Many fake servers can share one.
func LoadContract(path string) (*Contract, error) {
	if path == "" {
		return nil, nil
	}

	if known, ok := loaded.Load(path); ok {
		return known.(*Contract), nil
	}

	contract, err := readContract(path)
	if err != nil {
		return nil, err
	}

	known, _ := loaded.LoadOrStore(path, contract)

	return known.(*Contract), nil
}

func readContract(path string) (*Contract, error) {
	document, err := openapi3.NewLoader().LoadFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("contract %s: %w", path, err)
	}

	document.Servers = nil
	dropStray(document)

	var templates []pathTemplate
	for path := range document.Paths.Map() {
		templates = append(templates, pathTemplate{path: path, parts: strings.Split(path, "/")})
	}

	return &Contract{document: document, templates: templates, options: &openapi3filter.Options{
		MultiError: true, SkipSettingDefaults: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
	}}, nil
}

// dropStray removes path parameters that the path does not have. MantisBT's
// description has some, and no request could satisfy them.
func dropStray(document *openapi3.T) {
	for template, item := range document.Paths.Map() {
		for _, operation := range item.Operations() {
			operation.Parameters = slices.DeleteFunc(operation.Parameters, func(p *openapi3.ParameterRef) bool {
				return p.Value.In == openapi3.ParameterInPath && !strings.Contains(template, "{"+p.Value.Name+"}")
			})
		}
	}
}

// CheckSchema reports how a value breaks one of the description's schemas.
func (c *Contract) CheckSchema(name string, value []byte) error {
	if c == nil {
		return nil
	}

	schema := c.document.Components.Schemas[name]
	if schema == nil {
		return fmt.Errorf("no schema %q in the description", name)
	}

	var read any
	if err := json.Unmarshal(value, &read); err != nil {
		return err
	}

	return brief(schema.Value.VisitJSON(read, openapi3.MultiErrors()))
}

// CheckRequest reports how a request breaks the contract. The body is given
// separately because it has been read.
func (c *Contract) CheckRequest(r *http.Request, body []byte) error {
	if c == nil {
		return nil
	}

	input, err := c.input(r, body)
	if err != nil {
		return err
	}

	return brief(openapi3filter.ValidateRequest(r.Context(), input))
}

// CheckResponse reports how an answer to a request breaks the contract.
func (c *Contract) CheckResponse(r *http.Request, status int, header http.Header, body []byte) error {
	if c == nil {
		return nil
	}

	input, err := c.input(r, nil)
	if err != nil {
		return err
	}

	return brief(openapi3filter.ValidateResponse(context.WithoutCancel(r.Context()), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: status, Header: header,
		Body: io.NopCloser(bytes.NewReader(body)), Options: c.options,
	}))
}

func (c *Contract) input(r *http.Request, body []byte) (*openapi3filter.RequestValidationInput, error) {
	template, parameters := c.find(r.URL.Path)
	item := c.document.Paths.Value(template)
	if item == nil || item.GetOperation(r.Method) == nil {
		return nil, ErrNoOperation
	}

	copied := r.Clone(r.Context())
	copied.Body, copied.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if len(body) == 0 {
		copied.Body = http.NoBody
	}

	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}

	return &openapi3filter.RequestValidationInput{
		Request: copied, PathParams: parameters, QueryParams: query, Options: c.options,
		Route: &routers.Route{
			Spec: c.document, Path: template, PathItem: item, Method: r.Method, Operation: item.GetOperation(r.Method),
		},
	}, nil
}

// find returns the template that fits a path best, the one with the fewest
// parameters, and their values.
func (c *Contract) find(path string) (best string, parameters map[string]string) {
	parts := strings.Split(path, "/")
	for _, t := range c.templates {
		taken, ok := fit(t.parts, parts)
		if ok && (best == "" || len(taken) < len(parameters)) {
			best = t.path
			parameters = taken
		}
	}

	return best, parameters
}

func fit(template, parts []string) (map[string]string, bool) {
	if len(template) != len(parts) {
		return nil, false
	}

	taken := map[string]string{}
	for i, part := range template {
		switch name, ok := strings.CutPrefix(part, "{"); {
		case ok && parts[i] != "":
			taken[strings.TrimSuffix(name, "}")] = parts[i]
		case part != parts[i]:
			return nil, false
		}
	}

	return taken, true
}

// brief says where and why, without the schemas and values in the library's text.
func brief(err error) error {
	var many openapi3.MultiError
	var schema *openapi3.SchemaError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &many):
		var all []error
		for _, one := range many {
			all = append(all, brief(one))
		}
		return errors.Join(all...)

	case errors.As(err, &schema):
		return fmt.Errorf("%s: %s", "/"+strings.Join(schema.JSONPointer(), "/"), schema.Reason)
	}

	text, _, _ := strings.Cut(err.Error(), "\n")

	return errors.New(text)
}
