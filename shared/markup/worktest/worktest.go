// Package worktest compares how much work two calls are, for tests that no input
// takes too long. It measures processor time and compares two calls in the same
// process: neither a slow nor a busy machine changes what comes out.
package worktest

import (
	"math"
	"runtime"
	"runtime/debug"
	"syscall"
	"testing"
	"time"
)

// tries is how often a pair of calls is measured at most. The least time of
// each counts, since whatever disturbs a measurement makes it longer.
const tries = 10

// AtMost fails the test if a call is more than most times the work of a usual
// call. It must not run beside other tests of its process.
func AtMost(t testing.TB, what string, most float64, usual, call func()) {
	t.Helper()
	leastUsual := time.Duration(math.MaxInt64)
	leastCall := leastUsual
	for range tries {
		leastUsual = min(leastUsual, took(t, usual))
		leastCall = min(leastCall, took(t, call))
		if leastCall.Seconds() <= most*leastUsual.Seconds() {
			return
		}
	}

	t.Errorf("%s: %v of work, more than %v times %v", what, leastCall, most, leastUsual)
}

// took is the processor time of a call, without the time that the collection of
// garbage takes.
func took(t testing.TB, call func()) time.Duration {
	t.Helper()
	runtime.GC()
	percent := debug.SetGCPercent(-1)
	defer debug.SetGCPercent(percent)

	began := used(t)
	call()

	return used(t) - began
}

// used is the processor time of this process so far.
func used(t testing.TB) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	if err != nil {
		t.Fatal(err)
	}

	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
