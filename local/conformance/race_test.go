//go:build race

package conformance

// The race detector makes everything many times slower. A tenth of the objects is
// listed then and a tenth of the items is looked at; the objects are larger, so that
// what is kept of them still shows. A hostile address is answered to one tracker, in
// turn, not to all.
const (
	raceDetector = true
	textSize     = 8 << 10
)
