package main

import "time"

// Profile chooses between a deployment and the local environment.
type Profile string

const (
	production Profile = "production"
	local      Profile = "local"
)

// Timings are the durations that a person at the local environment would otherwise wait for.
type Timings struct {
	// Worker is providersync's timeout, Slice what it works before it hands over to a new message.
	Worker, Slice time.Duration
	// Ingest is ingest's timeout: five times six of it pass before what ingest cannot handle is a dead letter.
	Ingest time.Duration
	// Call is the longest that one call to a provider may take.
	Call time.Duration
	// Settle is how long after an ambiguous create the provider's list may still lack the created object.
	Settle time.Duration
	// LeaseMargin is how long a lease outlives the invocation that took it.
	LeaseMargin time.Duration
	// LostAfter is how long a message may be under way before dispatch sends another.
	LostAfter time.Duration
	// Pull is the pause between two looks at what changed at a tracker.
	Pull time.Duration
}

func timingsOf(p Profile) Timings {
	if p == local {
		return Timings{
			Worker: 20 * time.Second, Slice: 8 * time.Second, Ingest: 5 * time.Second, Call: 5 * time.Second, Settle: 2 * time.Second,
			LeaseMargin: time.Second, LostAfter: 5 * time.Second, Pull: 15 * time.Second,
		}
	}

	return Timings{
		Worker: 120 * time.Second, Slice: 60 * time.Second, Ingest: 30 * time.Second, Call: 30 * time.Second,
		// GitHub's lists have been seen to lag by minutes.
		Settle:      120 * time.Second,
		LeaseMargin: 15 * time.Second,
		LostAfter:   120 * time.Second,
		Pull:        15 * time.Minute,
	}
}
