package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"example.com/integrations/local/environment"
)

// loadCommand sends items through the bus, as the platform would.
func loadCommand(ctx context.Context, args []string) error {
	flags, dir := newFlags("load")
	file := flags.String("file", "", "a JSONL file with an item's detail in each line")
	detailType := flags.String("type", "item.created", "the detail type of lines that have none of their own")
	organisation := flags.String("organisation", "", "put the items into this organisation instead of their own, with other ids")
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
	l := Loader{
		Client: control.EventsClient(), Bus: control.Bus, Source: "platform",
		DetailType: *detailType, Organisation: *organisation, Sent: counter(),
	}
	sent, err := l.Load(ctx, lines)
	fmt.Printf("%s%d items sent\n", overwrite(), sent)

	return err
}

// counter shows how many events have gone, where a line can be written over.
func counter() func(int) error {
	return func(sent int) error {
		if terminal(os.Stdout) {
			fmt.Printf("\r%d sent", sent)
		}
		return nil
	}
}

// overwrite goes back to the beginning of the line that counter writes.
func overwrite() string {
	if terminal(os.Stdout) {
		return "\r"
	}
	return ""
}

// terminal reports whether a line can be written over.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
