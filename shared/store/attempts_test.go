package store

import (
	"testing"
	"time"
)

// An eleventh attempt is taken back, since it was refused: the ten before it are
// those that are looked for.
func TestTakeBackAfterTenAttempts(t *testing.T) {
	at := time.Unix(1_700_000_000, 0).UTC()
	var l Link
	for n := range MaxAttempted + 1 {
		l.StartAttempt(at.Add(time.Duration(n) * time.Minute))
	}

	l.UndoAttempt()
	for n := range MaxAttempted {
		if got, want := l.AttemptedAt(n+1), at.Add(time.Duration(n)*time.Minute); !got.Equal(want) {
			t.Errorf("attempt %d: %s, want %s", n+1, got, want)
		}
	}
}
