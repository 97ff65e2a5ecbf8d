package teams

import (
	"fmt"
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
)

var _ connector.Resolver = (*Connector)(nil)

// A workflow is named without a call, and its address cannot be made out.
func TestAWorkflowIsAPlace(t *testing.T) {
	const address = "https://default0a1b.0f.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/abc123/triggers/manual/paths/invoke?api-version=1&sig="
	secret := strings.Repeat("s", 30)

	// Without a client a call would crash.
	p, err := New(Config{URL: address + secret}, nil, nil).Resolve(t.Context())
	if err != nil || p.Instance == "" || len(p.ID) != 64 || p.Name == "" || p.URL != "" {
		t.Errorf("%+v, %v", p, err)
	}

	for _, part := range []string{secret, "default0a1b", "abc123"} {
		if text := fmt.Sprintf("%+v", p); strings.Contains(text, part) {
			t.Errorf("%s is in %s", part, text)
		}
	}

	same := New(Config{URL: address + secret, Card: true}, nil, nil)
	same.Use(connector.Place{ID: "x"})
	if again, err := same.Resolve(t.Context()); err != nil || again.Key(domain.Teams) != p.Key(domain.Teams) {
		t.Errorf("%+v, %v", again, err)
	}

	if other, err := New(Config{URL: address + secret + "x"}, nil, nil).Resolve(t.Context()); err != nil || other.Key(domain.Teams) == p.Key(domain.Teams) {
		t.Errorf("%+v, %v", other, err)
	}
}
