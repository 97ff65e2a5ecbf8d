package store

import (
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
