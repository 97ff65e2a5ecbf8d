//go:build !linux

package conformance

import "testing"

// everywhere needs a network for one process, which only Linux has.
func everywhere(t *testing.T, _ func(t *testing.T)) {
	t.Skip("only Linux has a network for one process; shared/outbound tests against loopback alone")
}
