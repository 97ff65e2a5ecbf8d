//go:build !race

package main

// share is how many real items go through the engine: all of them.
const share = 100000

// crowd is how many items a sync has that a fault disturbs.
const crowd = 200
