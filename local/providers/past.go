package providers

import "time"

// Remembered is how far back versions of an object are kept.
const Remembered = time.Hour

// Versions are the values of an object, each with the time since when it holds.
type Versions[V any] struct{ all []version[V] }

type version[V any] struct {
	at    time.Time
	value V
}

// Add adds the value from a time on. The time is not before the last one.
func (v *Versions[V]) Add(at time.Time, value V) {
	v.all = append(v.all, version[V]{at, value})
	for len(v.all) > 1 && at.Sub(v.all[1].at) >= Remembered || len(v.all) > 1 && v.all[1].at.IsZero() {
		v.all = v.all[1:]
	}
}

// Latest is the value now.
func (v *Versions[V]) Latest() V { return v.all[len(v.all)-1].value }

// SeenAt is the value at a time. There is none before the first one.
func (v *Versions[V]) SeenAt(at time.Time) (value V, there bool) {
	for i := len(v.all) - 1; i >= 0; i-- {
		if !v.all[i].at.After(at) {
			return v.all[i].value, true
		}
	}
	return value, false
}

// A Past has the versions of many objects, so that a list of them can lag behind.
type Past[K comparable, V any] struct {
	byKey map[K]*Versions[V]
	order []K
}

// Put adds the value of an object from a time on. The zero time means always.
func (p *Past[K, V]) Put(key K, at time.Time, value V) {
	if p.byKey == nil {
		p.byKey = map[K]*Versions[V]{}
	}

	one := p.byKey[key]
	if one == nil {
		one = &Versions[V]{}
		p.byKey[key] = one
		p.order = append(p.order, key)
	}

	one.Add(at, value)
}

// At lists the objects at a time, in the order in which they were added.
func (p *Past[K, V]) At(at time.Time) []V {
	var all []V
	for _, key := range p.order {
		if value, there := p.byKey[key].SeenAt(at); there {
			all = append(all, value)
		}
	}

	return all
}
