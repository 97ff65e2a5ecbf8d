//go:build race

package conformance

// The race detector makes everything many times slower: a tenth of the objects is
// listed and of the items looked at then, and the objects are larger, so that
// what is kept of them shows all the same.
const (
	raceDetector = true
	textSize     = 8 << 10
)
