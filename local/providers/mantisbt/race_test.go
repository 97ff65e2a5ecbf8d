//go:build race

package mantisbt

// The race detector makes all work twenty times slower: a tenth of the real
// items, lists and histories is looked at then.
const raceDetector = true
