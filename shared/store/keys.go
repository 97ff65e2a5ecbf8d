// Package store keeps everything in one DynamoDB table. It is the only package
// that knows a key; it uses GetItem, BatchGetItem, Query and conditional
// writes, never a Scan.
//
// Keys, and who reads them how (ids in sort keys are padded to 19 digits):
//
//	partition            sort key               record        read by
//	INT#<id>             OWNER                  pair          GetItem: which organisation and type an integration has
//	ORG#<org>            ORG                    organisation  BatchGetItem on every request
//	ORG#<org>            MEMBER#<user>          member        BatchGetItem on every request
//	ORG#<org>            INT#<type>#<id>        META          BatchGetItem on every request; Query by type (ingest), of all (list)
//	INT#<id>             STATE                  state         GetItem, BatchGetItem; index "due" (dispatch)
//	INT#<id>             DRY                    dry lane      like STATE, for dry runs
//	INT#<id>             PENDING#<item>#<version> mark          Query in order of item (worker); a deletion's ends in #deleted
//	INT#<id>             LINK#<target>#<item>   link, ledger  BatchGetItem (worker); Query, index "outcome" (ledger)
//	INT#<id>             RUN#<run>              ended run     GetItem; Query newest first
//	INT#<id>             PLAN#<run>#<item>      plan row      Query
//	INT#<id>             REMOTE#<target>#<obj>  whose object  BatchGetItem (pull)
//	INT#<id>             DIGEST#<digest>        digest        GetItem: whether a chat has been told of the items that name it
//	INT#<id>             OUTBOX#<event>         outbox row    index "due" (dispatch), GetItem, DeleteItem
//	INT#<id>             CHECK                  last check    condition; GetItem before a test message: one check in ten seconds
//	ITEMS#<org>#<type>   <item>                 item          BatchGetItem; Query in order of id (plan pass)
//	ITEM#<item>          CLAIM                  claim         GetItem, condition: an item's organisation and type never change
//	ORG#<org>            SLOTS                  turns         GetItem: how many of an organisation are worked on
//	ORG#<org>            PLACE#<type>#<target>  place claim   condition, GetItem: which integration syncs with a place
//	ORG#<org>            SPELLING#<type>#<hash> spelling claim condition only: which integration is configured so
//	ORG#<org>            INTEGRATIONS           count         condition only: how many integrations it has
//	ORG#<org>            IDEM#<user>#<key>      create key    GetItem: what a create with this key has made
//	ORG#<org>            ERASURE                erasure       index "due" (dispatch), GetItem: when all of a deleted one is erased
//	ORG#<org>            OUTBOX#<event>         outbox row    like those of integrations, for what concerns the organisation
//	PACE#<credential>    PACE                   usage         GetItem: what a credential has spent, its refusal, its turns
//
// An organisation's record without a version holds roles that were told of
// before it, and nobody reads it as an organisation.
//
// META is written by managers, STATE by sync, ingest, dispatch and the worker.
// The indexes only find: what they find is read again, consistently, before
// anything is decided on it.
package store

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

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
	markPrefix   = "PENDING#"
	linkPrefix   = "LINK#"
	runPrefix    = "RUN#"
	planPrefix   = "PLAN#"
	outboxPrefix = "OUTBOX#"
	remotePrefix = "REMOTE#"
	digestPrefix = "DIGEST#"
	integrations = "INT#"
	checkName    = "CHECK"
	erasureName  = "ERASURE"
)

// A RunKind holds at most one run. Dry runs have their own, so that they neither
// occupy nor join the active run.
type RunKind string

// The lanes; their names are sort keys.
const (
	LiveRun RunKind = "STATE"
	DryRun  RunKind = "DRY"
)

var lanes = []RunKind{LiveRun, DryRun}

// A key addresses one record.
type key struct{ pk, sk string }

func (k key) attributes() record {
	return record{partitionKey: text(k.pk), sortKey: text(k.sk)}
}

