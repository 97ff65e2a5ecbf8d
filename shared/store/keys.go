// Package store keeps all records in one DynamoDB table. It is the only package
// that builds keys; it uses GetItem, BatchGetItem, Query and conditional
// writes, never a Scan.
//
// Keys by family, and how each record is read (ids in sort keys are padded to 19
// digits):
//
//	partition            sort key               record             read by
//
//	integrationRepository: integrations, their checks and their creation
//	INT#<id>             OWNER                  reference          GetItem: organisation and item type of an integration
//	ORG#<org>            INT#<type>#<id>        META               BatchGetItem on every request; Query by type (ingest), of all (list)
//	ORG#<org>            INTEGRATIONS           count              condition only: how many integrations an organisation has
//	ORG#<org>            IDEM#<user>#<key>      idempotency key    GetItem: the answer to the first create with this key
//	INT#<id>             CHECK                  last check         condition; GetItem before a test message: one check in ten seconds
//
//	accessRepository: who may manage integrations
//	ORG#<org>            ORG                    organisation       BatchGetItem on every request
//	ORG#<org>            MEMBER#<user>          member             BatchGetItem on every request
//
//	itemRepository: items and their claims
//	ITEMS#<org>#<type>   <item>                 item               BatchGetItem; Query in order of id (plan pass)
//	ITEM#<item>          CLAIM                  item claim         GetItem, condition: an item's organisation and type never change
//
//	pendingRepository: versions of items to send
//	INT#<id>             PENDING#<item>#<version> pending change   Query in order of item (worker); a deletion's ends in #deleted
//
//	linkRepository: items and their objects at the provider
//	INT#<id>             LINK#<target>#<item>   link, ledger       BatchGetItem (worker); Query, index "outcome" (ledger)
//	INT#<id>             REMOTE#<target>#<obj>  remote object      BatchGetItem (pull): the item that an object belongs to
//	INT#<id>             DIGEST#<digest>        digest             GetItem: whether the digest that a link names was posted
//
//	runRepository: runs as callers see them; leaseRepository: a worker's writes
//	INT#<id>             STATE                  state              GetItem, BatchGetItem; index "due" (dispatch)
//	INT#<id>             DRY                    dry-run state      like STATE, for dry runs
//	INT#<id>             RUN#<run>              ended run          GetItem; Query newest first
//	INT#<id>             PLAN#<run>#<item>      plan row           Query
//
//	outboxRepository: outgoing events that are not published yet
//	INT#<id>             OUTBOX#<event>         outgoing event     index "due" (dispatch), GetItem, DeleteItem
//	ORG#<org>            OUTBOX#<event>         outgoing event     the same, for events about an organisation
//
//	targetRepository: claims of integrations to targets
//	ORG#<org>            PLACE#<type>#<target>  target claim       condition, GetItem: the integration that syncs with a target
//	ORG#<org>            SPELLING#<type>#<hash> spelling claim     condition only: the integration with this configured target
//
//	capacityRepository: limits of the work at the same time
//	PACE#<credential>    PACE                   credential usage   GetItem: spent quota, refusal and slots of a credential
//	ORG#<org>            SLOTS                  slots              GetItem: the runs that work at the same time in an organisation
//
//	erasureRepository: deleted organisations and integrations
//	ORG#<org>            ERASURE                erasure            index "due" (dispatch), GetItem: when all data of a deleted one is erased
//
// dueRepository reads the index "due" and has no records of its own.
//
// Roles may arrive before their organisation. Its record then has roles and no
// version, and is not read as an organisation.
//
// META is written by managers, STATE by sync, ingest, dispatch and the worker.
// The indexes only find records. A record found there is read again, strongly
// consistent, before a decision.
package store

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"example.com/integrations/shared/domain"
)

// The table's fixed names.
const (
	partitionKey = "pk"
	sortKey      = "sk"
	indexDue     = "due"
	indexOutcome = "outcome"
	dueShards    = 8
)

const (
	pendingPrefix      = "PENDING#"
	linkPrefix         = "LINK#"
	runPrefix          = "RUN#"
	planPrefix         = "PLAN#"
	outboxPrefix       = "OUTBOX#"
	remotePrefix       = "REMOTE#"
	digestPrefix       = "DIGEST#"
	integrationPrefix  = "INT#"
	organisationPrefix = "ORG#"
	checkName          = "CHECK"
	erasureName        = "ERASURE"
)

// A RunKind says whether a run writes to the provider. An integration has at most
// one active run of each kind, so a dry run and a live run can be active at the
// same time. The kind is the sort key of the run's state.
type RunKind string

// The kinds of runs.
const (
	LiveRun RunKind = "STATE"
	DryRun  RunKind = "DRY"
)

var runKinds = []RunKind{LiveRun, DryRun}

// A key addresses one record.
type key struct{ pk, sk string }

func (k key) attributes() record {
	return record{partitionKey: text(k.pk), sortKey: text(k.sk)}
}

func integrationPartition(id domain.Snowflake) string  { return integrationPrefix + id.Sortable() }
func organisationPartition(id domain.Snowflake) string { return organisationPrefix + id.Sortable() }
func itemsPartition(org domain.Snowflake, t domain.ItemType) string {
	return "ITEMS#" + org.Sortable() + "#" + string(t)
}

