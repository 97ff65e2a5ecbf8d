//go:build !race

package gitlab

const raceDetector = false
