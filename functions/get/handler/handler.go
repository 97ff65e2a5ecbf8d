// Package handler answers GET /integrations/{integration.id}.
package handler

import (
	"context"
	"net/http"

	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
)

// New returns the route. It reads once when warm, twice when cold.
func New(gate access.Admitter) api.Route {
	return func(ctx context.Context, r api.Request) (api.Answer, error) {
		_, view, err := gate.Admit(ctx, r.IntegrationID, r.Caller)
		if err == nil {
			err = r.NoQuery()
		}

		if err != nil {
			return api.Answer{}, err
		}

		header := map[string]string{"etag": api.ETag(view.Integration.Version)}
		if tags := r.Header("if-none-match"); tags != "" && api.Matches(tags, view.Integration.Version, true) {
			return api.Answer{Status: http.StatusNotModified, Header: header}, nil
		}

		return api.Answer{Status: http.StatusOK, Header: header, Body: view.Integration.Integration}, nil
	}
}
