//go:build !race

package github

const raceDetector = false
