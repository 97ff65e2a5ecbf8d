package registry

import (
	"errors"
	"strings"
	"testing"

	"integrations/shared/domain"
	"integrations/shared/outbound"
)

var token = "gh" + "p_" + strings.Repeat("x", 36)

func TestOpen(t *testing.T) {
	base := outbound.New(outbound.Config{})
	secrets := map[string]string{"token": token}
	c, err := Open(domain.GitHub, `{"owner":"o","repo":"r","token":"********"}`, secrets, base, nil)
	if err != nil || c == nil {
		t.Fatal(err)
	}
	for _, provider := range domain.Providers {
		if provider == domain.GitHub {
			continue
		}
		_, err := Open(provider, `{}`, nil, base, nil)
		var unsupported *NotSupportedError
		if !errors.As(err, &unsupported) || unsupported.Code() != "provider_not_supported" || !strings.Contains(err.Error(), string(provider)) {
			t.Errorf("%s: %v", provider, err)
		}
	}
	_, err = Open(domain.GitHub, `{"owner":"o","repo":"r","app_id":"1","installation_id":"2","private_key":"********"}`, map[string]string{"private_key": "x"}, base, nil)
	var unsupported *NotSupportedError
	if !errors.As(err, &unsupported) {
		t.Errorf("App: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	base := outbound.New(outbound.Config{})
	for configuration, secrets := range map[string]map[string]string{
		`{"owner":"o","repo":"r","token":"********"}`: nil,
		`{"owner":"o","repo":"r"}`:                    nil,
		`{`:                                           {"token": token},
		`{"owner":"o","repo":"r","token":"********","base_url":":"}`: {"token": token},
	} {
		c, err := Open(domain.GitHub, configuration, secrets, base, nil)
		if err == nil || c != nil || strings.Contains(err.Error(), token) {
			t.Errorf("%s: %v %v", configuration, c, err)
		}
	}
}
