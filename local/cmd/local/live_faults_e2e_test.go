//go:build e2e

package main

import (
	"testing"

	"example.com/integrations/local/providers/faults"
)

// Every fault at every address: see TestLiveSaysWhatAFaultBreaks.
func TestLiveSaysWhatEachFaultBreaks(t *testing.T) {
	for _, fault := range faults.Names() {
		t.Run(fault, func(t *testing.T) { liveWith(t, fault) })
	}
}
