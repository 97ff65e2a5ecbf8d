package form

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"example.com/integrations/shared/configuration/address"
	"example.com/integrations/shared/domain"
)

// A Destination is where a configuration sends secrets and items. It holds no
// secret.
type Destination struct {
	Provider domain.Provider
	// Origin is scheme, host and port the secrets are sent to; secrets are
	// sealed for it.
	Origin string
	// Target names the repository, project or channel: a JSON array of the
	// provider, the address and what lies there, in one spelling.
	Target string
	// WebhookHash stands in Target for a secret URL, "" where there is none. It
	// is stored, so that the URL need not be unsealed to name the target again.
	WebhookHash string
}

// Hash is short and stable: a link with another one belongs to another place.
func (d Destination) Hash() string {
	sum := sha256.Sum256([]byte(d.Target))
	return hex.EncodeToString(sum[:16])
}

// A Webhook is what may be known of a secret URL.
type Webhook struct{ Origin, Hash string }

// WebhookOf reads a secret URL. It is empty if the provider has no such
// webhooks or the URL is none: then it must not be called.
func WebhookOf(provider domain.Provider, secret string) Webhook {
	u, err := address.Webhook(provider, secret)
	if err != nil {
		return Webhook{}
	}

	// A Discord webhook is its id and token, whatever version of the API the
	// URL was copied from.
	path := u.Path
	if provider == domain.Discord {
		path = path[strings.Index(path, "/webhooks/"):]
	}

	sum := sha256.Sum256([]byte(string(provider) + " " + path + "?" + u.Query))

	return Webhook{Origin: u.Origin(), Hash: hex.EncodeToString(sum[:])}
}

// place makes the destination for an address that is not secret.
func place(provider domain.Provider, base string, parts ...string) Destination {
	d := Destination{Provider: provider, Origin: origin(base)}
	d.Target = target(append([]string{string(provider), base}, parts...))
	return d
}

// hooked makes the destination for a secret URL.
func hooked(provider domain.Provider, hook Webhook, parts ...string) Destination {
	d := Destination{Provider: provider, Origin: hook.Origin, WebhookHash: hook.Hash}
	d.Target = target(append([]string{string(provider), hook.Origin, "webhook", hook.Hash}, parts...))
	return d
}

func target(parts []string) string {
	b, err := json.Marshal(parts)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(b)
}

// origin cuts a canonical base address after its host and port.
func origin(base string) string {
	const scheme = len("https://")
	if len(base) > scheme {
		if i := strings.IndexByte(base[scheme:], '/'); i >= 0 {
			return base[:scheme+i]
		}
	}

	return base
}
