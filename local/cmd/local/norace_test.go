//go:build !race

package main

// share is how many real items go through the engine: all of them.
const share = 100000
