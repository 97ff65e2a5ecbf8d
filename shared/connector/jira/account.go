package jira

import (
	"context"
	"sync"
	"time"
)

// An account is the one that the token belongs to.
type account struct {
	client *client

	mu   sync.Mutex
	zone *time.Location // of the account's clock, nil before Jira was asked
}

// whose asks once for the zone of whose token it is. One that is not known
// gives way to one that is early enough.
func (ac *account) timeZone(ctx context.Context) (*time.Location, error) {
	ac.mu.Lock()
	zone := ac.zone
	ac.mu.Unlock()
	if zone != nil {
		return zone, nil
	}

	var me struct {
		Zone string `json:"timeZone"`
	}
	if err := ac.client.getJSON(ctx, ac.client.api("/myself"), &me); err != nil {
		return nil, err
	}

	zone, err := time.LoadLocation(me.Zone)
	if err != nil || me.Zone == "" || me.Zone == "Local" {
		zone = behind
	}

	ac.mu.Lock()
	defer ac.mu.Unlock()
	ac.zone = zone

	return zone, nil
}
