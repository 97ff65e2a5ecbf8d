// Package access admits a caller to an integration or an organisation. It checks
// that they exist and what the caller may do, in the order the API documents.
package access

import (
	"context"
	"errors"
	"sync"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// A Reader reads what the gate checks.
type Reader interface {
	Locate(ctx context.Context, id domain.Snowflake) (store.IntegrationRef, error)
	View(ctx context.Context, p store.IntegrationRef, user domain.Snowflake) (store.View, error)
}

// An Admitter admits a caller to an integration. The routes that work on one
// integration call it first; Gate implements it.
type Admitter interface {
	Admit(ctx context.Context, rawID, caller string) (store.IntegrationRef, store.View, error)
}

// A Gate admits callers. It caches the organisation and the item type of each
// integration, which never change. It never caches access rights.
type Gate struct {
	reader Reader
	mu     sync.Mutex
	refs   map[domain.Snowflake]store.IntegrationRef
}

// maxCached bounds the cache of a warm function. A full cache is cleared, which
// costs each integration one more read.
const maxCached = 10_000

// New returns a Gate.
func New(r Reader) *Gate { return &Gate{reader: r, refs: map[domain.Snowflake]store.IntegrationRef{}} }

// Admit reads an integration for a caller who holds MANAGE_ORGANISATION. caller
// is the subject of the token, unchanged. Admit reads once when the
// integration is cached, else twice. A refusal is a *domain.Error. It names the
// first of these that is wrong: the id, the integration, the organisation, the
// caller.
func (g *Gate) Admit(ctx context.Context, rawID, caller string) (store.IntegrationRef, store.View, error) {
	id, err := domain.ParseSnowflake(rawID)
	if err != nil {
		return store.IntegrationRef{}, store.View{}, &domain.Error{Code: domain.CodeInvalidID, Detail: "the integration's id " + err.Error() + "."}
	}

	ref, err := g.locate(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return store.IntegrationRef{}, store.View{}, notFound()
	}
	if err != nil {
		return store.IntegrationRef{}, store.View{}, err
	}

	user, userErr := domain.ParseSnowflake(caller)
	view, err := g.reader.View(ctx, ref, user)
	if err != nil {
		return ref, view, err
	}
	if view.Integration == nil {
		return ref, view, notFound()
	}

	return ref, view, judge(store.Membership{Organisation: view.Organisation, Member: view.Member}, user, userErr)
}

// A MembershipReader reads an organisation and the caller's membership of it.
type MembershipReader interface {
	Membership(ctx context.Context, org, user domain.Snowflake) (store.Membership, error)
}

// AdmitToOrganisation checks that a caller holds MANAGE_ORGANISATION on an
// organisation, and returns the ids of both. It reads once. A refusal is a
// *domain.Error. It names the first of these that is wrong: the id, the
// organisation, the caller.
func AdmitToOrganisation(ctx context.Context, r MembershipReader, rawID, caller string) (org, user domain.Snowflake, err error) {
	org, err = domain.ParseSnowflake(rawID)
	if err != nil {
		return 0, 0, &domain.Error{Code: domain.CodeInvalidID, Detail: "the organisation's id " + err.Error() + "."}
	}

	user, userErr := domain.ParseSnowflake(caller)
	m, err := r.Membership(ctx, org, user)
	if err != nil {
		return org, user, err
	}

	return org, user, judge(m, user, userErr)
}

// judge decides whether a caller may manage an organisation.
func judge(m store.Membership, user domain.Snowflake, userErr error) error {
	switch {
	case m.Organisation == nil || m.Organisation.Deleted:
		return &domain.Error{Code: domain.CodeOrganisationNotFound, Detail: "The organisation does not exist."}
	case userErr != nil:
		return &domain.Error{Code: domain.CodeCallerUnknown, Detail: "The token does not say which user is calling."}
	case !domain.MayManage(user, *m.Organisation, m.Member):
		return &domain.Error{Code: domain.CodeForbidden, Detail: "The caller does not hold " + domain.ManageOrganisation + " on the organisation."}
	}

	return nil
}

func notFound() error {
	return &domain.Error{Code: domain.CodeIntegrationNotFound, Detail: "There is no integration with this id."}
}

func (g *Gate) locate(ctx context.Context, id domain.Snowflake) (store.IntegrationRef, error) {
	g.mu.Lock()
	ref, known := g.refs[id]
	g.mu.Unlock()
	if known {
		return ref, nil
	}

	ref, err := g.reader.Locate(ctx, id)
	if err != nil {
		return ref, err
	}

	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.refs) >= maxCached {
		clear(g.refs)
	}

	g.refs[id] = ref

	return ref, nil
}
