package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"integrations/local/environment"
	"integrations/local/loader"
)

// loadCommand sends items through the bus, as the platform would.
func loadCommand(ctx context.Context, args []string) error {
	flags, dir := newFlags("load")
	file := flags.String("file", "", "a JSONL file with an item's detail in each line")
	detailType := flags.String("type", "item.created", "the detail type of lines that have none of their own")
	organisation := flags.String("organisation", "", "put the items into this organisation instead of their own")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *file == "" {
		return errors.New("load needs -file")
	}
	control, err := environment.ReadControl(*dir)
	if err != nil {
		return err
	}
	lines, err := os.Open(*file)
	if err != nil {
		return err
	}
	defer func() { _ = lines.Close() }()
	l := loader.Loader{
		Client: control.EventsClient(), Bus: control.Bus, Source: "platform",
		DetailType: *detailType, Organisation: *organisation,
	}
	if terminal(os.Stdout) {
		l.Progress = func(sent int) { fmt.Printf("\r%d items sent", sent) }
	}
	sent, err := l.Load(ctx, lines)
	if l.Progress != nil {
		fmt.Print("\r")
	}
	fmt.Printf("%d items sent\n", sent)
	return err
}

// terminal reports whether a line can be written over.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
