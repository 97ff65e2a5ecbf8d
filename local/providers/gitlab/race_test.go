//go:build race

package gitlab

// The race detector makes long walks twenty times longer: a tenth of the real
// items is looked at then, and fifty thousand issues are not walked through.
const raceDetector = true
