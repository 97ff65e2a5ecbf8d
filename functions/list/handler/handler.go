// Package handler answers GET /organisations/{organisation.id}/integrations:
// the integrations of an organisation, page by page.
package handler

import (
	"context"
	"net/http"

	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/domain"
)

// A Reader reads permissions and integrations.
type Reader interface {
	access.MembershipReader
	Integrations(ctx context.Context, org domain.Snowflake, after string, limit int) ([]domain.Integration, string, error)
}

// kind distinguishes this list's cursors from those of other lists.
const kind = "integrations"

// place reports whether a page may begin after it: an item type and an id.
var place = api.SortableAfter(func(t string) bool { return domain.ItemType(t).Valid() })

// New returns the route.
func New(reader Reader) api.Route {
	return func(ctx context.Context, r api.Request) (api.Answer, error) {
		org, _, err := access.AdmitToOrganisation(ctx, reader, r.OrganisationID, r.Caller)
		if err != nil {
			return api.Answer{}, err
		}

		page, err := r.PageAfter(kind, place, nil)
		if err != nil {
			return api.Answer{}, err
		}

		all, next, err := reader.Integrations(ctx, org, page.After, page.Limit)
		if err != nil {
			return api.Answer{}, err
		}

		return api.Answer{Status: http.StatusOK, Body: api.ListOf(kind, all, next)}, nil
	}
}
