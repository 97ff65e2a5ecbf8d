package testkit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"example.com/integrations/docs/openapi"
)

// A Contract is a document that is understood.
type Contract struct {
	// Operations are ordered by path and method.
	Operations []*Operation
	document   any
	compiler   *jsonschema.Compiler
	mu         sync.Mutex
	schemas    map[string]*jsonschema.Schema
}

// An Operation is a method of a path.
type Operation struct {
	ID, Method, Path string
	contract         *Contract
	item, node       node
}

// documentAddress is the document's among schemas.
const documentAddress = "urn:integrations:openapi"

// ServiceContract is the contract of the service.
var ServiceContract = sync.OnceValues(func() (*Contract, error) {
	document, err := openapi.Document()
	if err != nil {
		return nil, err
	}
	return ReadContract(document)
})

// MustContract is Service for tests, which can do nothing without it.
func MustContract() *Contract {
	c, err := ServiceContract()
	if err != nil {
		panic(err)
	}
	return c
}

// ReadContract understands a document in JSON.
func ReadContract(document []byte) (*Contract, error) {
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return nil, err
	}

	readContent(parsed)

	c := &Contract{document: parsed, compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	c.compiler.AssertContent()
	if err := c.compiler.AddResource(documentAddress, parsed); err != nil {
		return nil, err
	}

	paths := c.at("paths")
	for _, path := range paths.members() {
		item := paths.to(path)
		for _, method := range item.members() {
			if method == "parameters" {
				continue
			}

			o := &Operation{Method: strings.ToUpper(method), Path: path, contract: c, item: item, node: item.to(method)}
			if o.ID, _ = o.node.to("operationId").value.(string); o.ID == "" {
				return nil, fmt.Errorf("%s %s has no operationId", o.Method, path)
			}

			c.Operations = append(c.Operations, o)
		}
	}

	return c, nil
}

// readContent lets each text with a contentSchema be read as JSON and held to it. The
// document does not name the media type, because generators of clients would make a
// file of the text.
func readContent(schema any) {
	switch value := schema.(type) {
	case []any:
		for _, one := range value {
			readContent(one)
		}
	case map[string]any:
		if _, ok := value["contentSchema"]; ok {
			value["contentMediaType"] = "application/json"
		}

		for _, one := range value {
			readContent(one)
		}
	}
}

// Operation finds an operation by its id; nil without one.
func (c *Contract) Operation(id string) *Operation {
	i := slices.IndexFunc(c.Operations, func(o *Operation) bool { return o.ID == id })
	if i < 0 {
		return nil
	}
	return c.Operations[i]
}

// Match finds the operation that answers a request to an escaped path, and the
// values of its parameters as they stand there; nil without one.
func (c *Contract) Match(method, path string) (*Operation, map[string]string) {
	parts := strings.Split(path, "/")
	for _, o := range c.Operations {
		if o.Method != method {
			continue
		}

		if values := matchTemplate(strings.Split(o.Path, "/"), parts); values != nil {
			return o, values
		}
	}

	return nil, nil
}

// matchTemplate gives nil where a path is another.
func matchTemplate(template, path []string) map[string]string {
	if len(template) != len(path) {
		return nil
	}

	values := map[string]string{}
	for i, part := range template {
		name, parameter := strings.CutPrefix(part, "{")
		switch {
		case parameter && path[i] != "":
			values[strings.TrimSuffix(name, "}")] = path[i]
		case part != path[i]:
			return nil
		}
	}

	return values
}

// Enum is what a named schema of the document enumerates.
func (c *Contract) Enum(schema string) []string {
	return texts(c.at("components", "schemas", schema, "enum").value)
}

func texts(value any) []string {
	list, _ := value.([]any)
	var all []string
	for _, one := range list {
		all = append(all, fmt.Sprint(one))
	}
	return all
}

// A node is a place in the document.
type node struct {
	contract *Contract
	value    any
	pointer  string // where it is, as a JSON pointer (RFC 6901)
}

func (c *Contract) at(members ...string) node {
	n := node{contract: c, value: c.document}
	for _, member := range members {
		n = n.to(member)
	}
	return n
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

// to goes to a member, and on to where a reference leads.
func (n node) to(member string) node {
	next := node{contract: n.contract, pointer: n.pointer + "/" + escape.Replace(member)}
	switch value := n.value.(type) {
	case map[string]any:
		next.value = value[member]
	case []any:
		if i, err := strconv.Atoi(member); err == nil && i < len(value) {
			next.value = value[i]
		}
	}

	object, _ := next.value.(map[string]any)
	reference, _ := object["$ref"].(string)
	if path, ok := strings.CutPrefix(reference, "#/"); ok {
		return n.contract.at(strings.Split(path, "/")...)
	}

	return next
}

func (n node) members() []string {
	object, _ := n.value.(map[string]any)
	return slices.Sorted(maps.Keys(object))
}

func (n node) each() []node {
	list, _ := n.value.([]any)
	all := make([]node, len(list))
	for i := range list {
		all[i] = n.to(strconv.Itoa(i))
	}
	return all
}

// schema compiles the schema at a place.
func (n node) schema() (*jsonschema.Schema, error) {
	c := n.contract
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.schemas[n.pointer]; s != nil {
		return s, nil
	}

	s, err := c.compiler.Compile(documentAddress + "#" + (&url.URL{Path: n.pointer}).EscapedPath())
	if err != nil {
		return nil, fmt.Errorf("the schema at %s: %w", n.pointer, err)
	}

	c.schemas[n.pointer] = s

	return s, nil
}

// check holds a value against the schema at a place.
func (n node) check(what string, value any) error {
	if n.value == nil {
		return fmt.Errorf("%s: the document has no schema at %s", what, n.pointer)
	}

	s, err := n.schema()
	if err == nil {
		err = s.Validate(value)
	}

	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}

	return nil
}

// body reads and holds a JSON body against the media type at a place.
func (n node) body(what string, body []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return n.to("schema").check(what, value)
}

// text holds a header's or a parameter's value against its schema.
func (n node) text(what, value string) error {
	schema := n.to("schema")
	if kind, _ := schema.to("type").value.(string); kind == "integer" {
		number := json.Number(value)
		if _, err := number.Int64(); err != nil {
			return fmt.Errorf("%s: %q is no number", what, value)
		}
		return schema.check(what, number)
	}

	return schema.check(what, value)
}
