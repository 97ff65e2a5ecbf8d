package gateway

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// fetchTimeout is how long an HTTP API gives an issuer.
	fetchTimeout = 1500 * time.Millisecond
	// keptFor is how long an HTTP API may go on using the keys it has.
	keptFor = 2 * time.Hour
	// askAgain keeps tokens with made-up key ids from flooding the issuer.
	askAgain = time.Second
	maxKeys  = 1 << 20
)

// keys are an issuer's public keys, fetched through its discovery document
// when first needed, when old, and when a token names one that is not there.
type keys struct {
	issuer string
	client *http.Client
	now    func() time.Time

	lock    sync.Mutex
	byID    map[string]*rsa.PublicKey
	fetched time.Time
}

func newKeys(issuer string) *keys {
	return &keys{issuer: issuer, client: &http.Client{Timeout: fetchTimeout}, now: time.Now}
}

func (k *keys) find(ctx context.Context, id string) (*rsa.PublicKey, error) {
	k.lock.Lock()
	defer k.lock.Unlock()
	age := k.now().Sub(k.fetched)
	if key := k.byID[id]; key != nil && age < keptFor {
		return key, nil
	}

	if k.byID == nil || age >= askAgain {
		// A caller that disconnects must not cancel the fetch for the next one.
		fetched, err := k.fetch(context.WithoutCancel(ctx))
		if err != nil {
			return nil, err
		}

		k.byID, k.fetched = fetched, k.now()
	}

	if key := k.byID[id]; key != nil {
		return key, nil
	}

	return nil, errors.New("the token has an unknown key id")
}

func (k *keys) fetch(ctx context.Context) (map[string]*rsa.PublicKey, error) {
	var discovery struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	err := k.get(ctx, strings.TrimSuffix(k.issuer, "/")+"/.well-known/openid-configuration", &discovery)
	if err != nil || discovery.Issuer != k.issuer {
		return nil, errors.New("OIDC discovery endpoint communication error")
	}

	var set jose.JSONWebKeySet
	if err := k.get(ctx, discovery.JWKS, &set); err != nil {
		return nil, errors.New("JWKS communication error")
	}

	found := map[string]*rsa.PublicKey{}
	for _, key := range set.Keys {
		public, ok := key.Key.(*rsa.PublicKey)
		if ok && key.KeyID != "" && (key.Use == "" || key.Use == "sig") {
			found[key.KeyID] = public
		}
	}

	return found, nil
}

func (k *keys) get(ctx context.Context, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}

	response, err := k.client.Do(request)
	if err != nil {
		return err
	}

	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, response.Status)
	}

	return json.NewDecoder(io.LimitReader(response.Body, maxKeys)).Decode(into)
}
