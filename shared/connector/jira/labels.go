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

// A labels remembers what was seen of the labels of issues, and where the
// project takes none.
type labels struct {
	kept bool // the labels of items are kept on the issues

	mu      sync.Mutex
	spare   spareLabels // to be taken away by the next edit of their issue
	refused labelling
}

func sameLabels(a, b []string) bool { return slices.Equal(sorted(a), sorted(b)) }

func sorted(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

func contains(names []string, name string) bool { return slices.Contains(names, name) }

// An owner is what all markers of an item have in common.
type owner struct{ integration, item domain.Snowflake }

func ownerOf(m connector.Marker) owner { return owner{m.Integration, m.Item} }

// spareLabels are labels with markers that were seen on an issue beside another
// marker: of an earlier attempt, or of the older form.
type spareLabels map[string][]string // by the issue's id

// see notes the labels of an issue that may be spare: if there are several
// markers, or if the only one has no tag.
func (s spareLabels) see(i issue) {
	var labels []string
	tagged := 0
	for _, l := range i.Fields.Labels {
		m, ok := parseLabel(l)
		if !ok {
			continue
		}

		labels = append(labels, l)
		if m.Tag != "" {
			tagged++
		}
	}

	if len(labels) > 1 || len(labels) > tagged {
		s[i.ID] = labels
	} else {
		delete(s, i.ID)
	}
}

// beside are the labels of an issue that an update with this marker replaces:
// those of the same integration and item.
func (s spareLabels) beside(id string, m connector.Marker) []string {
	var labels []string
	for _, l := range s[id] {
		other, _ := parseLabel(l)
		if ownerOf(other) == ownerOf(m) && l != label(m) {
			labels = append(labels, l)
		}
	}

	return labels
}

// labelsRefused reports whether Jira refused a write because of the labels
// alone: the field is not on the screen (ankitpokhrel/jira-cli#992), or one of
// them has a bad value.
func labelsRefused(answer outbound.Response) bool {
	if answer.Status != http.StatusBadRequest {
		return false
	}

	var said struct {
		Errors map[string]json.RawMessage `json:"errors"`
	}
	if err := json.Unmarshal(answer.Body, &said); err != nil {
		return false
	}

	return len(said.Errors) == 1 && said.Errors["labels"] != nil
}

// withoutLabels is what a write that leaves out the labels of an item says in
// the ledger.
func (ls *labels) omitted(lists ...[]string) string {
	for _, labels := range lists {
		if ls.kept && len(labels) > 0 {
			return connector.NoteLabelsNotSettable
		}
	}

	return ""
}

// A labelling is which writes the project takes no labels at, as its answers have
// shown. It lasts as long as the connector: a slice of a run.
type labelling struct{ offCreate, offEdit bool }

func (ls *labels) refusedAt() labelling {
	ls.mu.Lock()
	defer ls.mu.Unlock()

	return ls.refused
}

func (ls *labels) note(change func(*labelling)) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	change(&ls.refused)
}

// seeLabels notes the labels that an issue has.
func (ls *labels) see(i issue) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.spare.see(i)
}

// spareLabels are the labels that an edit takes away: as far as the issue was
// read before, no other label of the same integration and item stays beside
// the marker's.
func (ls *labels) beside(id string, m connector.Marker) []string {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return ls.spare.beside(id, m)
}
