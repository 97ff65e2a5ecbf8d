package jira

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// A labels remembers which labels of markers were seen on issues, and where the
// project refuses labels. It lasts as long as the connector: one invocation of
// the worker.
type labels struct {
	kept bool // the labels of items are kept on the issues

	mu      sync.Mutex
	spare   spareLabels
	refused labelRefusals
}

// labelRefusals are the writes at which the project refuses labels, as its
// answers have shown.
type labelRefusals struct{ create, edit bool }

func (ls *labels) refusals() labelRefusals {
	ls.mu.Lock()
	defer ls.mu.Unlock()

	return ls.refused
}

// refuse notes writes at which the project refuses labels.
func (ls *labels) refuse(at labelRefusals) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.refused.create = ls.refused.create || at.create
	ls.refused.edit = ls.refused.edit || at.edit
}

// omitted is the note of a write without the labels of an item, "" if the item
// has none in these lists.
func (ls *labels) omitted(lists ...[]string) string {
	if ls.kept && slices.ContainsFunc(lists, func(list []string) bool { return len(list) > 0 }) {
		return connector.NoteLabelsNotSettable
	}

	return ""
}

// see notes the labels that an issue has.
func (ls *labels) see(i issue) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.spare.see(i)
}

// beside are the labels that an edit removes: markers of the same integration
// and item that were seen on the issue beside the wanted marker.
func (ls *labels) beside(id string, m connector.Marker) []string {
	ls.mu.Lock()
	defer ls.mu.Unlock()

	return ls.spare.beside(id, m)
}

// labelsRefused reports whether Jira refused a write for the labels alone: the
// field is not on the screen (ankitpokhrel/jira-cli#992), or a label has a bad
// value.
func labelsRefused(answer outbound.Response) bool {
	if answer.Status != http.StatusBadRequest {
		return false
	}

	var said struct {
		Errors map[string]json.RawMessage `json:"errors"`
	}
	err := json.Unmarshal(answer.Body, &said)

	return err == nil && len(said.Errors) == 1 && said.Errors["labels"] != nil
}

// An owner is what all markers of an item have in common.
type owner struct{ integration, item domain.Snowflake }

func ownerOf(m connector.Marker) owner { return owner{m.Integration, m.Item} }

// spareLabels are the labels with markers of issues that have more than one, or
// one without a tag, by the issue's id. All but the current marker are removed
// by the next edit.
type spareLabels map[string][]string

// see notes the labels of an issue, or forgets them if its only marker has a
// tag.
func (s spareLabels) see(i issue) {
	var marked []string
	tagged := 0
	for _, l := range i.Fields.Labels {
		m, ok := parseLabel(l)
		if !ok {
			continue
		}

		marked = append(marked, l)
		if m.Tag != "" {
			tagged++
		}
	}

	if len(marked) > 1 || len(marked) > tagged {
		s[i.ID] = marked
	} else {
		delete(s, i.ID)
	}
}

// beside are the labels of an issue with other markers of the same integration
// and item.
func (s spareLabels) beside(id string, m connector.Marker) []string {
	var others []string
	for _, l := range s[id] {
		other, _ := parseLabel(l)
		if ownerOf(other) == ownerOf(m) && l != label(m) {
			others = append(others, l)
		}
	}

	return others
}

func sameLabels(a, b []string) bool { return slices.Equal(sorted(a), sorted(b)) }

func sorted(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}
