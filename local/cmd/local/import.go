package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"example.com/integrations/shared/awsclient"
	"example.com/integrations/shared/events/incoming"
	"example.com/integrations/shared/events/publisher"
	"example.com/integrations/shared/lambdaapp"
)

// importCommand publishes a file of events on a bus of AWS, with the
// credentials of the environment. It checks all of the file before it sends
// anything, and goes on where it was interrupted.
func importCommand(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("import", flag.ContinueOnError)
	file := flags.String("file", "", "a JSONL file with detail_type and detail in each line: organisations, members, roles and items")
	bus := flags.String("bus", "", "the name or the ARN of the event bus")
	source := flags.String("source", "platform", "the source that the deployment's eventSource names")
	if err := parse(flags, args); err != nil {
		return err
	}

	if *file == "" || *bus == "" {
		return errors.New("import needs -file and -bus")
	}

	env := lambdaapp.NewSettings(os.LookupEnv)
	client := publisher.NewClient(awsclient.New(env))
	if err := env.Err(); err != nil {
		return err
	}

	lines, err := os.Open(*file)
	if err != nil {
		return err
	}

	defer func() { _ = lines.Close() }()

	return importLines(ctx, Loader{Client: client, Bus: *bus, Source: *source, Check: incoming.Check}, lines, progressPath(*file, *bus))
}

// progressPath is beside the input, one for each bus.
func progressPath(file, bus string) string {
	return file + "." + filepath.Base(bus) + ".progress"
}

func importLines(ctx context.Context, l Loader, lines io.ReadSeeker, path string) error {
	progress, err := ReadProgress(path, l.Bus, lines)
	if err != nil {
		return err
	}

	if err := rewind(lines); err != nil {
		return err
	}

	total, bad := l.Count(lines)
	if len(bad) > 0 {
		return fmt.Errorf("nothing was sent, as the file has lines that would be refused:\n%w", errors.Join(bad...))
	}

	if progress.Sent >= total {
		fmt.Printf("all %d events were sent before; remove %s to send them again\n", total, path)
		return nil
	}

	if progress.Sent > 0 {
		fmt.Printf("%d of %d events were sent before\n", progress.Sent, total)
	}

	if err := rewind(lines); err != nil {
		return err
	}

	show := counter()
	l.Skip = progress.Sent
	l.Sent = func(sent int) error { return errors.Join(show(sent), progress.Write(sent)) }
	sent, err := l.Load(ctx, lines)
	fmt.Printf("%s%d of %d events sent\n", overwrite(), sent, total)
	if err != nil {
		return fmt.Errorf("%w\nstart it again to go on; what had not been confirmed is sent again", err)
	}

	return nil
}

func rewind(s io.Seeker) error {
	_, err := s.Seek(0, io.SeekStart)
	return err
}
