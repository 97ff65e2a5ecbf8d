//go:build !linux

package conformance

import "testing"

// everywhere needs a network of one's own, which Linux alone gives.
func everywhere(t *testing.T, _ func(t *testing.T)) {
	t.Skip("only Linux gives a network of one's own; shared/outbound tests against loopback alone")
}
