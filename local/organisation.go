package main

import (
	"context"

	"integrations/local/environment"
	"integrations/local/sample"
	"integrations/local/standin/github"
	"integrations/shared/domain"
	"integrations/shared/sealing"
	"integrations/shared/store"
)

// sampleOrganisation is what a new environment starts with.
func sampleOrganisation() environment.Sample {
	repository := func(name string) github.Repository {
		return github.Repository{Owner: sample.RepoOwner, Name: name, Push: []string{sample.Login, sample.Person}}
	}
	return environment.Sample{
		Users: sample.Users, Organisations: sample.Organisations, Integrations: sample.Integrations,
		GitHubPerson:       sample.PersonToken(),
		GitHubTokens:       map[string]string{sample.Token(): sample.Login, sample.PersonToken(): sample.Person},
		GitHubRepositories: []github.Repository{repository(sample.RepoWork), repository(sample.RepoDocs), repository(sample.RepoSpare)},
		Seed:               seed,
	}
}

func seed(ctx context.Context, e *environment.Environment) error {
	st := store.New(e.DynamoDB(), e.Control.Table)
	return sample.Seed(ctx, st, st, sealer(e))
}

// sealer encrypts secrets with the environment's key.
func sealer(e *environment.Environment) sample.Sealer {
	keys := e.KMS()
	return func(ctx context.Context, i domain.Integration, member, origin, secret string) ([]byte, error) {
		b := sealing.Binding{Organisation: i.OrganisationID, Integration: i.ID, Field: member, Origin: origin}
		return sealing.Seal(ctx, keys, e.Control.Key, b, secret)
	}
}
