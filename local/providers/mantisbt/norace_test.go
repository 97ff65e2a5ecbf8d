//go:build !race

package mantisbt

const raceDetector = false
