package connector

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

// A Place is what a provider says a target is: a repository, a project, a
// channel. Instance, ID and Created identify it; Name and URL may change.
type Place struct {
	// Instance is the provider's own name of the server, not the host name in
	// the configuration: "github.com", a Jira cloud id, the host in the links
	// that a self-managed server gives.
	Instance string
	// ID is the provider's immutable id of the place.
	ID string
	// Created is when the place was made, in the provider's words or in UTC, ""
	// where the provider does not say. Two servers that give themselves the same name
	// have places with the same ids; the time keeps them apart.
	Created string
	Name    string // as people know it: owner/repo, a path, a key, a channel
	URL     string // of its page, http or https, "" for none
	// ByName says that calls go by Name, because the provider documents none by
	// ID. A name may lead elsewhere at any time, so each slice resolves again.
	ByName bool
}

// Key is short and stable: places with the same key are the same place,
// however they are spelled.
func (p Place) Key(provider domain.Provider) string {
	b, err := json.Marshal([]string{string(provider), p.Instance, p.ID, p.Created})
	if err != nil {
		panic(err) // strings always marshal
	}

	sum := sha256.Sum256(b)

	return hex.EncodeToString(sum[:16])
}

// OfPlace makes a failure to resolve a place one of the whole integration,
// whatever the refused call was about.
func OfPlace(err error) error {
	var e *failure.Error
	if errors.As(err, &e) {
		e.Scope = failure.IntegrationScope
	}

	return err
}

// A Resolver is a connector that can say which place its configuration leads
// to.
type Resolver interface {
	// Resolve reads which place the spelling in the configuration leads to. It
	// makes as few calls as possible, follows redirects at the same host, and
	// writes nothing. Later calls go to that place, as after Use. A place that
	// does not exist, or that the credentials may not see, is a *failure.Error with
	// the code target_not_found.
	Resolve(ctx context.Context) (Place, error)
	// Use makes later calls go to a place that was resolved before. It makes no
	// call.
	Use(p Place)
}
