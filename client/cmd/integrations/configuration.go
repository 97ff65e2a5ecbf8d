package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"example.com/integrations/client"
)

const configurationHelp = `
A configuration is given by members, or as a whole with -file:

  owner=octo              a text
  digest_over:=5          JSON, such as a number
  token=@secret.txt       what a file holds; @- for standard input
  token=env:GITHUB_TOKEN  what a variable of the environment holds

A secret is never taken from the command line itself, where others can read it.
`

// secrets are the members that are secret at some provider.
var secrets = []string{"api_token", "bot_token", "private_key", "token", "webhook_url", "workflow_url"}

// maxConfiguration is more than the API takes.
const maxConfiguration = 1 << 20

func createIntegration(flags *flag.FlagSet) action {
	n := client.NewIntegration{}
	flags.StringVar(&n.ItemType, "type", "", "the type of its items, such as work_item; it never changes")
	flags.StringVar(&n.Provider, "provider", "", "discord, github, gitlab, jira, mantisbt, slack or teams; it never changes")
	disabled := flags.Bool("disabled", false, "bring nothing to the provider yet")
	file := flags.String("file", "", "a file with the whole configuration, - for standard input")
	key := flags.String("key", "", "an idempotency key: the same creates one integration in 24 hours")

	return func(ctx context.Context, i *invocation) error {
		if n.ItemType == "" || n.Provider == "" {
			return wrong("create wants -type and -provider")
		}

		text, err := i.configuration(*file, i.args[1:], nil, "{}")
		if err != nil {
			return err
		}

		enabled := !*disabled
		n.Configuration = text
		n.Enabled = &enabled
		var options []client.CallOption
		if *key != "" {
			options = append(options, client.IdempotencyKey(*key))
		}

		got, err := i.api.CreateIntegration(ctx, i.args[0], n, options...)

		return i.one(got, err, integrationText)
	}
}

// setConfiguration changes members of what is stored, and only if nobody else
// changes it meanwhile.
func setConfiguration(flags *flag.FlagSet) action {
	file := flags.String("file", "", "a file with the whole configuration, - for standard input")
	var unset []string
	flags.Func("unset", "a `member` to be taken away; can be given again", func(name string) error {
		unset = append(unset, name)
		return nil
	})

	return func(ctx context.Context, i *invocation) error {
		if *file == "" && len(i.args) == 1 && len(unset) == 0 {
			return wrong("set wants something to change: MEMBER=VALUE, -unset MEMBER or -file FILE")
		}

		current, err := i.api.GetIntegration(ctx, i.args[0])
		if err != nil {
			return err
		}

		text, err := i.configuration(*file, i.args[1:], unset, current.Configuration)
		if err != nil {
			return err
		}

		got, err := i.api.UpdateIntegration(ctx, i.args[0], client.Change{Configuration: &text}, client.IfMatch(current.ETag))

		return i.one(got, err, integrationText)
	}
}

// configuration is what a file holds, or what the members make of the stored
// one.
func (i *invocation) configuration(file string, members, unset []string, stored string) (string, error) {
	if file != "" {
		if len(members)+len(unset) > 0 {
			return "", wrong("-file gives the whole configuration: leave the members out")
		}
		return i.read(file)
	}

	var values map[string]json.RawMessage
	if err := json.Unmarshal([]byte(stored), &values); err != nil {
		return "", fmt.Errorf("the stored configuration: %w", err)
	}

	for _, name := range unset {
		delete(values, name)
	}

	for _, member := range members {
		name, value, err := i.member(member)
		if err != nil {
			return "", err
		}
		values[name] = value
	}

	return encode(values)
}

// member reads MEMBER=VALUE in one of its forms. No error holds a value.
func (i *invocation) member(text string) (string, json.RawMessage, error) {
	name, value, ok := strings.Cut(text, "=")
	name, isJSON := strings.CutSuffix(name, ":")
	if !ok || name == "" {
		return "", nil, wrong("a member is given as MEMBER=VALUE")
	}

	path, fromFile := strings.CutPrefix(value, "@")
	variable, fromEnvironment := strings.CutPrefix(value, "env:")
	var err error
	switch {
	case isJSON && !json.Valid([]byte(value)):
		return "", nil, wrong("%s: what follows := is no JSON", name)
	case fromFile && !isJSON:
		if value, err = i.read(path); err != nil {
			return "", nil, err
		}
		value = strings.TrimRight(value, "\r\n")

	case fromEnvironment && !isJSON:
		if value = i.env(variable); value == "" {
			return "", nil, wrong("%s: the environment has no %s", name, variable)
		}
	case slices.Contains(secrets, name):
		return "", nil, wrong("%s is a secret: give it as %s=@FILE, %s=@- or %s=env:VARIABLE", name, name, name, name)
	}

	if isJSON {
		return name, json.RawMessage(value), nil
	}

	encoded, err := encode(value)

	return name, json.RawMessage(encoded), err
}

func (i *invocation) read(path string) (string, error) {
	in := i.stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", wrong("%v", err)
		}

		defer func() { _ = f.Close() }()
		in = f
	}

	content, err := io.ReadAll(io.LimitReader(in, maxConfiguration))

	return string(content), err
}

// encode writes JSON on one line, without escaping what HTML would mind.
func encode(v any) (string, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return strings.TrimSpace(b.String()), err
}

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
