// Package handler answers PATCH /integrations/{integration.id}: it changes an
// integration's configuration and whether it is enabled.
package handler

import (
	"context"
	"errors"
	"net/http"
	"time"

	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/configuration"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// A Writer stores a change onto the version that was read.
type Writer interface {
	UpdateIntegration(ctx context.Context, read store.View, c store.Change, now time.Time) (store.Integration, error)
}

// A Sealer encrypts an integration's secrets, by member, for the one place they
// may be sent to.
type Sealer interface {
	SealAll(ctx context.Context, i domain.Integration, origin string, secrets map[string]string) (map[string][]byte, error)
}

// A Handler changes integrations.
type Handler struct {
	Gate   access.Admitter
	Writer Writer
	Sealer Sealer
	Now    func() time.Time
}

// attempts bounds how often a change is applied anew when another one came
// first; a caller who minds which one sends If-Match.
const attempts = 5

// Route answers one request. It reads like get and writes once.
func (h *Handler) Route(ctx context.Context, r api.Request) (api.Answer, error) {
	for range attempts {
		_, view, err := h.Gate.Admit(ctx, r.IntegrationID, r.Caller)
		if err != nil {
			return api.Answer{}, err
		}

		next, err := h.apply(ctx, r, view)
		if errors.Is(err, store.ErrConflict) {
			continue
		}

		var taken *store.TargetInUseError
		if errors.As(err, &taken) {
			return api.Answer{}, api.TargetInUse(taken.Holder)
		}
		if errors.Is(err, store.ErrNotFound) {
			return api.Answer{}, &domain.Error{Code: domain.CodeIntegrationNotFound, Detail: "There is no integration with this id."}
		}
		if err != nil {
			return api.Answer{}, err
		}

		return api.Answer{Status: http.StatusOK, Header: map[string]string{"etag": api.ETag(next.Version)}, Body: next.Integration}, nil
	}

	return api.Answer{}, &domain.Error{Code: domain.CodeConflict, Detail: "Others are changing the integration at the same time; nothing was changed."}
}

// A patch is the body; a member that is not given is nil.
type patch struct {
	configuration *string
	enabled       *bool
}

var mediaTypes = []string{"application/json", "application/merge-patch+json"}

func read(r api.Request) (patch, error) {
	var p patch
	if err := r.NoQuery(); err != nil {
		return p, err
	}

	err := r.Object(mediaTypes, false, map[string]api.Member{
		"configuration": api.Text(func(v string) { p.configuration = &v }),
		"enabled":       api.Truth(func(v bool) { p.enabled = &v }),
		"id":            api.Fixed, "organisation_id": api.Fixed, "item_type": api.Fixed, "provider": api.Fixed,
	})

	return p, err
}

func (h *Handler) apply(ctx context.Context, r api.Request, view store.View) (store.Integration, error) {
	current := *view.Integration
	p, err := read(r)
	if err != nil {
		return current, err
	}

	accepted, err := accept(current, p)
	if err != nil {
		return current, err
	}

	if err := r.IfMatch(current.Version); err != nil {
		return current, err
	}

	change, changes, err := plan(current, p, accepted)
	if err != nil {
		return current, err
	}
	if !changes {
		return current, nil
	}

	if accepted != nil {
		if change.NewSecrets, err = h.Sealer.SealAll(ctx, current.Integration, accepted.Destination.Origin, accepted.NewSecrets); err != nil {
			return current, err
		}
	}

	return h.Writer.UpdateIntegration(ctx, view, change, h.Now())
}

// accept judges the configuration, if one is given.
func accept(current store.Integration, p patch) (*configuration.Accepted, error) {
	if p.configuration == nil {
		return nil, nil
	}

	accepted, err := configuration.Accept(current.Provider, *p.configuration, &configuration.Stored{
		Public: current.Configuration, Secrets: current.SecretOrigins, WebhookHash: current.WebhookHash,
	})
	var invalid *configuration.Invalid
	if errors.As(err, &invalid) {
		return nil, invalid.Refusal()
	}
	if err != nil {
		return nil, err
	}

	return &accepted, nil
}

// plan says what changes; nothing does when the body holds what is stored.
func plan(current store.Integration, p patch, accepted *configuration.Accepted) (store.Change, bool, error) {
	c := store.Change{
		Enabled: current.Enabled, Configuration: current.Configuration, TargetHash: current.TargetHash,
		WebhookHash: current.WebhookHash, Fingerprint: current.Fingerprint, SecretOrigins: current.SecretOrigins,
	}
	changes := false
	if p.enabled != nil && *p.enabled != current.Enabled {
		c.Enabled = *p.enabled
		changes = true
		c.NeedsFull = c.Enabled // what happened while it was disabled left no pending changes
	}

	if accepted == nil {
		return c, changes, nil
	}
	if accepted.Public == current.Configuration && len(accepted.NewSecrets) == 0 {
		return c, changes, nil
	}

	c.ConfigurationChanged = true
	same, err := configuration.SameConnection(current.Provider, current.Configuration, accepted.Public)
	if err != nil {
		return c, false, err
	}

	c.ConnectionChanged = !same || len(accepted.NewSecrets) > 0
	c.Configuration, c.TargetHash = accepted.Public, accepted.Destination.Hash()
	c.WebhookHash = accepted.Destination.WebhookHash
	c.Fingerprint = accepted.ContentFingerprint
	c.SecretOrigins = map[string]string{}
	for _, member := range accepted.KeptSecrets {
		c.SecretOrigins[member] = current.SecretOrigins[member]
	}

	for member := range accepted.NewSecrets {
		c.SecretOrigins[member] = accepted.Destination.Origin
	}

	// Whether another spelling is another place, which needs a full sync too, is
	// for the worker to find out.
	c.NeedsFull = c.NeedsFull || c.Fingerprint != current.Fingerprint

	return c, true, nil
}
