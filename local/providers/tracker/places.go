package tracker

import (
	"slices"
	"strings"
	"sync"
)

// A Place is a project or repository of a tracker. It is never changed: a new one is
// put in its place, so that a request keeps the one that it has found.
type Place interface {
	comparable

	// FullName is the name that the tracker finds the place by.
	FullName() string
	// Ident is the number of the place. A new name does not change it.
	Ident() int64
}

// Places are the places of a tracker. A name that a place had leads to it until
// another place takes that name. Names ignore case.
type Places[P Place] struct {
	Exact bool // names have a case

	lock   sync.RWMutex
	order  []P
	byName map[string]P
	placed int
}

// Add adds a place under its name and its old names.
func (s *Places[P]) Add(added P, old ...string) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.byName == nil {
		s.byName = map[string]P{}
	}

	s.order = append(slices.Clone(s.order), added)
	for _, name := range append([]string{added.FullName()}, old...) {
		s.byName[s.key(name)] = added
	}
}

// key is a name as the map has it.
func (s *Places[P]) key(name string) string {
	if s.Exact {
		return name
	}

	return strings.ToLower(name)
}

// Find returns the place that has a name or had it, or nil.
func (s *Places[P]) Find(name string) P {
	s.lock.RLock()
	defer s.lock.RUnlock()
	return s.byName[s.key(name)]
}

// Current returns the place that has a name now, or nil.
func (s *Places[P]) Current(name string) (none P) {
	if found := s.Find(name); found != none && s.key(found.FullName()) == s.key(name) {
		return found
	}

	return none
}

// Numbered returns the place with a number, or nil.
func (s *Places[P]) Numbered(id int64) (none P) {
	for _, one := range s.All() {
		if one.Ident() == id {
			return one
		}
	}

	return none
}

// All lists the places. The list is not changed later.
func (s *Places[P]) All() []P {
	s.lock.RLock()
	defer s.lock.RUnlock()
	return s.order
}

// Changes is how often a place was put in another one's place.
func (s *Places[P]) Changes() int {
	s.lock.RLock()
	defer s.lock.RUnlock()
	return s.placed
}

// Replace puts a place in another one's place. If both have one number, the old names
// lead to the new place, otherwise the old place and its names are gone. A nil before
// adds the place.
func (s *Places[P]) Replace(before, after P) {
	s.lock.Lock()
	defer s.lock.Unlock()
	var none P
	s.placed++
	s.order = slices.Clone(s.order)
	if at := slices.Index(s.order, before); at >= 0 {
		s.order[at] = after
	} else {
		s.order = append(s.order, after)
	}

	for name, one := range s.byName {
		switch {
		case before == none || one != before:
		case before.Ident() == after.Ident():
			s.byName[name] = after
		default:
			delete(s.byName, name)
		}
	}

	s.byName[s.key(after.FullName())] = after
}
