package template

import "fmt"

const (
	functionType    = "AWS::Lambda::Function"
	queueType       = "AWS::SQS::Queue"
	busType         = "AWS::Events::EventBus"
	apiType         = "AWS::ApiGatewayV2::Api"
	integrationType = "AWS::ApiGatewayV2::Integration"
	authorizerType  = "AWS::ApiGatewayV2::Authorizer"
)

// A kind is a type of resource.
type kind struct {
	// add puts a resource into the template; nil where nothing of it runs
	// locally.
	add func(*Template, string, *resource, *properties) error
	// ignored names properties without a meaning locally.
	ignored []string
	// name is the property with the physical name, identity what Ref and GetAtt
	// make of that name (or of the logical id).
	name     string
	identity func(p Parameters, name string) map[string]string
}

// inert is a type that has no effect locally: it watches, permits or documents.
var inert = kind{}

// kinds lists every type that may occur in a template.
var kinds map[string]kind

// The map is filled by init as reading a route looks up other resources' kinds.
func init() {
	kinds = map[string]kind{
		functionType: {add: addFunction, name: "FunctionName", identity: arn("lambda", "function:"), ignored: []string{
			"Code", "Role", "Description", "TracingConfig", "Tags", "VpcConfig"}},
		queueType: {add: addQueue, name: "QueueName", identity: queueIdentity, ignored: []string{
			"SqsManagedSseEnabled", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "Tags"}},
		busType: {add: addBus, name: "Name", identity: busIdentity, ignored: []string{
			"Description", "Tags", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig"}},
		"AWS::Events::Rule": {add: addRule, name: "Name", identity: arn("events", "rule/"), ignored: []string{
			"Description", "Tags"}},
		"AWS::DynamoDB::GlobalTable": {add: addTable, name: "TableName", identity: arn("dynamodb", "table/"), ignored: []string{
			"BillingMode", "Replicas", "SSESpecification", "WriteOnDemandThroughputSettings"}},
		"AWS::DynamoDB::Table": {add: addTable, name: "TableName", identity: arn("dynamodb", "table/"), ignored: []string{
			"BillingMode", "SSESpecification", "PointInTimeRecoverySpecification", "DeletionProtectionEnabled", "Tags"}},
		"AWS::KMS::Key": {add: addKey, identity: keyIdentity, ignored: []string{
			"KeyPolicy", "EnableKeyRotation", "RotationPeriodInDays", "PendingWindowInDays", "Description", "Enabled", "Tags"}},
		"AWS::Lambda::EventSourceMapping": {add: addMapping, ignored: []string{"Tags", "MetricsConfig"}},
		apiType: {add: addAPI, identity: logicalID, ignored: []string{
			"Name", "Description", "Tags", "DisableExecuteApiEndpoint"}},
		"AWS::ApiGatewayV2::Route": {add: addRoute, ignored: []string{"OperationName"}},
		"AWS::ApiGatewayV2::Stage": {add: addStage, ignored: []string{
			"AccessLogSettings", "DefaultRouteSettings", "Description", "Tags"}},
		integrationType: {add: addIntegration, identity: logicalID, ignored: []string{"Description"}},
		authorizerType:  {add: addAuthorizer, identity: logicalID, ignored: []string{"Name"}},

		"AWS::Logs::LogGroup":             {name: "LogGroupName", identity: arn("logs", "log-group:")},
		"AWS::Logs::ResourcePolicy":       inert,
		"AWS::IAM::Role":                  inert,
		"AWS::IAM::Policy":                inert,
		"AWS::KMS::Alias":                 inert,
		"AWS::SQS::QueuePolicy":           inert,
		"AWS::SNS::Topic":                 inert,
		"AWS::SNS::TopicPolicy":           inert,
		"AWS::SNS::Subscription":          inert,
		"AWS::Lambda::Permission":         inert,
		"AWS::Lambda::EventInvokeConfig":  inert,
		"AWS::Events::EventBusPolicy":     inert,
		"AWS::CloudWatch::Alarm":          inert,
		"AWS::CloudWatch::CompositeAlarm": inert,
		"AWS::CloudWatch::Dashboard":      inert,
		"AWS::CDK::Metadata":              inert,
		"AWS::EC2::SecurityGroup":         inert,
		"AWS::EC2::SecurityGroupEgress":   inert,
	}
}

func arn(service, prefix string) func(Parameters, string) map[string]string {
	return func(p Parameters, name string) map[string]string {
		return map[string]string{
			"Ref": name,
			"Arn": fmt.Sprintf("arn:aws:%s:%s:%s:%s%s", service, p.Region, p.AccountID, prefix, name),
		}
	}
}

func queueIdentity(p Parameters, name string) map[string]string {
	url := fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/%s", p.Region, p.AccountID, name)
	return map[string]string{
		"Ref": url, "QueueUrl": url, "QueueName": name,
		"Arn": fmt.Sprintf("arn:aws:sqs:%s:%s:%s", p.Region, p.AccountID, name),
	}
}

func busIdentity(p Parameters, name string) map[string]string {
	out := arn("events", "event-bus/")(p, name)
	out["Name"] = name
	return out
}

// keyIdentity makes a key's id from its logical id, in the form AWS gives ids,
// so that the same stack always has the same key.
func keyIdentity(p Parameters, name string) map[string]string {
	id := uuidFrom(p.StackName + "/" + name)
	out := arn("kms", "key/")(p, id)
	out["KeyId"] = id
	return out
}

func logicalID(_ Parameters, name string) map[string]string {
	return map[string]string{"Ref": name}
}
