package mantisbt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"integrations/shared/connector"
	"integrations/shared/outbound"
)

const (
	// pageBody bounds a page, and an issue with all its notes.
	pageBody = 32 << 20
	// whole is what an object is made of, brief what its place is.
	whole = "id,summary,description,additional_information,project,status,sticky,created_at,updated_at"
	brief = "id,sticky,updated_at"
)

var errNoIssue = errors.New("no issue")

// list asks for one page of the project's issues: the sticky ones first, then
// those changed last. Projects below it are part of it.
func (c *Connector) list(ctx context.Context, p place, size, page int, members string) (outbound.Response, error) {
	query := url.Values{
		"project_id": {strconv.FormatInt(p.project, 10)}, "page_size": {strconv.Itoa(size)}, "page": {strconv.Itoa(page)}, "select": {members},
	}
	return c.get(ctx, p.root+"/issues?"+query.Encode(), pageBody)
}

// rows gives a page's issues.
func (c *Connector) rows(ctx context.Context, p place, size, page int, members string) ([]issue, error) {
	answer, err := c.list(ctx, p, size, page, members)
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK {
		return nil, c.refused(http.MethodGet, answer)
	}
	rows, sound := []issue{}, true
	err = eachIssue(answer.Body, func(i issue) {
		sound = sound && i.ID > 0 && !i.UpdatedAt.IsZero()
		rows = append(rows, i)
	})
	if err != nil || !sound || len(rows) > size {
		return nil, c.noList(answer)
	}
	return rows, nil
}

// noList is for half a list, which must not pass for a whole one: an issue not
// found is made again.
func (c *Connector) noList(answer outbound.Response) *connector.Error {
	if refusal, ok := faultIn(answer); ok {
		return c.refused(http.MethodGet, refusal)
	}
	return c.unreadable("MantisBT's answer is not a list of issues", answer)
}

// only reads an answer that holds one issue.
func only(body []byte) (issue, error) {
	var all []issue
	err := eachIssue(body, func(i issue) { all = append(all, i) })
	if err != nil || len(all) != 1 || all[0].ID <= 0 {
		return issue{}, errNoIssue
	}
	return all[0], nil
}

// eachIssue reads {"issues": […]} one issue at a time: a page may be large.
func eachIssue(body []byte, each func(issue)) error {
	d := json.NewDecoder(bytes.NewReader(body))
	if err := expect(d, json.Delim('{')); err != nil {
		return err
	}
	found := false
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		if name != "issues" {
			var other json.RawMessage
			if err := d.Decode(&other); err != nil {
				return err
			}
			continue
		}
		if found {
			return errNoIssue
		}
		found = true
		if err := listed(d, each); err != nil {
			return err
		}
	}
	if err := expect(d, json.Delim('}')); err != nil {
		return err
	}
	if _, err := d.Token(); !found || !errors.Is(err, io.EOF) {
		return errNoIssue
	}
	return nil
}

func listed(d *json.Decoder, each func(issue)) error {
	if err := expect(d, json.Delim('[')); err != nil {
		return err
	}
	for d.More() {
		var i issue
		if err := d.Decode(&i); err != nil {
			return err
		}
		each(i)
	}
	return expect(d, json.Delim(']'))
}

func expect(d *json.Decoder, want json.Delim) error {
	got, err := d.Token()
	if err == nil && got != want {
		err = errNoIssue
	}
	return err
}
