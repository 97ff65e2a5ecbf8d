//go:build race

package conformance

// The race detector makes everything many times slower: a tenth of the objects is
// listed and of the items looked at then.
const raceDetector = true
