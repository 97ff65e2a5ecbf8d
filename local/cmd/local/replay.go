package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"example.com/integrations/local/environment"

	"example.com/integrations/shared/events/incoming"
)

// eventCommand sends one event, as EventBridge would deliver it, through the
// bus.
func eventCommand(ctx context.Context, args []string) error {
	flags, dir := newFlags("event")
	file := flags.String("file", "", "a file with an event, such as events/samples/item.created/good-work-item.json")
	if err := parse(flags, args); err != nil {
		return err
	}

	if *file == "" {
		return errors.New("event needs -file")
	}

	text, err := os.ReadFile(*file)
	if err != nil {
		return err
	}

	e, err := incoming.ParseEnvelope(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", *file, err)
	}

	control, err := environment.ReadControl(*dir)
	if err != nil {
		return err
	}

	bus := Loader{Client: control.EventsClient(), Bus: control.Bus, Source: e.Source}
	if err := bus.One(ctx, e.DetailType, e.Detail); err != nil {
		return err
	}

	fmt.Printf("%s sent\n", e.DetailType)
	if fate := fateOf(e); fate != "" {
		fmt.Println(fate)
	}

	return nil
}

// fateOf describes what happens to an event that the service will not use.
func fateOf(e incoming.Envelope) string {
	switch err := incoming.Check(e.DetailType, e.Detail); {
	case e.Source != platformSource:
		return fmt.Sprintf("It will not be delivered: the source is %q, and the rules look for %q.", e.Source, platformSource)
	case !slices.Contains(slices.Concat(incoming.OfOrganisations, incoming.InOrganisations), e.DetailType):
		return fmt.Sprintf("It will not be delivered: no rule looks for the detail-type %q.", e.DetailType)
	case err != nil:
		return fmt.Sprintf("It will be refused: %v", err)
	}

	return ""
}

// platformSource is whose events the local stack's rules look for.
const platformSource = "platform"

// replayCommand plays a file of changes.
func replayCommand(ctx context.Context, args []string) error {
	flags, dir := newFlags("replay")
	file := flags.String("file", "", "a JSONL file with detail_type and detail in each line")
	rate := flags.Float64("rate", 0, "events a second; 0 for as fast as can be")
	organisation := flags.String("organisation", "", "play it into this organisation instead of the events' own; items get other ids, always the same")
	seed := flags.Uint64("seed", 0, "play it in the random order of this seed")
	double := flags.Bool("double", false, "play each event twice, in random order")
	if err := parse(flags, args); err != nil {
		return err
	}

	if *file == "" {
		return errors.New("replay needs -file")
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
		Organisation: *organisation, Rate: *rate, Sent: counter(),
	}
	if given(flags, "seed") || *double {
		l.Order = &Order{Seed: *seed, Double: *double}
	}

	began := time.Now()
	sent, err := l.Load(ctx, lines)
	took := time.Since(began).Seconds()
	fmt.Printf("%s%d events sent in %.1f s, %.0f a second\n", overwrite(), sent, took, float64(sent)/took)

	return err
}

// given reports whether a flag was set, be it to its default.
func given(flags *flag.FlagSet, name string) bool {
	found := false
	flags.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}