func ownerKey(id domain.Snowflake) key           { return key{integrationPartition(id), "OWNER"} }
func stateKey(id domain.Snowflake) key           { return kindKey(id, LiveRun) }
func kindKey(id domain.Snowflake, k RunKind) key { return key{integrationPartition(id), string(k)} }
func organisationKey(id domain.Snowflake) key    { return key{organisationPartition(id), "ORG"} }
func memberKey(org, user domain.Snowflake) key {
	return key{organisationPartition(org), "MEMBER#" + user.Sortable()}
}

func checkKey(id domain.Snowflake) key  { return key{integrationPartition(id), checkName} }
func countKey(org domain.Snowflake) key { return key{organisationPartition(org), "INTEGRATIONS"} }
func idempotencyKey(org domain.Snowflake, o IdempotencyKey) key {
	return key{organisationPartition(org), "IDEM#" + o.User.Sortable() + "#" + o.Key}
}

func metaPrefix(t domain.ItemType) string { return integrationPrefix + string(t) + "#" }
func metaKey(p IntegrationRef) key {
	return key{organisationPartition(p.OrganisationID), metaPrefix(p.ItemType) + p.ID.Sortable()}
}

func itemKey(org domain.Snowflake, t domain.ItemType, id domain.Snowflake) key {
	return key{itemsPartition(org, t), id.Sortable()}
}

func claimKey(item domain.Snowflake) key { return claimAt(item.Sortable()) }

// claimOf is the key of an item's claim, by the key of the item.
func claimOf(item key) key { return claimAt(item.sk) }

func claimAt(item string) key { return key{"ITEM#" + item, "CLAIM"} }

// deletedSuffix ends the key of a pending deletion. A deletion may have the same
// version as the change before it, which a worker may be handling.
const deletedSuffix = "#deleted"

func pendingKey(integration domain.Snowflake, p PendingChange) key {
	sk := fmt.Sprintf("%s%s#%019d", pendingPrefix, p.ItemID.Sortable(), p.Version)
	if p.Deleted {
		sk += deletedSuffix
	}
	return key{integrationPartition(integration), sk}
}

// targetKey is the claim of an integration to a target. At most one integration of
// an organisation and item type syncs with a target.
func targetKey(p IntegrationRef, target string) key {
	return key{organisationPartition(p.OrganisationID), "PLACE#" + string(p.ItemType) + "#" + target}
}

// spellingKey is the claim of an integration to a target as it is configured. It is
// known before the provider resolves the target.
func spellingKey(p IntegrationRef, spelling string) key {
	return key{organisationPartition(p.OrganisationID), "SPELLING#" + string(p.ItemType) + "#" + spelling}
}

// linkKey contains the target. When the target of an integration changes and
// changes back, the first links still exist, and no object is created twice.
func linkKey(integration domain.Snowflake, target string, item domain.Snowflake) key {
	return key{integrationPartition(integration), linkPrefix + target + "#" + item.Sortable()}
}

func linksPrefix(target string) string { return linkPrefix + target + "#" }

func remoteKey(integration domain.Snowflake, target, remote string) key {
	return key{integrationPartition(integration), remotePrefix + target + "#" + remote}
}

func digestKey(integration, digest domain.Snowflake) key {
	return key{integrationPartition(integration), digestPrefix + digest.Sortable()}
}

func plansPrefix(run domain.Snowflake) string { return planPrefix + run.Sortable() + "#" }

func planKey(integration, run, item domain.Snowflake) key {
	return key{integrationPartition(integration), plansPrefix(run) + item.Sortable()}
}

// outboxKey is the key of an event that is not published yet. It is in the
// partition of the integration, or of the organisation where integration is 0.
func outboxKey(organisation, integration, event domain.Snowflake) key {
	partition := integrationPartition(integration)
	if integration == 0 {
		partition = organisationPartition(organisation)
	}
	return key{partition, outboxPrefix + event.Sortable()}
}

func runKey(integration, run domain.Snowflake) key {
	return key{integrationPartition(integration), runPrefix + run.Sortable()}
}

func usageKey(credential string) key { return key{"PACE#" + credential, "PACE"} }

func slotsKey(org domain.Snowflake) key { return key{organisationPartition(org), "SLOTS"} }

func erasureKey(org domain.Snowflake) key { return key{organisationPartition(org), erasureName} }

// parsePending reads a pending change from its sort key.
func parsePending(sk string) (PendingChange, error) {
	sk, deleted := strings.CutSuffix(sk, deletedSuffix)
	item, version, ok := strings.Cut(strings.TrimPrefix(sk, pendingPrefix), "#")
	id, err := parsePadded(item)
	v, verr := strconv.ParseInt(version, 10, 64)
	if !ok || err != nil || verr != nil || v < 0 || len(version) != 19 {
		return PendingChange{}, fmt.Errorf("key of a pending change %q is malformed", sk)
	}

	return PendingChange{ItemID: id, Version: v, Deleted: deleted}, nil
}

func parsePadded(s string) (domain.Snowflake, error) {
	return domain.ParseSnowflake(strings.TrimLeft(s, "0"))
}

// dueShard distributes the sparse index "due" over a few partitions.
func dueShard(integration domain.Snowflake) string {
	h := fnv.New32a()
	h.Write([]byte(integration.String()))
	return shardName(int(h.Sum32() % dueShards))
}

func shardName(n int) string { return fmt.Sprintf("DUE#%d", n) }
