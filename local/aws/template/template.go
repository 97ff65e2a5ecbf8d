// Package template reads the synthesized CloudFormation template and says, in
// resolved and typed form, what the local environment has to run.
//
// A resource type, property or intrinsic function it does not know is an error
// that names it: what is silently left out locally would first fail on AWS.
package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Parameters stand in for the account and region a stack is deployed to.
type Parameters struct {
	Region    string
	AccountID string
	StackName string
}

// A Template is what the stack consists of, as far as it runs locally. Each
// list is ordered by logical id.
type Template struct {
	Functions []Function
	Routes    []Route
	// Throttles are those of the routes that have one, by method and path.
	Throttles map[string]Throttle
	Mappings  []Mapping
	Rules     []Rule
	Tables    []Table
	Queues    []Queue
	Buses     []Bus
	Keys      []Key
}

// A Function is a Lambda function.
type Function struct {
	LogicalID string
	// Short is its folder under functions/.
	Short string
	// Name is its physical name, ARN what identifies it.
	Name, ARN   string
	Handler     string
	Asset       string
	Environment map[string]string
	Timeout     time.Duration
	MemoryMB    int
	// RecursiveLoop is Allow or Terminate.
	RecursiveLoop string
	// LogFormat is Text or JSON, LogLevel the least that is logged; it may be
	// empty.
	LogFormat, LogLevel string
}

// A Route of the HTTP API and the function it leads to.
type Route struct {
	Method, Path string
	// Function is the logical id of the function.
	Function   string
	Authorizer Authorizer
	Scopes     []string
}

// A Throttle bounds the requests a second to a route, and those at once.
type Throttle struct{ Rate, Burst float64 }

// An Authorizer checks a bearer token.
type Authorizer struct {
	Issuer         string
	Audience       []string
	IdentitySource []string
}

// A Mapping feeds a function from a queue.
type Mapping struct {
	LogicalID string
	// QueueARN and Function (a logical id) are its two ends.
	QueueARN, Function string
	BatchSize          int
	Window             time.Duration
	PartialFailures    bool
	MaximumConcurrency int
	Enabled            bool
}

// A Rule matches events of a bus or fires on a schedule.
type Rule struct {
	LogicalID, Name, ARN string
	// Bus is a name; a rule with a schedule is on the bus "default".
	Bus      string
	Pattern  json.RawMessage
	Schedule string
	Enabled  bool
	Targets  []Target
}

// A Target of a rule is a queue or a function.
type Target struct {
	ID, ARN string
	// MessageGroupID is a JSONPath into the event, or a fixed text.
	MessageGroupID string
	// DeadLetterARN is the queue that takes what cannot be delivered.
	DeadLetterARN string
}

// A Table is a DynamoDB table.
type Table struct {
	LogicalID, Name, ARN string
	// Attributes gives the type (S, N, B) of each key attribute.
	Attributes map[string]string
	Hash, Sort string
	Indexes    []Index
	// TimeToLive names the attribute that holds an item's end; it may be empty.
	TimeToLive string
}

// An Index is a global secondary index.
type Index struct {
	Name, Hash, Sort string
	Projection       string
	NonKey           []string
}

// A Queue is an SQS queue.
type Queue struct {
	LogicalID, Name, ARN string
	// URL is what Ref gives: the address the queue has on AWS. An environment that
	// runs the queue elsewhere replaces it with the real address.
	URL        string
	Attributes map[string]string
	// DeadLetterARN and MaxReceives are its redrive policy, if it has one.
	DeadLetterARN string
	MaxReceives   int
}

// A Bus is an EventBridge bus.
type Bus struct{ LogicalID, Name, ARN string }

// A Key is a KMS key. Spec and Usage are those that CloudFormation names.
type Key struct{ LogicalID, ID, ARN, Spec, Usage string }

// The kinds of keys that the local KMS has.
const (
	symmetricSpec = "SYMMETRIC_DEFAULT"
	hmacSpec      = "HMAC_256"
	sealUsage     = "ENCRYPT_DECRYPT"
	macUsage      = "GENERATE_VERIFY_MAC"
)

// Seals says whether the key encrypts and decrypts.
func (k Key) Seals() bool { return k.Usage == sealUsage }

// document is a template as CloudFormation has it.
type document struct {
	Resources  map[string]*resource
	Conditions map[string]any
	Mappings   map[string]any
	Transform  any
}

type resource struct {
	Type       string
	Properties map[string]any
	Metadata   map[string]any
	Condition  string
}

// Parse reads a template. All that it cannot follow is reported together.
func Parse(data []byte, p Parameters) (*Template, error) {
	var doc document
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}

	if len(doc.Conditions) > 0 || len(doc.Mappings) > 0 || doc.Transform != nil {
		return nil, errors.New("template: conditions, mappings and transforms are unknown to the local environment")
	}

	for id, res := range doc.Resources {
		if res == nil {
			return nil, fmt.Errorf("template: %s is not a resource", id)
		}
	}

	r := &resolver{parameters: p, resources: doc.Resources, naming: map[string]bool{}}
	t := &Template{Throttles: map[string]Throttle{}}
	var problems []error
	for _, id := range slices.Sorted(maps.Keys(doc.Resources)) {
		if err := t.add(r, id, doc.Resources[id]); err != nil {
			problems = append(problems, fmt.Errorf("template: %s (%s): %w", id, doc.Resources[id].Type, err))
		}
	}

	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}

	return t, t.link()
}

func (t *Template) add(r *resolver, id string, res *resource) error {
	kind, ok := kinds[res.Type]
	if !ok {
		return errors.New("the local environment does not support this type of resource")
	}
	if kind.add == nil {
		return nil
	}
	if res.Condition != "" {
		return errors.New("a condition on a resource is unknown to the local environment")
	}

	props := &properties{resolver: r, values: res.Properties, known: kind.ignored}
	if err := kind.add(t, id, res, props); err != nil {
		return err
	}

	return props.end()
}

// link checks that what resources say of one another leads somewhere.
func (t *Template) link() error {
	var problems []error
	for _, m := range t.Mappings {
		if !t.hasQueue(m.QueueARN) {
			problems = append(problems, fmt.Errorf("template: %s reads %s, which is not a queue of the stack", m.LogicalID, m.QueueARN))
		}
	}

	for _, rule := range t.Rules {
		for _, target := range rule.Targets {
			if !t.hasQueue(target.ARN) && t.FunctionByARN(target.ARN) == nil {
				problems = append(problems, fmt.Errorf("template: %s targets %s, which is neither a queue nor a function of the stack", rule.LogicalID, target.ARN))
			}
		}
	}

	return errors.Join(problems...)
}

func (t *Template) hasQueue(arn string) bool {
	return slices.ContainsFunc(t.Queues, func(q Queue) bool { return q.ARN == arn })
}

// FunctionByARN finds a function; nil where there is none.
func (t *Template) FunctionByARN(arn string) *Function {
	for i := range t.Functions {
		if t.Functions[i].ARN == arn {
			return &t.Functions[i]
		}
	}
	return nil
}

// Function finds a function by its logical id; nil where there is none.
func (t *Template) Function(logicalID string) *Function {
	for i := range t.Functions {
		if t.Functions[i].LogicalID == logicalID {
			return &t.Functions[i]
		}
	}
	return nil
}
