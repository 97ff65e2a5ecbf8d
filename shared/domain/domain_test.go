package domain

import (
	"slices"
	"testing"
)

// Three providers show items as messages, the others as issues.
func TestChat(t *testing.T) {
	var chats []Provider
	for _, p := range Providers {
		if p.Chat() {
			chats = append(chats, p)
		}
	}

	if want := []Provider{Discord, Slack, Teams}; !slices.Equal(chats, want) {
		t.Errorf("%v, want %v", chats, want)
	}
}
