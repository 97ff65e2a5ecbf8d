//go:build race

package hostile

// The race detector makes each handshake many times slower: an address is then
// answered to one tracker, in turn, not to all.
const raceDetector = true
