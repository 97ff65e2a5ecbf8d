package jsonstream

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
)

// A shape says what of a value is kept. A nil shape keeps nothing.
type shape struct {
	members map[string]*shape // of a struct, nil for any other type
	element *shape            // of a list or a map
	list    bool
	// whole keeps all there is.
	whole bool
}

var everything = &shape{whole: true}

// member is what is kept of the member of a name. Like encoding/json it treats
// names that differ in case as the same.
func (s *shape) member(name string) *shape {
	switch {
	case s.whole:
		return s
	case s.list:
		return nil
	case s.members == nil:
		return s.element
	}

	if exact, ok := s.members[name]; ok {
		return exact
	}

	for known, one := range s.members {
		if strings.EqualFold(known, name) {
			return one
		}
	}

	return nil
}

// item is what is kept of an element of a list.
func (s *shape) item() *shape {
	if s.whole {
		return s
	}
	if s.list {
		return s.element
	}

	return nil
}

var (
	shapes         sync.Map // reflect.Type to *shape
	unmarshaler    = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshals = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// shapeOf is the shape of a type, pointers followed.
func shapeOf(t reflect.Type) *shape {
	if known, ok := shapes.Load(t); ok {
		return known.(*shape)
	}

	s := build(t, map[reflect.Type]*shape{})
	shapes.Store(t, s)
	return s
}

// build makes a shape. Types that hold themselves are in the map already.
func build(t reflect.Type, building map[reflect.Type]*shape) *shape {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}

	if t == nil || reads(t) {
		return everything
	}

	if s, ok := building[t]; ok {
		return s
	}

	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 { // a text in base64
			return everything
		}

		s := &shape{list: true}
		building[t] = s
		s.element = build(t.Elem(), building)
		return s

	case reflect.Map:
		s := &shape{}
		building[t] = s
		s.element = build(t.Elem(), building)
		return s

	case reflect.Struct:
		s := &shape{members: map[string]*shape{}}
		building[t] = s
		addMembers(s, t, building)
		return s
	}

	return everything
}

// reads reports whether a type reads JSON in its own way.
func reads(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(unmarshaler) || p.Implements(textUnmarshals)
}

// addMembers adds the members of a struct, those of embedded structs too.
func addMembers(s *shape, t reflect.Type, building map[reflect.Type]*shape) {
	for i := range t.NumField() {
		field := t.Field(i)
		tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		inner := field.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}

		switch {
		case field.Tag.Get("json") == "-":
		case field.Anonymous && tag == "" && inner.Kind() == reflect.Struct:
			addMembers(s, inner, building)
		case field.IsExported():
			name := tag
			if name == "" {
				name = field.Name
			}

			if _, outer := s.members[name]; !outer {
				s.members[name] = build(field.Type, building)
			} else {
				s.members[name] = everything
			}
		}
	}
}

// value reads one value and holds of it what the shape keeps.
func (r *Reader) value(s *shape, depth int) error {
	c, err := r.peek()
	if err != nil {
		return err
	}
	if depth >= maxDepth && (c == '{' || c == '[') {
		return ErrSyntax
	}

	var held *[]byte
	if s != nil {
		held = &r.held
	}

	switch {
	case c == '{':
		return r.object(s, held, depth)
	case c == '[':
		return r.array(s, held, depth)
	case c == '"':
		return r.text(held, MaxHeld)
	case c == '-' || isDigit(c):
		return r.number(held)
	case c == 't':
		return r.literal(held, "true")
	case c == 'f':
		return r.literal(held, "false")
	case c == 'n':
		return r.literal(held, "null")
	}

	return ErrSyntax
}

// object reads an object. Members without a place are passed over.
func (r *Reader) object(s *shape, held *[]byte, depth int) error {
	if err := hold(held, MaxHeld, '{'); err != nil {
		return err
	}

	first := true
	err := r.open('{', '}', func() error {
		if s == nil {
			return r.skipMember(depth)
		}

		name, err := r.memberName()
		if err != nil {
			return err
		}

		kept := s.member(name)
		if kept != nil {
			if err := r.holdName(first); err != nil {
				return err
			}
			first = false
		}

		return r.value(kept, depth+1)
	})
	if err != nil {
		return err
	}

	return hold(held, MaxHeld, '}')
}

// holdName holds the name that was read last.
func (r *Reader) holdName(first bool) error {
	if !first {
		if err := hold(&r.held, MaxHeld, ','); err != nil {
			return err
		}
	}

	if err := hold(&r.held, MaxHeld, r.name...); err != nil {
		return err
	}

	return hold(&r.held, MaxHeld, ':')
}

func (r *Reader) skipMember(depth int) error {
	c, err := r.peek()
	if err != nil {
		return err
	}
	if c != '"' {
		return ErrSyntax
	}

	if err := r.text(nil, 0); err != nil {
		return err
	}

	if err := r.expect(':'); err != nil {
		return err
	}

	return r.value(nil, depth+1)
}

// array reads a list. Elements without a place are passed over.
func (r *Reader) array(s *shape, held *[]byte, depth int) error {
	if err := hold(held, MaxHeld, '['); err != nil {
		return err
	}

	var kept *shape
	if s != nil {
		kept = s.item()
	}

	first := true
	err := r.open('[', ']', func() error {
		if kept != nil && !first {
			if err := hold(held, MaxHeld, ','); err != nil {
				return err
			}
		}

		first = false
		return r.value(kept, depth+1)
	})
	if err != nil {
		return err
	}

	return hold(held, MaxHeld, ']')
}
