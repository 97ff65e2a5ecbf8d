package mantisbt

import (
	"cmp"
	"encoding/json"
	"slices"

	"example.com/integrations/shared/domain"
)

// The values of an untouched MantisBT.
const (
	resolvedThreshold = 80
	feedbackStatus    = 20
	reopenedResult    = 30
)

// A workflow is which statuses of a server are open and closed. Administrators
// choose the names of statuses, so numbers are written, never names.
type workflow struct {
	resolved int64 // issues with this status or a higher one are closed
	closed   int64 // the status to close with, 0 if there is none
	reopen   int64 // the status to open with, 0 if there is none
	fixed    int64 // the resolution of closed issues, 0 to write none
	reopened int64 // the resolution of reopened issues, 0 to write none
}

// options are the settings that make up a workflow.
var options = []string{"status_enum_string", "resolution_enum_string", "bug_resolved_status_threshold", "bug_reopen_status", "bug_reopen_resolution"}

// state is the state of an issue by its status.
func (w workflow) state(i issue) domain.ItemState {
	if int64(i.Status.ID) >= w.resolved {
		return domain.Closed
	}
	return domain.Open
}

// parseWorkflow reads the settings. Those that a server does not give are the
// defaults, except the statuses: without them nothing can be closed.
func parseWorkflow(body []byte) (workflow, error) {
	told, err := settings(body)
	if err != nil {
		return workflow{}, err
	}
	return workflowOf(told)
}

// workflowOf makes a workflow of settings.
func workflowOf(told map[string]json.RawMessage) (workflow, error) {
	statuses, err := enum(told["status_enum_string"])
	if err != nil {
		return workflow{}, err
	}

	results, _ := enum(told["resolution_enum_string"])
	w := workflow{
		resolved: setting(told["bug_resolved_status_threshold"], resolvedThreshold),
		reopen:   setting(told["bug_reopen_status"], feedbackStatus), reopened: setting(told["bug_reopen_resolution"], reopenedResult),
		fixed: byLabel(results, "fixed"), closed: byLabel(statuses, "closed"),
	}

	w.settle(statuses, results)

	return w, nil
}

// settings reads the server's settings by name, as far as it gives them.
func settings(body []byte) (map[string]json.RawMessage, error) {
	var answer struct {
		Configs []struct {
			Option string          `json:"option"`
			Value  json.RawMessage `json:"value"`
		} `json:"configs"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}

	told := map[string]json.RawMessage{}
	for _, c := range answer.Configs {
		told[c.Option] = c.Value
	}

	return told, nil
}

// settle replaces numbers that the server does not have, or that have another
// meaning there.
func (w *workflow) settle(statuses, results []named) {
	if !has(statuses, w.closed) || w.closed < w.resolved {
		w.closed = int64(statuses[len(statuses)-1].ID)
	}

	if w.closed < w.resolved {
		w.closed = 0
	}

	if !has(statuses, w.reopen) || w.reopen >= w.resolved {
		w.reopen = cmp.Or(byLabel(statuses, "feedback"), byLabel(statuses, "new"), int64(statuses[0].ID))
	}

	if w.reopen >= w.resolved {
		w.reopen = 0
	}

	if !has(results, w.reopened) {
		w.reopened = byLabel(results, "reopened")
	}
}

// enum reads a list of statuses or resolutions, in the order of their numbers.
func enum(value json.RawMessage) ([]named, error) {
	var list []named
	if err := json.Unmarshal(value, &list); err != nil {
		return nil, err
	}

	list = slices.DeleteFunc(list, func(n named) bool { return n.ID <= 0 })
	if len(list) == 0 {
		return nil, errNoIssue
	}

	slices.SortFunc(list, func(a, b named) int { return cmp.Compare(a.ID, b.ID) })

	return list, nil
}

func setting(value json.RawMessage, usual int64) int64 {
	var n number
	if err := json.Unmarshal(value, &n); err != nil || n <= 0 {
		return usual
	}
	return int64(n)
}

func byLabel(list []named, name string) int64 {
	for _, n := range list {
		if n.Name == name {
			return int64(n.ID)
		}
	}
	return 0
}

func has(list []named, id int64) bool {
	return slices.ContainsFunc(list, func(n named) bool { return int64(n.ID) == id })
}
