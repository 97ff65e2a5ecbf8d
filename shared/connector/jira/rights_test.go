package jira

import (
	"testing"

	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/outbound"
)

func TestThePageShowsWhatIsNeeded(t *testing.T) {
	connectortest.DocumentsNeeds(t, "jira", Needs)
}

// B13: only a refusal that names labels and nothing else is about labels.
func TestLabelsRefused(t *testing.T) {
	const off = "Field 'labels' cannot be set. It is not on the appropriate screen, or unknown."
	for name, tt := range map[string]struct {
		status int
		body   string
		want   bool
	}{
		"labels":             {400, `{"errorMessages":[],"errors":{"labels":"` + off + `"}}`, true},
		"in another tongue":  {400, `{"errors":{"labels":"Feld kann nicht gesetzt werden"}}`, true},
		"another field too":  {400, `{"errors":{"labels":"` + off + `","summary":"too long"}}`, false},
		"another field":      {400, `{"errors":{"summary":"too long"}}`, false},
		"no field":           {400, `{"errorMessages":["labels"]}`, false},
		"another status":     {403, `{"errors":{"labels":"x"}}`, false},
		"a page":             {400, `<html>labels</html>`, false},
		"nothing":            {400, ``, false},
		"errors that is not": {400, `{"errors":["labels"]}`, false},
	} {
		if got := labelsRefused(outbound.Response{Status: tt.status, Body: []byte(tt.body)}); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// FuzzLabelsRefused: no body of a refusal makes a panic.
func FuzzLabelsRefused(f *testing.F) {
	f.Add(`{"errors":{"labels":"x"}}`)
	f.Add(`{"errors":null}`)
	f.Fuzz(func(_ *testing.T, body string) {
		labelsRefused(outbound.Response{Status: 400, Body: []byte(body)})
	})
}
