package template

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// noValue is what AWS::NoValue gives: the member it stands in does not exist.
type noValue struct{}

// resolver replaces intrinsic functions by their values.
type resolver struct {
	parameters Parameters
	resources  map[string]*resource
	// naming holds the resources whose names are being resolved, so that one
	// named after itself is an error and not the end of the stack.
	naming map[string]bool
}

// value resolves v and everything in it.
func (r *resolver) value(v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		if name, argument, ok := intrinsic(v); ok {
			return r.call(name, argument)
		}
		return r.object(v)

	case []any:
		return r.list(v)
	}

	return v, nil
}

func (r *resolver) object(v map[string]any) (any, error) {
	out := make(map[string]any, len(v))
	for name, member := range v {
		resolved, err := r.value(member)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}

		if _, absent := resolved.(noValue); !absent {
			out[name] = resolved
		}
	}

	return out, nil
}

func (r *resolver) list(v []any) (any, error) {
	out := make([]any, 0, len(v))
	for _, member := range v {
		resolved, err := r.value(member)
		if err != nil {
			return nil, err
		}

		if _, absent := resolved.(noValue); !absent {
			out = append(out, resolved)
		}
	}

	return out, nil
}

// intrinsic recognises {"Ref": …}, {"Fn::…": …} and {"Condition": …}: an object
// with one such member.
func intrinsic(v map[string]any) (string, any, bool) {
	if len(v) != 1 {
		return "", nil, false
	}

	for name, argument := range v {
		if name == "Ref" || strings.HasPrefix(name, "Fn::") {
			return name, argument, true
		}
	}

	return "", nil, false
}

func (r *resolver) call(name string, argument any) (any, error) {
	switch name {
	case "Ref":
		id, ok := argument.(string)
		if !ok {
			return nil, errors.New("ref: not a name")
		}
		return r.ref(id)

	case "Fn::GetAtt":
		return r.getAtt(argument)
	case "Fn::Join":
		return r.join(argument)
	case "Fn::Sub":
		return r.sub(argument)
	}

	return nil, fmt.Errorf("the intrinsic function %s is unknown to the local environment", name)
}

func (r *resolver) pseudo(name string) (any, bool) {
	switch name {
	case "AWS::Region":
		return r.parameters.Region, true
	case "AWS::AccountId":
		return r.parameters.AccountID, true
	case "AWS::StackName":
		return r.parameters.StackName, true
	case "AWS::Partition":
		return "aws", true
	case "AWS::URLSuffix":
		return "amazonaws.com", true
	case "AWS::NoValue":
		return noValue{}, true
	}

	return nil, false
}

func (r *resolver) ref(id string) (any, error) {
	if value, ok := r.pseudo(id); ok {
		return value, nil
	}

	res, ok := r.resources[id]
	if !ok {
		return nil, fmt.Errorf("%s is referred to, but is no resource or pseudo parameter that the local environment supports", id)
	}

	return r.identify(id, res, "Ref")
}

func (r *resolver) getAtt(argument any) (any, error) {
	id := ""
	attribute := ""
	switch a := argument.(type) {
	case string:
		id, attribute, _ = strings.Cut(a, ".")
	case []any:
		if len(a) == 2 {
			id, _ = a[0].(string)
			attribute, _ = a[1].(string)
		}
	}

	res, ok := r.resources[id]
	if !ok || attribute == "" {
		return nil, fmt.Errorf("Fn::GetAtt of %v leads nowhere", argument)
	}

	return r.identify(id, res, attribute)
}

// identify gives Ref or an attribute of a resource.
func (r *resolver) identify(id string, res *resource, what string) (any, error) {
	kind, ok := kinds[res.Type]
	if !ok || kind.identity == nil {
		return nil, fmt.Errorf("%s of %s (%s) is unknown to the local environment", what, id, res.Type)
	}
	if r.naming[id] {
		return nil, fmt.Errorf("the name of %s depends on itself", id)
	}

	r.naming[id] = true
	defer delete(r.naming, id)
	name := id
	if kind.name != "" && res.Properties[kind.name] != nil {
		given, err := r.value(res.Properties[kind.name])
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", id, kind.name, err)
		}

		if name, ok = given.(string); !ok {
			return nil, fmt.Errorf("%s.%s is not text", id, kind.name)
		}
	}

	value, ok := kind.identity(r.parameters, name)[what]
	if !ok {
		return nil, fmt.Errorf("%s of %s (%s) is unknown to the local environment", what, id, res.Type)
	}

	return value, nil
}

func (r *resolver) join(argument any) (any, error) {
	pair, ok := argument.([]any)
	if !ok || len(pair) != 2 {
		return nil, errors.New("Fn::Join: not a separator and a list")
	}

	separator, ok := pair[0].(string)
	list, isList := pair[1].([]any)
	if !ok || !isList {
		return nil, errors.New("Fn::Join: not a separator and a list")
	}

	resolved, err := r.list(list)
	if err != nil {
		return nil, err
	}

	var parts []string
	for _, part := range resolved.([]any) {
		text, ok := part.(string)
		if !ok {
			return nil, fmt.Errorf("Fn::Join: %v is not text", part)
		}
		parts = append(parts, text)
	}

	return strings.Join(parts, separator), nil
}

var substitution = regexp.MustCompile(`\$\{([^}]*)\}`)

func (r *resolver) sub(argument any) (any, error) {
	text, ok := argument.(string)
	if !ok {
		return nil, errors.New("Fn::Sub with a list is unknown to the local environment")
	}

	var failed error
	out := substitution.ReplaceAllStringFunc(text, func(found string) string {
		name := found[2 : len(found)-1]
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			return "${" + literal + "}"
		}

		value := r.ref
		if strings.Contains(name, ".") {
			value = func(name string) (any, error) { return r.getAtt(name) }
		}

		resolved, err := value(name)
		s, isText := resolved.(string)
		if err == nil && !isText {
			err = fmt.Errorf("Fn::Sub: %s is not text", name)
		}

		if err != nil {
			failed = errors.Join(failed, err)
		}

		return s
	})

	return out, failed
}
