package main

import (
	"iter"
	"math/rand/v2"
)

// An Order is another one than the file's, as events are delivered late, twice
// and out of order.
type Order struct {
	// Seed gives the same random order every time.
	Seed uint64
	// Double sends each event twice.
	Double bool
}

// apply reads all events before it gives the first. Without an Order they stay
// as they are.
func (o *Order) apply(entries iter.Seq2[entry, error]) iter.Seq2[entry, error] {
	if o == nil {
		return entries
	}

	return func(yield func(entry, error) bool) {
		var all []entry
		for e, err := range entries {
			if err != nil {
				yield(entry{}, err)
				return
			}

			all = append(all, e)
			if o.Double {
				all = append(all, e)
			}
		}

		r := rand.New(rand.NewPCG(o.Seed, 0))
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}
}
