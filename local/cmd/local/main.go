// Command local runs the whole service on one machine, and talks to it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const usage = `usage: go run ./local/cmd/local <command> [flags]

  run     start the environment and stay until Ctrl-C
  token   print a token of a sample user
  env     print what a shell needs to call the API
  invoke  call a function with an event
  event   send one event through the bus
  load    send a file of items through the bus
  replay  play a file of changes, in their order or not
  import  publish a file of events on a real bus
  watch   follow a sync in the terminal
  live    try a connector's promises at a real account

  -h after a command lists its flags`

// commands are what local can do.
var commands = map[string]func(context.Context, []string) error{
	"run": runCommand, "token": tokenCommand, "env": envCommand, "invoke": invokeCommand, "load": loadCommand,
	"event": eventCommand, "replay": replayCommand, "import": importCommand, "watch": watchCommand, "live": liveCommand,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if errors.Is(err, flag.ErrHelp) || errors.Is(err, context.Canceled) {
		return
	}

	var ends exit
	if errors.As(err, &ends) {
		if ends.text != "" {
			fmt.Fprintln(os.Stderr, "local:", ends.text)
		}
		os.Exit(ends.code)
	}

	if err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}

	command, ok := commands[args[0]]
	if !ok {
		return fmt.Errorf("there is no command %q\n%s", args[0], usage)
	}

	return command(ctx, args[1:])
}

// parse reads flags and refuses anything else.
func parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}

	if flags.NArg() > 0 {
		return fmt.Errorf("%s takes no argument %q: only flags (-h lists them)", flags.Name(), flags.Arg(0))
	}

	return nil
}

func newFlags(name string) (*flag.FlagSet, *string) {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	return flags, flags.String("dir", ".local", "the folder with the environment's state")
}
