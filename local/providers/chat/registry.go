package chat

import (
	"slices"
	"sync"
)

// A Registry holds what people change by hand while a fake server runs, such as
// channels. The changes are gone when the fake server is closed.
type Registry[T any] struct {
	id   func(T) string
	lock sync.RWMutex
	all  []T // replaced as a whole and never changed
}

// NewRegistry returns one with all that there is from the start.
func NewRegistry[T any](all []T, id func(T) string) *Registry[T] {
	return &Registry[T]{id: id, all: all}
}

// All lists them.
func (r *Registry[T]) All() []T {
	r.lock.RLock()
	defer r.lock.RUnlock()

	return r.all
}

// Get returns the one with an id, or nil. The result must not be changed.
func (r *Registry[T]) Get(id string) *T {
	all := r.All()
	i := slices.IndexFunc(all, func(one T) bool { return r.id(one) == id })
	if i < 0 {
		return nil
	}

	return &all[i]
}

// Change changes the one with an id, and reports whether there is one.
func (r *Registry[T]) Change(id string, change func(*T)) bool {
	r.lock.Lock()
	defer r.lock.Unlock()
	i := slices.IndexFunc(r.all, func(one T) bool { return r.id(one) == id })
	if i < 0 {
		return false
	}

	r.all = slices.Clone(r.all)
	change(&r.all[i])

	return true
}
