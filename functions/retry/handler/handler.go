// Package handler answers POST /integrations/{integration.id}/items/retry: it
// has items tried again that were given up.
package handler

import (
	"context"
	"encoding/json"
	"fmt"

	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// Links are the ledger's rows.
type Links interface {
	Links(ctx context.Context, integration domain.Snowflake, target string, items []domain.Snowflake) (map[domain.Snowflake]store.Link, error)
	RetryItems(ctx context.Context, integration domain.Snowflake, links []store.Link) error
}

// Runs starts or joins a run that tries items again.
type Runs interface {
	Retry(ctx context.Context, ref store.IntegrationRef, state *store.State, requestedBy domain.Snowflake, all bool) (domain.Run, error)
}

// A Handler has items tried again.
type Handler struct {
	Gate  access.Admitter
	Links Links
	Runs  Runs
}

// maxItems is how many items can be named in one request.
const maxItems = 100

// A named item stands at a place in the body.
type named struct {
	at int
	id domain.Snowflake
}

// read reads the items to be tried again, each once, none for all.
func read(r api.Request) (items []named, err error) {
	var fields []domain.FieldError
	err = r.Object([]string{"application/json"}, true, map[string]api.Member{"item_ids": func(raw json.RawMessage) string {
		var texts []string
		if json.Unmarshal(raw, &texts) != nil || len(texts) == 0 || len(texts) > maxItems {
			return "must be a list of 1 to 100 ids; leave it out for all"
		}

		seen := map[domain.Snowflake]bool{}
		for i, text := range texts {
			id, err := domain.ParseSnowflake(text)
			if err != nil {
				fields = append(fields, field(i, err.Error()))
			} else if !seen[id] {
				seen[id] = true
				items = append(items, named{i, id})
			}
		}

		return ""
	}})
	if err == nil && len(fields) > 0 {
		err = api.BadBody(fields...)
	}

	return items, err
}

func field(i int, detail string) domain.FieldError {
	return domain.FieldError{Field: fmt.Sprintf("item_ids[%d]", i), Detail: detail}
}

// Route answers one request with the run that tries the items again.
func (h *Handler) Route(ctx context.Context, r api.Request) (api.Answer, error) {
	pair, view, err := h.Gate.Admit(ctx, r.IntegrationID, r.Caller)
	if err != nil {
		return api.Answer{}, err
	}

	if err := r.NoQuery(); err != nil {
		return api.Answer{}, err
	}

	items, err := read(r)
	if err != nil {
		return api.Answer{}, err
	}
	if !view.Integration.Enabled {
		return api.Answer{}, api.Disabled()
	}

	if err := h.request(ctx, pair.ID, view.State.TargetKey(), items); err != nil {
		return api.Answer{}, err
	}

	user, err := domain.ParseSnowflake(r.Caller)
	if err != nil {
		return api.Answer{}, err
	}

	run, err := h.Runs.Retry(ctx, pair, view.State, user, len(items) == 0)
	if err != nil {
		return api.Answer{}, err
	}

	return api.Accepted(run), nil
}

// request stores a pending change for each named item. All of them must be in the
// ledger.
func (h *Handler) request(ctx context.Context, integration domain.Snowflake, target string, items []named) error {
	if len(items) == 0 {
		return nil
	}

	ids := make([]domain.Snowflake, len(items))
	for i, item := range items {
		ids[i] = item.id
	}

	found, err := h.Links.Links(ctx, integration, target, ids)
	if err != nil {
		return err
	}

	var links []store.Link
	var fields []domain.FieldError
	for _, item := range items {
		link, ok := found[item.id]
		if !ok {
			fields = append(fields, field(item.at, "has never been synced here"))
		}
		links = append(links, link)
	}

	if len(fields) > 0 {
		return api.BadBody(fields...)
	}

	return h.Links.RetryItems(ctx, integration, links)
}
