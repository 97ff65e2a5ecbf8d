package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// algorithms are those that a JWT authorizer supports: RSA with PKCS #1 v1.5.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512}

// An authorizer is a JWT authorizer with the identity source
// $request.header.Authorization.
type authorizer struct {
	issuer   string
	audience []string
	keys     *keys
}

// identity is the part of a token that a function gets.
type identity struct {
	Claims map[string]string `json:"claims"`
	Scopes []string          `json:"scopes"`
}

// A denial is a refusal of the authorizer, in the words of AWS.
type denial struct {
	status    int
	message   string
	challenge string
}

func unauthorized(scopes []string, reason string) *denial {
	return &denial{http.StatusUnauthorized, "Unauthorized", fmt.Sprintf(
		"Bearer scope=%q error=\"invalid_token\" error_description=%q", strings.Join(scopes, " "), reason)}
}

// authorize checks the token of an Authorization header, which may come with
// or without "Bearer ", and that it has one of the scopes if there are any.
func (a *authorizer) authorize(ctx context.Context, header string, scopes []string) (*identity, *denial) {
	token := strings.TrimSpace(header)
	if scheme, rest, ok := strings.Cut(token, " "); ok && strings.EqualFold(scheme, "Bearer") {
		token = strings.TrimSpace(rest)
	}

	if token == "" {
		return nil, &denial{http.StatusUnauthorized, "Unauthorized", "Bearer"}
	}

	payload, err := a.verify(ctx, token)
	if err != nil {
		return nil, unauthorized(scopes, err.Error())
	}

	claims, err := parseClaims(payload)
	if err == nil {
		err = a.check(claims, time.Now())
	}

	if err != nil {
		return nil, unauthorized(scopes, err.Error())
	}

	granted := claims.scopes()
	if len(scopes) > 0 && !slices.ContainsFunc(scopes, func(one string) bool { return slices.Contains(granted, one) }) {
		return nil, &denial{http.StatusForbidden, "Forbidden", fmt.Sprintf(
			"Bearer scope=%q error=\"insufficient_scope\" error_description=\"insufficient scope\"", strings.Join(scopes, " "))}
	}

	who := &identity{Claims: claims.texts()}
	if len(scopes) > 0 {
		who.Scopes = granted
	}

	return who, nil
}

// verify returns the payload of a token that the issuer signed. The algorithm
// and the key's type are ours to say, never the token's.
func (a *authorizer) verify(ctx context.Context, token string) ([]byte, error) {
	signed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, errors.New("the token is malformed or its signing method is invalid")
	}

	id := signed.Signatures[0].Header.KeyID
	if id == "" {
		return nil, errors.New("the token has no key id")
	}

	key, err := a.keys.find(ctx, id)
	if err != nil {
		return nil, err
	}

	payload, err := signed.Verify(key)
	if err != nil {
		return nil, errors.New("the token has an invalid signature")
	}

	return payload, nil
}

// check holds the registered claims against the configuration. Only the words
// about the audience are documented by AWS; the others follow their form.
func (a *authorizer) check(c claims, now time.Time) error {
	if issuer, ok := c["iss"].(string); !ok || issuer != a.issuer {
		return errors.New("the token does not have a valid issuer")
	}

	if !slices.ContainsFunc(c.audience(), func(one string) bool { return slices.Contains(a.audience, one) }) {
		return errors.New("the token does not have a valid audience")
	}

	expiry, present, err := c.time("exp")
	if err != nil || !present || !now.Before(expiry) {
		return errors.New("the token has expired")
	}

	for _, name := range []string{"nbf", "iat"} {
		if from, _, err := c.time(name); err != nil || now.Before(from) {
			return errors.New("the token is not valid yet")
		}
	}

	return nil
}

// claims are those of a verified token; numbers keep their digits.
type claims map[string]any

func parseClaims(payload []byte) (claims, error) {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	var parsed claims
	if err := decoder.Decode(&parsed); err != nil || parsed == nil || decoder.More() {
		return nil, errors.New("the token's claims are malformed")
	}

	return parsed, nil
}

// audience is what the token is for: client_id counts only where there is no aud.
func (c claims) audience() []string {
	if aud, ok := c["aud"]; ok {
		return list(aud)
	}
	return list(c["client_id"])
}

func (c claims) scopes() []string {
	for _, name := range []string{"scope", "scp"} {
		if text, ok := c[name].(string); ok {
			return strings.Fields(text)
		}

		if granted := list(c[name]); granted != nil {
			return granted
		}
	}

	return nil
}

// list reads a string or an array of strings.
func list(value any) []string {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		var all []string
		for _, one := range value {
			if text, ok := one.(string); ok {
				all = append(all, text)
			}
		}

		return all
	}

	return nil
}

func (c claims) time(name string) (at time.Time, present bool, err error) {
	value, present := c[name]
	if !present {
		return at, false, nil
	}

	number, ok := value.(json.Number)
	if !ok {
		return at, true, errors.New("no number")
	}

	seconds, err := number.Float64()

	return time.UnixMilli(int64(seconds * 1000)), true, err
}

// texts gives every claim as text, as AWS does: an array is [a b].
func (c claims) texts() map[string]string {
	all := map[string]string{}
	for name, value := range c {
		switch value := value.(type) {
		case nil:
		case map[string]any:
			encoded, _ := json.Marshal(value)
			all[name] = string(encoded)
		default:
			all[name] = fmt.Sprint(value)
		}
	}

	return all
}
