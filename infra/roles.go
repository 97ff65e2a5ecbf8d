package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
)

// newRole gives a function a role of its own with exactly its statements. The function sees it as one that cannot be
// added to, so that no construct widens it behind this file's back.
func (s *service) newRole(d definition, r resources, logs awslogs.LogGroup) awsiam.IRole {
	statements := append(d.statements(r),
		allow(on(logs.LogGroupArn()), "logs:CreateLogStream", "logs:PutLogEvents"),
		// X-Ray has no resources to name.
		allow(on(jsii.String("*")), "xray:PutTraceSegments", "xray:PutTelemetryRecords"))
	reason := "X-Ray's Put actions have no resource types: * is their only form."
	if d.dials && s.VPC != "" {
		reason += " Nor have the actions by which Lambda attaches a function to a VPC, which the function's own code is denied."
		statements = append(statements, s.networkStatements(d)...)
	}

	role := awsiam.NewRole(s.Stack, id(d.name, "Role"), &awsiam.RoleProps{
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
		Description: jsii.String("What " + *s.name(d.name) + " may do"),
		InlinePolicies: &map[string]awsiam.PolicyDocument{
			"own": awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &statements}),
		},
	})

	accept(role, "AwsSolutions-IAM5", reason, "Resource::*")

	return role.WithoutPolicyUpdates(nil)
}

func allow(resources []*string, actions ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Effect:    awsiam.Effect_ALLOW,
		Actions:   jsii.Strings(actions...),
		Resources: &resources,
	})
}

func on(resources ...*string) []*string { return resources }

// index is one index of the table; the table's own name does not cover it.
func (r resources) index(name string) *string {
	return jsii.String(*r.table.TableArn() + "/index/" + name)
}

func readsIntegration(r resources) []awsiam.PolicyStatement {
	return []awsiam.PolicyStatement{
		allow(on(r.table.TableArn()), "dynamodb:GetItem", "dynamodb:BatchGetItem"),
	}
}

func listsIntegrations(r resources) []awsiam.PolicyStatement {
	return []awsiam.PolicyStatement{allow(on(r.table.TableArn()), "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query")}
}

// createsIntegration seals under the key and never opens. A claim to a place whose integration is gone is deleted.
func createsIntegration(r resources) []awsiam.PolicyStatement {
	return []awsiam.PolicyStatement{
		allow(on(r.table.TableArn()), "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"),
		allow(on(r.key.KeyArn()), "kms:GenerateDataKey"),
	}
}

// deletesIntegration removes the record with its secrets, files a run that no worker is on, and asks for the purge.
func deletesIntegration(r resources) []awsiam.PolicyStatement {
	return []awsiam.PolicyStatement{
		allow(on(r.table.TableArn()), "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem", "dynamodb:PutItem",
			"dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"),
		r.sendsSync(),
	}
}

// checksIntegration opens secrets, to ask the provider with them. It counts checks and test messages by UpdateItem, and
// what a test message takes of a credential's pace by PutItem.
func checksIntegration(r resources) []awsiam.PolicyStatement {
	return []awsiam.PolicyStatement{
		allow(on(r.table.TableArn()), "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem", "dynamodb:PutItem"),
		allow(on(r.key.KeyArn()), "kms:Decrypt"),
	}
}

// changesIntegration seals under the key but never opens. A change that stops a run also files it
// and leaves a notice of it; one that spells the place otherwise moves the claim to it.
func changesIntegration(r resources) []awsiam.PolicyStatement {
	return []awsiam.PolicyStatement{
		allow(on(r.table.TableArn()),
			"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem", "dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"),
		allow(on(r.key.KeyArn()), "kms:GenerateDataKey"),
	}
}

func startsSync(r resources) []awsiam.PolicyStatement {
	return []awsiam.PolicyStatement{
		allow(on(r.table.TableArn()), "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"),
		r.sendsSync(),
	}
}

// countsBacklog reads the ledger, and counts in it by outcome.
func countsBacklog(r resources) []awsiam.PolicyStatement {
	return []awsiam.PolicyStatement{
		allow(on(r.table.TableArn()), "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"),
		allow(on(r.index(outcomeIndex)), "dynamodb:Query"),
	}
}

func showsSyncs(r resources) []awsiam.PolicyStatement {
	return []awsiam.PolicyStatement{
		allow(on(r.table.TableArn()), "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"),
	}
}

// stopsSync files a run that no worker is on, and leaves a notice of it.
func stopsSync(r resources) []awsiam.PolicyStatement {
	return []awsiam.PolicyStatement{
		allow(on(r.table.TableArn()), "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem", "dynamodb:PutItem"),
	}
}

// worksSync writes in transactions, each part of which needs the action of its kind.
func worksSync(r resources) []awsiam.PolicyStatement {
	return []awsiam.PolicyStatement{
		allow(on(r.table.TableArn()),
			"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:PutItem",
			"dynamodb:DeleteItem", "dynamodb:ConditionCheckItem", "dynamodb:BatchWriteItem"),
		allow(on(r.index(outcomeIndex)), "dynamodb:Query"),
		allow(on(r.key.KeyArn()), "kms:Decrypt"),
		allow(on(r.macKey.KeyArn()), "kms:GenerateMac"),
		r.publishes(),
		r.sendsSync(),
		consumes(r.queues.sync),
	}
}

// ingestsEvents stores the changes that the platform publishes. It deletes one record, the schedule of an organisation's erasure, when
// the organisation returns.
func ingestsEvents(r resources) []awsiam.PolicyStatement {
	return []awsiam.PolicyStatement{
		allow(on(r.table.TableArn()),
			"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"),
		r.sendsSync(),
		consumes(r.queues.ingest),
	}
}

// dispatchesDue moves what is due, publishes notices, and erases what deleted organisations leave, in transactions that
// check that they have not returned.
func dispatchesDue(r resources) []awsiam.PolicyStatement {
	return []awsiam.PolicyStatement{
		allow(on(r.index(dueIndex)), "dynamodb:Query"),
		allow(on(r.table.TableArn()), "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:PutItem",
			"dynamodb:DeleteItem", "dynamodb:ConditionCheckItem", "dynamodb:BatchWriteItem"),
		r.publishes(),
		r.sendsSync(),
	}
}

// publishes allows the service's own events only: events in the platform's name are trusted.
func (r resources) publishes() awsiam.PolicyStatement {
	statement := allow(on(r.bus.EventBusArn()), "events:PutEvents")
	statement.AddCondition(jsii.String("StringEquals"), map[string]any{"events:source": ownSource})
	return statement
}

func (r resources) sendsSync() awsiam.PolicyStatement {
	return allow(on(r.queues.sync.work.QueueArn()), "sqs:SendMessage")
}

// consumes is what Lambda's poller does with a queue in the function's name.
func consumes(q queue) awsiam.PolicyStatement {
	return allow(on(q.work.QueueArn()),
		"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility")
}