func integrationPartition(id domain.Snowflake) string  { return "INT#" + id.Sortable() }
func organisationPartition(id domain.Snowflake) string { return "ORG#" + id.Sortable() }
func itemsPartition(org domain.Snowflake, t domain.ItemType) string {
	return "ITEMS#" + org.Sortable() + "#" + string(t)
}

func ownerKey(id domain.Snowflake) key           { return key{integrationPartition(id), "OWNER"} }
func stateKey(id domain.Snowflake) key           { return laneKey(id, LiveRun) }
func laneKey(id domain.Snowflake, l RunKind) key { return key{integrationPartition(id), string(l)} }
func organisationKey(id domain.Snowflake) key    { return key{organisationPartition(id), "ORG"} }
func memberKey(org, user domain.Snowflake) key {
	return key{organisationPartition(org), "MEMBER#" + user.Sortable()}
}

func checkKey(id domain.Snowflake) key  { return key{integrationPartition(id), checkName} }
func countKey(org domain.Snowflake) key { return key{organisationPartition(org), "INTEGRATIONS"} }
func onceKey(org domain.Snowflake, o IdempotencyKey) key {
	return key{organisationPartition(org), "IDEM#" + o.User.Sortable() + "#" + o.Key}
}

func metaPrefix(t domain.ItemType) string { return integrations + string(t) + "#" }
func metaKey(p IntegrationRef) key {
	return key{organisationPartition(p.OrganisationID), metaPrefix(p.ItemType) + p.ID.Sortable()}
}

func itemKey(org domain.Snowflake, t domain.ItemType, id domain.Snowflake) key {
	return key{itemsPartition(org, t), id.Sortable()}
}

func claimKey(item domain.Snowflake) key { return key{"ITEM#" + item.Sortable(), "CLAIM"} }

// deletedSuffix ends the key of a deletion's mark: a deletion may have the
// version of the change before it, whose mark a worker may be at.
const deletedSuffix = "#deleted"

func markKey(integration domain.Snowflake, m PendingChange) key {
	sk := fmt.Sprintf("%s%s#%019d", markPrefix, m.ItemID.Sortable(), m.Version)
	if m.Deleted {
		sk += deletedSuffix
	}
	return key{integrationPartition(integration), sk}
}

// placeKey is the claim of an integration to a place. One place takes one
// integration of an organisation and item type.
func placeKey(p IntegrationRef, target string) key {
	return key{organisationPartition(p.OrganisationID), "PLACE#" + string(p.ItemType) + "#" + target}
}

// spellingKey is the claim of an integration to a spelling of a place, which is
// known before the provider is asked.
func spellingKey(p IntegrationRef, spelling string) key {
	return key{organisationPartition(p.OrganisationID), "SPELLING#" + string(p.ItemType) + "#" + spelling}
}

// linkKey holds the target: when an integration is led elsewhere and back, the
// links of the old place are still there, and nothing is created twice.
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

// outboxKey is where a notice waits: with the integration it is about, or with
// the organisation where it is about that (integration is 0).
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

// parseMark reads a mark back from its sort key.
func parseMark(sk string) (PendingChange, error) {
	sk, deleted := strings.CutSuffix(sk, deletedSuffix)
	item, version, ok := strings.Cut(strings.TrimPrefix(sk, markPrefix), "#")
	id, err := parsePadded(item)
	v, verr := strconv.ParseInt(version, 10, 64)
	if !ok || err != nil || verr != nil || v < 0 || len(version) != 19 {
		return PendingChange{}, fmt.Errorf("mark key %q is malformed", sk)
	}

	return PendingChange{ItemID: id, Version: v, Deleted: deleted}, nil
}

func parsePadded(s string) (domain.Snowflake, error) {
	return domain.ParseSnowflake(strings.TrimLeft(s, "0"))
}

// dueShard spreads the sparse index over a few partitions.
func dueShard(integration domain.Snowflake) string {
	h := fnv.New32a()
	h.Write([]byte(integration.String()))
	return shardName(int(h.Sum32() % dueShards))
}

func shardName(n int) string { return fmt.Sprintf("DUE#%d", n) }

type record = map[string]types.AttributeValue
