package main

import (
	"context"
	"fmt"
	"os"

	"example.com/integrations/local/environment"
	"example.com/integrations/local/providers/faults"
)

// runCommand starts an environment and stops it again when ctx ends.
func runCommand(ctx context.Context, args []string) error {
	flags, dir := newFlags("run")
	var given []string // faults
	o := environment.Options{
		Out: os.Stdout, Sample: sampleOrganisation(),
		DynamoDB: os.Getenv("DYNAMODB_ENDPOINT"), SQS: os.Getenv("SQS_ENDPOINT"),
	}
	flags.DurationVar(&o.Minute, "minute", environment.DefaultMinute, "how long a scheduled minute lasts")
	limits := flags.String("limits", "off", "the providers' rate limits and the API's throttles: published or off")
	flags.Func("fault", "a fake server's fault from the start, as github=rate_limited:times=3; repeatable (docs/faults.md)", func(text string) error {
		given = append(given, text)
		return nil
	})
	for name, port := range map[string]*int{
		"api-port": &o.Ports.API, "issuer-port": &o.Ports.Issuer, "page-port": &o.Ports.Page,
		"dynamodb-port": &o.Ports.DynamoDB, "sqs-port": &o.Ports.SQS,
	} {
		flags.IntVar(port, name, 0, "a port to listen on (default a free one)")
	}

	if err := parse(flags, args); err != nil {
		return err
	}

	switch *limits {
	case "published", "off":
		o.Limits = *limits == "published"
	default:
		return fmt.Errorf("limits are published or off, not %q", *limits)
	}

	o.Dir = *dir
	o.Faults = map[string][]faults.Order{}
	for _, text := range given {
		fakeServer, order, err := faults.ParseFlag(text)
		if err != nil {
			return fmt.Errorf("fault %w", err)
		}
		o.Faults[fakeServer] = append(o.Faults[fakeServer], order)
	}

	e, err := environment.Start(ctx, o)
	if err != nil {
		return err
	}

	defer e.Stop()
	select {
	case <-ctx.Done():
		fmt.Println("\nstopping")
		return nil
	case err := <-e.Failed():
		return err
	}
}
