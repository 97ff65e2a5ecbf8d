package store

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// A Store reads and writes the table. Each embedded repository has the methods of
// one family of records; the table at the top of the package lists their records.
type Store struct {
	integrationRepository
	accessRepository
	itemRepository
	pendingRepository
	linkRepository
	runRepository
	leaseRepository
	outboxRepository
	targetRepository
	capacityRepository
	erasureRepository
	dueRepository
}

// New returns a Store on a table.
func New(db *dynamodb.Client, name string) *Store {
	t := &table{db: db, name: name}
	targets := targetRepository{t}
	integrations := integrationRepository{table: t, targets: targets}

	return &Store{
		integrationRepository: integrations,
		accessRepository:      accessRepository{t},
		itemRepository:        itemRepository{t},
		pendingRepository:     pendingRepository{t},
		linkRepository:        linkRepository{table: t, pending: pendingRepository{t}},
		runRepository:         runRepository{t},
		leaseRepository:       leaseRepository{t},
		outboxRepository:      outboxRepository{t},
		targetRepository:      targets,
		capacityRepository:    capacityRepository{t},
		erasureRepository:     erasureRepository{table: t, integrations: integrations},
		dueRepository:         dueRepository{t},
	}
}

// Errors that callers distinguish.
var (
	ErrNotFound = errors.New("not found")
	// ErrConflict: the record has changed since the caller read it.
	ErrConflict = errors.New("changed in the meantime")
	// ErrFenced: another worker holds the lease; this one must stop.
	ErrFenced = errors.New("the lease is lost: another worker holds it")
	// ErrSignaled: a change arrived while the run was ending; the run must continue.
	ErrSignaled = errors.New("a change arrived")
	// ErrChanged: a manager stopped the run or changed the integration.
	ErrChanged = errors.New("stopped or changed by a manager")
)

// wrap adds the operation and its subject to an error. nil stays nil.
func wrap(err error, operation string, subject any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %v: %w", operation, subject, err)
}
