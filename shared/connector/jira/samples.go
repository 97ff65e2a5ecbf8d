package jira

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/paging"
)

// A sample is an issue of the project that the check looks at: Jira says what
// may be done with an issue only of issues that exist.
type sample struct {
	ID     string `json:"id"`
	Fields struct {
		Status struct {
			ID       string `json:"id"`
			Name     string `json:"name"`
			Category struct {
				Key string `json:"key"`
			} `json:"statusCategory"`
		} `json:"status"`
		Type named `json:"issuetype"`
	} `json:"fields"`
}

func (s sample) category() string { return s.Fields.Status.Category.Key }

// sampleSize is how many of the newest issues are looked through.
const sampleSize = 50

// samples are an open and a closed issue of the configured type, the newest
// ones, zero where there is none. An open one in a status where new issues begin
// is preferred.
func (r *rights) samples(ctx context.Context) (open, closed sample, err error) {
	list, err := r.newest(ctx)
	if err != nil {
		return sample{}, sample{}, err
	}

	want := issueType(r.client.cfg.IssueType)
	for _, one := range list {
		if !digits(one.ID) || !want.isType(one.Fields.Type.ID, one.Fields.Type.Name) {
			continue
		}

		switch done := one.category() == categoryDone; {
		case done && closed.ID == "":
			closed = one
		case !done && (open.ID == "" || open.category() != categoryNew && one.category() == categoryNew):
			open = one
		}
	}

	return open, closed, nil
}

// newest are the newest issues of the project. A server that fails to list many
// issues is asked for fewer.
func (r *rights) newest(ctx context.Context) ([]sample, error) {
	var list struct {
		Issues []sample `json:"issues"`
	}
	err := paging.New(sampleSize, 10, 1).Read(func(size int) error {
		query := url.Values{
			"jql":        {r.place.jql() + " ORDER BY created DESC"},
			"maxResults": {strconv.Itoa(size)},
			"fields":     {"status,issuetype"},
		}

		list.Issues = nil

		return r.client.getJSON(ctx, r.client.api(r.client.flavor.search(query, "")), &list)
	})
	if err != nil {
		return nil, err
	}

	return list.Issues[:min(len(list.Issues), sampleSize)], nil
}

// gone reports whether an error says that a sample is not there any more. Jira's
// index may still show a deleted issue. The project was read before, so a 404 is
// about the issue alone.
func gone(err error) bool {
	var e *failure.Error

	return errors.As(err, &e) && e.Status == http.StatusNotFound && e.Code == "target_not_found"
}
