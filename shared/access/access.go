// Package access admits a caller to an integration or an organisation: it finds
// them and the caller's rights in the order the API promises.
package access

import (
	"context"
	"errors"
	"sync"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// A Reader is what the gate reads.
type Reader interface {
	Locate(ctx context.Context, id domain.Snowflake) (store.IntegrationRef, error)
	View(ctx context.Context, p store.IntegrationRef, user domain.Snowflake) (store.View, error)
}

// A Gate admits callers. It remembers whose an integration is, which never
// changes, and never permissions.
type Gate struct {
	reader Reader
	mu     sync.Mutex
	pairs  map[domain.Snowflake]store.IntegrationRef
}

// remembered bounds the memory of a warm function; a full one is forgotten
// whole, which costs each integration one more read.
const remembered = 10_000

// New returns a Gate.
func New(r Reader) *Gate { return &Gate{reader: r, pairs: map[domain.Snowflake]store.IntegrationRef{}} }

// Admit lets a caller who holds MANAGE_ORGANISATION see an integration. caller
// is the token's subject as it stands there. It reads once when the
// integration is remembered, else twice. Whom it refuses gets a *domain.Error:
// the id, the integration, the organisation, the caller, in this order.
func (g *Gate) Admit(ctx context.Context, rawID, caller string) (store.IntegrationRef, store.View, error) {
	id, err := domain.ParseSnowflake(rawID)
	if err != nil {
		return store.IntegrationRef{}, store.View{}, &domain.Error{Code: domain.CodeInvalidID, Detail: "the integration's id " + err.Error() + "."}
	}

	pair, err := g.locate(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return store.IntegrationRef{}, store.View{}, notFound()
	}
	if err != nil {
		return store.IntegrationRef{}, store.View{}, err
	}

	user, userErr := domain.ParseSnowflake(caller)
	view, err := g.reader.View(ctx, pair, user)
	if err != nil {
		return pair, view, err
	}
	if view.Integration == nil {
		return pair, view, notFound()
	}

	return pair, view, judge(store.Membership{Organisation: view.Organisation, Member: view.Member}, user, userErr)
}

// A MembershipReader reads what decides about an organisation's caller.
type MembershipReader interface {
	Membership(ctx context.Context, org, user domain.Snowflake) (store.Membership, error)
}

// AdmitToOrganisation lets a caller who holds MANAGE_ORGANISATION on an
// organisation work with its integrations, and says which and who they are. It
// reads once. Whom it refuses gets a *domain.Error: the id, the organisation,
// the caller, in this order.
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

// judge decides about a caller of an organisation.
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
	pair, known := g.pairs[id]
	g.mu.Unlock()
	if known {
		return pair, nil
	}

	pair, err := g.reader.Locate(ctx, id)
	if err != nil {
		return pair, err
	}

	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.pairs) >= remembered {
		clear(g.pairs)
	}

	g.pairs[id] = pair

	return pair, nil
}
