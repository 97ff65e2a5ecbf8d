package watch

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"example.com/integrations/client"
)

// OnTerminal follows syncs on a file, in one line if it is a terminal.
func OnTerminal(c *client.Client, out *os.File) *Watcher {
	w := &Watcher{Client: c, Out: out, Now: time.Now, Sleep: client.Sleep}
	if columns(out) > 0 {
		w.Width = func() int { return columns(out) }
	}
	return w
}

// columns is how wide a terminal is; 0 where there is none.
func columns(f *os.File) int {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}

	const usual = 80 // some terminals do not say
	if size.Col == 0 {
		return usual
	}

	return int(size.Col)
}
