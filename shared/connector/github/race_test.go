//go:build race

package github

// The race detector makes the contract check slow: a tenth of the real items
// is sent then.
const raceDetector = true
