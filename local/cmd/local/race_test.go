//go:build race

package main

// share is how many real items go through the engine: the race detector makes
// everything ten times as slow.
const share = 60
