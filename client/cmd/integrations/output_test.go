package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/integrations/client"
)

// The status says what cannot be read, in the words of the service and of the
// provider.
func TestStatusText(t *testing.T) {
	s := client.Status{Health: "healthy", PullProblem: &client.PullProblem{Since: time.Now(),
		Reason: client.Reason{Code: "answer_unreadable", Detail: "The provider's answer cannot be read.", ProviderMessage: "no list"}}}
	text := fmt.Sprint(statusText(s))
	if !strings.Contains(text, `The provider's answer cannot be read. (answer_unreadable) The provider says: "no list"`) {
		t.Error(text)
	}

	s.PullProblem = nil
	if text := fmt.Sprint(statusText(s)); strings.Contains(text, "not read since") {
		t.Error(text)
	}
}
