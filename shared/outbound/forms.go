package outbound

import "regexp"

// TokenForms matches what has the form of a provider's credential, and webhook
// addresses, which are credentials too.
func TokenForms() *regexp.Regexp { return tokens }
