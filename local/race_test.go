//go:build race

package main

// share is how many real items go through the engine: the race detector makes
// everything ten times as slow.
const share = 60

// crowd is how many items a sync has that a fault disturbs.
const crowd = 30
