package environment

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"example.com/integrations/local/aws/gateway"
)

// Identity lists the users for whom tokens can be made. It outlasts the environment, so that
// tokens can be made while it is stopped.
type Identity struct {
	Issuer   string            `json:"issuer"`
	Audience string            `json:"audience"`
	Users    map[string]string `json:"users"`
}

// SignToken makes a token for a sample user, or for the user with the given
// id, of the environment whose state is in dir.
func SignToken(dir, user, audience string, lifetime time.Duration) (string, error) {
	var identity Identity
	if err := readState(dir, identityFile, &identity); err != nil {
		return "", err
	}

	if audience == "" {
		audience = identity.Audience
	}

	subject, err := identity.subject(user)
	if err != nil {
		return "", err
	}

	signer, err := gateway.OpenIssuer(dir, identity.Issuer)
	if err != nil {
		return "", err
	}

	return signer.Token(subject, audience, lifetime)
}

// subject takes anything that is not a name for a subject: tests need tokens
// whose subject is no user's.
func (i Identity) subject(user string) (string, error) {
	if id, ok := i.Users[user]; ok {
		return id, nil
	}

	if user == "" {
		return "", errors.New("name a user: owner, manager, member, pending, stranger, or an id")
	}

	return user, nil
}

// ReadControl reads how to reach a running environment's inside.
func ReadControl(dir string) (Control, error) {
	var c Control
	return c, readState(dir, controlFile, &c)
}

// ReadEndpoints reads where a running environment is to be found.
func ReadEndpoints(dir string) (Endpoints, error) {
	var e Endpoints
	return e, readState(dir, endpointsFile, &e)
}

func readState(dir, name string, value any) error {
	data, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("no environment has its state in %s: start one with `make run`", dir)
	}
	if err != nil {
		return err
	}

	return json.Unmarshal(data, value)
}

// EventsClient is a client of a running environment's bus.
func (c Control) EventsClient() *eventbridge.Client { return eventsClient(c.Endpoint) }

func eventsClient(endpoint string) *eventbridge.Client {
	return eventbridge.New(eventbridge.Options{
		Region: region, BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}
