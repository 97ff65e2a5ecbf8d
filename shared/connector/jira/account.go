package jira

import (
	"context"
	"sync"
	"time"
)

// An account is the account that the token belongs to.
type account struct {
	client *client

	mu   sync.Mutex
	zone *time.Location // the account's time zone, nil before Jira was asked
}

// behind is the time zone whose clocks are furthest back: a time in it is early
// enough in any other.
var behind = time.FixedZone("UTC-12", -12*60*60)

// timeZone asks Jira once for the account's time zone. If the zone is unknown,
// it is the one furthest back.
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
