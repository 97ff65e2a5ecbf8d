package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"example.com/integrations/local/environment"
)

// tokenCommand prints a token and nothing else.
func tokenCommand(_ context.Context, args []string) error {
	flags, dir := newFlags("token")
	user := flags.String("user", "owner", "owner, manager, member, pending, stranger, or a subject")
	audience := flags.String("audience", "", "whom it is for (default this environment)")
	expires := flags.Duration("expires", time.Hour, "how long it is good; negative gives an expired one")
	if err := parse(flags, args); err != nil {
		return err
	}

	token, err := environment.SignToken(*dir, *user, *audience, *expires)
	if err == nil {
		fmt.Println(token)
	}

	return err
}

// envCommand prints what a shell needs to talk to the running environment by the
// command line of the API: eval "$(make -s env)".
func envCommand(_ context.Context, args []string) error {
	flags, dir := newFlags("env")
	user := flags.String("user", "owner", "owner, manager, member, pending, stranger, or a subject")
	if err := parse(flags, args); err != nil {
		return err
	}

	endpoints, err := environment.ReadEndpoints(*dir)
	if err != nil {
		return err
	}

	token, err := environment.SignToken(*dir, *user, "", 24*time.Hour)
	if err == nil {
		fmt.Printf("export INTEGRATIONS_API=%s\nexport INTEGRATIONS_TOKEN=%s\n", endpoints.API, token)
	}

	return err
}

// invokeCommand prints what a function answers to an event.
func invokeCommand(ctx context.Context, args []string) error {
	flags, dir := newFlags("invoke")
	function := flags.String("function", "", "the function's folder, such as get")
	event := flags.String("event", "", "a file with the event, such as events/get.json")
	if err := parse(flags, args); err != nil {
		return err
	}

	if *function == "" || *event == "" {
		return errors.New("invoke needs -function and -event")
	}

	payload, err := os.ReadFile(*event)
	if err != nil {
		return err
	}

	control, err := environment.ReadControl(*dir)
	if err != nil {
		return err
	}

	url := control.Endpoint + "/2015-03-31/functions/" + *function + "/invocations"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(payload))
	if err != nil {
		return err
	}

	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("the environment does not answer: %w", err)
	}

	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(os.Stdout, response.Body); err != nil {
		return err
	}

	fmt.Println()
	if response.StatusCode != http.StatusOK || response.Header.Get("X-Amz-Function-Error") != "" {
		return fmt.Errorf("%s failed", *function)
	}

	return nil
}
