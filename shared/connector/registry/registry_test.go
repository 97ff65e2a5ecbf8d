package registry

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"integrations/shared/domain"
	"integrations/shared/outbound"
)

var token = "gh" + "p_" + strings.Repeat("x", 36)

// configurations are one of each provider and kind, with the secrets it masks.
var configurations = map[string]struct {
	provider domain.Provider
	text     string
	secrets  map[string]string
}{
	"github":          {domain.GitHub, `{"owner":"o","repo":"r","token":"********"}`, map[string]string{"token": token}},
	"github app":      {domain.GitHub, `{"owner":"o","repo":"r","app_id":"1","installation_id":"2","private_key":"********"}`, map[string]string{"private_key": key()}},
	"gitlab":          {domain.GitLab, `{"project":"g/p","token":"********"}`, map[string]string{"token": token}},
	"jira":            {domain.Jira, `{"flavor":"cloud","base_url":"https://acme.atlassian.net","email":"a@b.example","project_key":"WORK","api_token":"********"}`, map[string]string{"api_token": token}},
	"jira_datacenter": {domain.Jira, `{"flavor":"datacenter","base_url":"https://jira.acme.example/jira","project_key":"WORK","token":"********"}`, map[string]string{"token": token}},
	"mantisbt":        {domain.MantisBT, `{"base_url":"https://mantis.acme.example","project":"1","token":"********"}`, map[string]string{"token": token}},
}

func key() string {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)}))
}

func TestOpen(t *testing.T) {
	base := outbound.New(outbound.Config{})
	supported := map[domain.Provider]bool{}
	for name, one := range configurations {
		if c, err := Open(one.provider, one.text, one.secrets, base, nil); err != nil || c == nil {
			t.Errorf("%s: %v", name, err)
		}
		supported[one.provider] = true
	}
	for _, provider := range domain.Providers {
		if supported[provider] {
			continue
		}
		_, err := Open(provider, `{}`, nil, base, nil)
		var unsupported *NotSupportedError
		if !errors.As(err, &unsupported) || unsupported.Code() != "provider_not_supported" || !strings.Contains(err.Error(), string(provider)) {
			t.Errorf("%s: %v", provider, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	base := outbound.New(outbound.Config{})
	for name, one := range configurations {
		none := map[string]string{"another": token}
		for what, bad := range map[string]struct {
			text    string
			secrets map[string]string
		}{
			"without its secret":           {one.text, none},
			"without a member for it":      {strings.NewReplacer(`,"token":"********"`, "", `,"api_token":"********"`, "", `,"private_key":"********"`, "").Replace(one.text), one.secrets},
			"with half a configuration":    {"{", one.secrets},
			"with an address that is none": {strings.TrimSuffix(one.text, "}") + `,"base_url":":"}`, one.secrets},
		} {
			if c, err := Open(one.provider, bad.text, bad.secrets, base, nil); err == nil || c != nil || strings.Contains(err.Error(), token) {
				t.Errorf("%s %s: %v %v", name, what, c, err)
			}
		}
	}
}
