// Package handler answers POST /organisations/{organisation.id}/integrations:
// it makes an integration, once for each idempotency key.
package handler

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"time"

	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/configuration"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// A Creator stores an integration, and finds what an idempotency key has created.
type Creator interface {
	CreateOnce(ctx context.Context, i store.Integration, secrets map[string][]byte, once *store.IdempotencyKey) error
	FindCreated(ctx context.Context, org domain.Snowflake, once store.IdempotencyKey) (*store.CreatedBefore, error)
}

// A Sealer encrypts an integration's secrets, by member, for the one place they
// may be sent to.
type Sealer interface {
	SealAll(ctx context.Context, i domain.Integration, origin string, secrets map[string]string) (map[string][]byte, error)
}

// A Handler creates integrations.
type Handler struct {
	Members access.MembershipReader
	Creator Creator
	Sealer  Sealer
	Now     func() time.Time
}

const (
	// remembered is how long a key's answer is.
	remembered = 24 * time.Hour
	// attempts bounds how often another id is tried when one is taken.
	attempts = 3
)

// Route answers one request: it reads once, seals each secret and writes once;
// with a key it reads once more.
func (h *Handler) Route(ctx context.Context, r api.Request) (api.Answer, error) {
	org, user, err := access.AdmitToOrganisation(ctx, h.Members, r.OrganisationID, r.Caller)
	if err != nil {
		return api.Answer{}, err
	}

	if err := r.NoQuery(); err != nil {
		return api.Answer{}, err
	}

	wanted, accepted, err := read(r)
	if err != nil {
		return api.Answer{}, err
	}

	once, err := h.once(r, user, wanted)
	if err != nil {
		return api.Answer{}, err
	}

	wanted.OrganisationID = org
	for range attempts {
		made, err := h.made(ctx, org, once)
		if err != nil {
			return api.Answer{}, err
		}

		if made == nil {
			made, err = h.create(ctx, wanted, accepted, once)
		}

		var taken *store.TargetInUseError
		switch {
		case err == nil:
			return created(*made), nil
		case errors.As(err, &taken):
			return api.Answer{}, api.TargetInUse(taken.Holder)
		case errors.Is(err, store.ErrFull):
			return api.Answer{}, &domain.Error{Code: domain.CodeLimitReached, Detail: fmt.Sprintf("An organisation has at most %d integrations; nothing was created.", store.MaxIntegrations)}
		case !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrRepeated):
			return api.Answer{}, err
		}
	}

	return api.Answer{}, &domain.Error{Code: domain.CodeConflict, Detail: "The integration could not be created now. Try again."}
}

func created(i domain.Integration) api.Answer {
	return api.Answer{Status: http.StatusCreated, Body: i, Header: map[string]string{
		"location": "/integrations/" + i.ID.String(), "etag": api.ETag(1),
	}}
}

// read judges the body.
func read(r api.Request) (wanted domain.Integration, accepted configuration.Accepted, err error) {
	wanted.Enabled = true // who creates one wants it to work
	err = r.Object([]string{"application/json"}, false, map[string]api.Member{
		"item_type":     api.OneOf(domain.ItemTypes, func(v domain.ItemType) { wanted.ItemType = v }),
		"provider":      api.OneOf(domain.Providers, func(v domain.Provider) { wanted.Provider = v }),
		"configuration": api.Text(func(v string) { wanted.Configuration = v }),
		"enabled":       api.Truth(func(v bool) { wanted.Enabled = v }),
	}, "item_type", "provider", "configuration")
	if err != nil {
		return wanted, accepted, err
	}

	accepted, err = configuration.Accept(wanted.Provider, wanted.Configuration, nil)
	if invalid, ok := configuration.IsInvalid(err); ok {
		err = invalid.Refusal()
	}

	return wanted, accepted, err
}

// once is what the caller's key stands for, nil without one. The key and the
// request are kept as hashes: neither may be read from the table. That of the
// request, which holds secrets, is keyed with what is stored nowhere, the key,
// so that a guess at a secret cannot be tried on it.
func (h *Handler) once(r api.Request, user domain.Snowflake, wanted domain.Integration) (*store.IdempotencyKey, error) {
	key, given := r.Given(api.IdempotencyKey)
	if !given {
		return nil, nil
	}

	if !api.ValidKey(key) {
		return nil, &domain.Error{Code: domain.CodeInvalidHeader, Detail: "A header cannot be taken.",
			Fields: []domain.FieldError{{Field: api.IdempotencyKey, Detail: "must be 1 to 255 visible ASCII characters"}}}
	}

	now := h.Now()

	return &store.IdempotencyKey{
		User: user, Key: digest(sha256.New(), key), Now: now, Until: now.Add(remembered),
		Fingerprint: digest(hmac.New(sha256.New, []byte(key)), string(wanted.ItemType), string(wanted.Provider), wanted.Configuration, fmt.Sprint(wanted.Enabled)),
	}, nil
}

func digest(h hash.Hash, parts ...string) string {
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// made is what the key has made before, nil for nothing.
func (h *Handler) made(ctx context.Context, org domain.Snowflake, once *store.IdempotencyKey) (*domain.Integration, error) {
	if once == nil {
		return nil, nil
	}

	made, err := h.Creator.FindCreated(ctx, org, *once)
	if err != nil || made == nil {
		return nil, err
	}
	if made.Fingerprint != once.Fingerprint {
		return nil, &domain.Error{Code: domain.CodeKeyReused, Detail: "This " + api.IdempotencyKey + " was used for another request within 24 hours; nothing was created."}
	}

	return &made.Integration, nil
}

// create stores the integration under a new id.
func (h *Handler) create(ctx context.Context, wanted domain.Integration, a configuration.Accepted, once *store.IdempotencyKey) (*domain.Integration, error) {
	wanted.ID = domain.NewSnowflake(h.Now())
	wanted.Configuration = a.Public
	sealed, err := h.Sealer.SealAll(ctx, wanted, a.Destination.Origin, a.NewSecrets)
	if err != nil {
		return nil, err
	}

	origins := map[string]string{}
	for member := range a.NewSecrets {
		origins[member] = a.Destination.Origin
	}

	err = h.Creator.CreateOnce(ctx, store.Integration{
		Integration: wanted, TargetHash: a.Destination.Hash(), WebhookHash: a.Destination.WebhookHash,
		Fingerprint: a.ContentFingerprint, SecretOrigins: origins,
	}, sealed, once)

	return &wanted, err
}
