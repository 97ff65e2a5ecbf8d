package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/jsii-runtime-go"
)

// The indexes only find work and rows; what they find is read again from the table before it is acted on.
const (
	dueIndex     = "due"
	outcomeIndex = "outcome"
)

func (s *service) newTable() awsdynamodb.TableV2 {
	return awsdynamodb.NewTableV2(s.Stack, jsii.String("Table"), &awsdynamodb.TablePropsV2{
		TableName:           s.name(),
		PartitionKey:        attribute("pk", awsdynamodb.AttributeType_STRING),
		SortKey:             attribute("sk", awsdynamodb.AttributeType_STRING),
		TimeToLiveAttribute: jsii.String("expires_at"),
		Billing:             awsdynamodb.Billing_OnDemand(nil),
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(true),
		},
		DeletionProtection: jsii.Bool(s.Profile == production),
		RemovalPolicy:      s.removal(),
		GlobalSecondaryIndexes: &[]*awsdynamodb.GlobalSecondaryIndexPropsV2{
			{
				IndexName:        jsii.String(dueIndex),
				PartitionKey:     attribute("due_shard", awsdynamodb.AttributeType_STRING),
				SortKey:          attribute("due_at", awsdynamodb.AttributeType_NUMBER),
				ProjectionType:   awsdynamodb.ProjectionType_INCLUDE,
				NonKeyAttributes: jsii.Strings("organisation_id"),
			},
			{
				IndexName:      jsii.String(outcomeIndex),
				PartitionKey:   attribute("outcome_pk", awsdynamodb.AttributeType_STRING),
				SortKey:        attribute("sk", awsdynamodb.AttributeType_STRING),
				ProjectionType: awsdynamodb.ProjectionType_ALL,
			},
		},
	})
}

func attribute(name string, kind awsdynamodb.AttributeType) *awsdynamodb.Attribute {
	return &awsdynamodb.Attribute{Name: &name, Type: kind}
}

// newMacKey makes the key that marker signatures are derived from. Without it no marker in a provider's object can be
// verified any more, so it is kept as the other one is. KMS does not rotate HMAC keys.
func (s *service) newMacKey() awskms.Key {
	return awskms.NewKey(s.Stack, jsii.String("MacKey"), &awskms.KeyProps{
		Alias:         s.name("mac"),
		Description:   jsii.String("Signs the markers in objects at the providers (stage " + s.Stage + ")"),
		KeySpec:       awskms.KeySpec_HMAC_256,
		KeyUsage:      awskms.KeyUsage_GENERATE_VERIFY_MAC,
		PendingWindow: awscdk.Duration_Days(jsii.Number(30)),
		RemovalPolicy: s.removal(),
	})
}

// newKey makes the key that secrets are sealed under. Losing it loses every stored secret, so production keeps it,
// and anyone who deletes it on purpose has the longest time that AWS offers to think again.
func (s *service) newKey() awskms.Key {
	return awskms.NewKey(s.Stack, jsii.String("Key"), &awskms.KeyProps{
		Alias:             s.name(),
		Description:       jsii.String("Seals the secrets of integrations (stage " + s.Stage + ")"),
		EnableKeyRotation: jsii.Bool(true),
		PendingWindow:     awscdk.Duration_Days(jsii.Number(30)),
		RemovalPolicy:     s.removal(),
	})
}
