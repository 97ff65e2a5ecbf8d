//go:build !race

package conformance

const (
	raceDetector = false
	textSize     = 1 << 10 // of the objects that are listed
)
