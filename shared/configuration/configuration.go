// Package configuration turns the text that a manager gives as an integration's
// configuration into something valid, storable and usable: checked against the
// provider's schema, its secrets set apart and masked, its destination named.
//
// It is pure: it neither encrypts nor asks anybody. Secrets leave it in one
// place only, Accepted.NewSecrets.
package configuration

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/domain"
)

// Destination is where a configuration sends secrets and items.
type Destination = form.Destination

// Accepted is a valid configuration.
type Accepted struct {
	// Public is the configuration as stored and read back: canonical JSON, the
	// manager's order of members, every secret replaced by the mask.
	Public string
	// NewSecrets holds the plaintext given now, to be sealed for
	// Destination.Origin, by member.
	NewSecrets map[string]string
	// KeptSecrets lists the members whose stored secret stays, sorted. Stored
	// secrets not among them are gone.
	KeptSecrets []string
	Destination Destination
	// ContentFingerprint changes when items would be rendered differently; with
	// the same one nothing need be compared anew.
	ContentFingerprint string
}

// Stored is what is known of the configuration an integration has now.
type Stored struct {
	Public      string
	Secrets     map[string]string // member → origin it is sealed for
	WebhookHash string            // its Destination.WebhookHash
}

// Accept judges a configuration's text. stored is nil for a new integration.
// What is wrong with the text comes as *Invalid; any other error is ours.
func Accept(provider domain.Provider, text string, stored *Stored) (Accepted, error) {
	s, known := schemas()[provider]
	if !known {
		return Accepted{}, fmt.Errorf("accept configuration: unknown provider %q", provider)
	}

	doc, err := s.read(text)
	if err != nil {
		return Accepted{}, err
	}

	given, masks := s.setApart(doc)
	accepted := Accepted{NewSecrets: given, KeptSecrets: masks}
	if fields := unstored(masks, stored); len(fields) > 0 {
		return Accepted{}, invalid(CodeInvalid, fields)
	}

	var public strings.Builder
	doc.encode(&public)
	accepted.Public = public.String()
	typed, err := form.Decode(provider, accepted.Public, nil)
	if err != nil {
		return Accepted{}, fmt.Errorf("accept configuration: %w", err)
	}

	accepted.Destination = typed.Destination(hook(provider, given, masks, stored))
	accepted.ContentFingerprint = fingerprint(typed)
	if fields := s.moved(doc, masks, stored, accepted.Destination.Origin); len(fields) > 0 {
		return Accepted{}, invalid(CodeSecretRequired, fields)
	}

	return accepted, nil
}

// read parses and validates, and writes addresses in canonical form.
func (s *schema) read(text string) (*object, error) {
	doc, texts, fields := parse(text)
	if len(fields) > 0 {
		return nil, invalid(CodeInvalid, fields)
	}

	if fields := s.unpaste(doc); len(fields) > 0 {
		return nil, invalid(CodeInvalid, fields)
	}

	if fields := s.check(doc, texts); len(fields) > 0 {
		return nil, invalid(CodeInvalid, fields)
	}

	s.respell(doc)
	if fields := s.leaks(doc); len(fields) > 0 {
		return nil, invalid(CodeInvalid, fields)
	}

	if base, ok := doc.values["base_url"].(string); ok {
		u, err := s.base(base)
		if err != nil {
			return nil, invalid(CodeInvalid, []FieldError{{root + ".base_url", err.Error()}})
		}
		doc.values["base_url"] = u.String()
	}

	return doc, nil
}

// leaks finds members that are shown to every reader and hold a secret given
// in another member.
func (s *schema) leaks(doc *object) []FieldError {
	var fields []FieldError
	for _, name := range s.secrets {
		secret := doc.text(name)
		if len(secret) < minSecret || secret == domain.Mask {
			continue
		}

		for _, path := range s.holders(doc, root, secret) {
			fields = append(fields, FieldError{path, "must not contain the secret given in " + root + "." + name})
		}
	}

	return fields
}

func (s *schema) holders(doc *object, path, secret string) []string {
	var paths []string
	for _, name := range doc.names {
		if path == root && s.isSecret(name) {
			continue
		}

		if inner, ok := doc.values[name].(*object); ok {
			paths = append(paths, s.holders(inner, path+"."+name, secret)...)
		} else if strings.Contains(doc.text(name), secret) {
			paths = append(paths, path+"."+name)
		}
	}

	return paths
}

// setApart takes the secrets out of the document, leaving masks.
func (s *schema) setApart(doc *object) (given map[string]string, masks []string) {
	given = map[string]string{}
	for _, name := range s.secrets {
		text, present := doc.values[name].(string)
		switch {
		case !present:
		case text == domain.Mask:
			masks = append(masks, name)
		default:
			given[name] = text
			doc.values[name] = domain.Mask
		}
	}

	return given, masks
}

// hook is what is known of the secret URL: read from the one given now, or
// carried over with the one that stays.
func hook(provider domain.Provider, given map[string]string, masks []string, stored *Stored) form.Webhook {
	for _, name := range []string{"webhook_url", "workflow_url"} {
		if secret, ok := given[name]; ok {
			return form.WebhookOf(provider, secret)
		}

		for _, mask := range masks {
			if mask == name {
				return form.Webhook{Origin: stored.Secrets[name], Hash: stored.WebhookHash}
			}
		}
	}

	return form.Webhook{}
}

func fingerprint(typed form.Form) string {
	b, err := json.Marshal(typed.Rendering())
	if err != nil {
		panic(err) // strings and structs of strings always marshal
	}

	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// IsInvalid gives the manager's mistakes, if that is what err is.
func IsInvalid(err error) (*Invalid, bool) {
	var bad *Invalid
	ok := errors.As(err, &bad)
	return bad, ok
}
