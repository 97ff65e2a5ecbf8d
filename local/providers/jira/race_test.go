//go:build race

package jira

// The race detector makes text work twenty times slower: a tenth of the real
// items is looked at then.
const raceDetector = true
