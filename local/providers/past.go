package providers

import "time"

// Remembered is how far back it is known what an object was.
const Remembered = time.Hour

// Versions are what an object was, and since when.
type Versions[V any] struct{ all []version[V] }

type version[V any] struct {
	at    time.Time
	value V
}

// Add says what the object is from a time on, which is not before the last one.
func (v *Versions[V]) Add(at time.Time, value V) {
	v.all = append(v.all, version[V]{at, value})
	for len(v.all) > 1 && at.Sub(v.all[1].at) >= Remembered || len(v.all) > 1 && v.all[1].at.IsZero() {
		v.all = v.all[1:]
	}
}

// Latest is what it is.
func (v *Versions[V]) Latest() V { return v.all[len(v.all)-1].value }

// SeenAt is what it was at a time; there is nothing where it was not there.
func (v *Versions[V]) SeenAt(at time.Time) (value V, there bool) {
	for i := len(v.all) - 1; i >= 0; i-- {
		if !v.all[i].at.After(at) {
			return v.all[i].value, true
		}
	}
	return value, false
}

// A Past is what many objects were, so that a list of them can lag behind.
type Past[K comparable, V any] struct {
	byKey map[K]*Versions[V]
	order []K
}

// Put says what an object is from a time on: the zero time means from ever.
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

// At lists what was there at a time, in the order in which it came.
func (p *Past[K, V]) At(at time.Time) []V {
	var all []V
	for _, key := range p.order {
		if value, there := p.byKey[key].SeenAt(at); there {
			all = append(all, value)
		}
	}

	return all
}
